// fastcgi_ directives as they are read: addresses, parameters, the pattern that cuts a path, and what is said of mistakes.
import { afterAll, describe, expect, it } from 'vitest';
import { LocationReader } from '../apps/read-location.ts';

const reader = new LocationReader('upstream php { server 127.0.0.1:9; }');
afterAll(() => reader.remove());

/** `[directives, what is said of them; '' where nothing is]`; nginx says something or nothing as well. */
const CASES: readonly (readonly [string, string])[] = [
  ['fastcgi_pass 127.0.0.1:9000;', ''],
  ['fastcgi_pass [::1]:9000;', ''],
  ['fastcgi_pass localhost:9000;', ''],
  ['fastcgi_pass unix:/run/php/php-fpm.sock;', ''],
  ['fastcgi_pass php;', ''],
  ['fastcgi_pass $arg_app;', ''],
  ['fastcgi_pass pph;', '"pph" is no upstream or program, and a host needs a port here; did you mean "php"?'],
  [
    'fastcgi_pass 127.0.0.1;',
    '"127.0.0.1" is no upstream or program, and a host needs a port here; write 127.0.0.1:9000',
  ],
  [
    'fastcgi_pass http://127.0.0.1:9000/;',
    '"fastcgi_pass" takes an address without "://"; write 127.0.0.1:9000',
  ],
  [
    'fastcgi_pass 127.0.0.1:9000/x;',
    '"127.0.0.1:9000/x" is no address; write host:port, unix:/path or the name of an upstream',
  ],
  ['fastcgi_pass php; fastcgi_pass php;', '"fastcgi_pass" is given twice in this block'],
  ['fastcgi_param A;', '"fastcgi_param" takes 2 to 3 arguments, not 1'],
  ['fastcgi_param A $host if_not_empty;', ''],
  ['fastcgi_param A b if_empty;', '"if_empty" is not "if_not_empty"'],
  ['fastcgi_param A $nosuch;', 'unknown variable "$nosuch"'],
  ['fastcgi_split_path_info ^(.+\\.php)(/.+)$;', ''],
  ['fastcgi_split_path_info ^(?<a>.+\\.php)(?:)(/.+)$;', ''],
  ['fastcgi_split_path_info ^([^()]+)\\((/.+)$;', ''],
  ['fastcgi_split_path_info ^(.+\\.php)/.+$;', 'must have two groups, for script and path info, not 1'],
  ['fastcgi_split_path_info ^((.+)\\.php)(/.+)$;', 'must have two groups, for script and path info, not 3'],
  ['fastcgi_split_path_info ^(.+;', 'a "(" without its ")"'],
  ['fastcgi_next_upstream error http_500 non_idempotent;', ''],
  ['fastcgi_next_upstream http_502;', 'unknown condition "http_502"; there are error, timeout'],
  ['fastcgi_ignore_headers Expires Vary;', ''],
  ['fastcgi_ignore_headers Date;', '"Date" cannot be ignored; there are x-accel-redirect'],
  ['fastcgi_read_timeout x;', 'is not a time'],
];

describe('is read', () => {
  it.each(CASES)('%s', (text, message) => {
    reader.expectSaid(text, message);
  });

  it('into settings, each family for itself', () => {
    const settings = reader.settingsOf(
      'fastcgi_pass php; fastcgi_read_timeout 3s; fastcgi_param A b; fastcgi_param C $host if_not_empty; fastcgi_hide_header X-A;',
    );
    expect(settings).toMatchObject({
      proxyPass: { url: 'fastcgi://php' },
      fastcgiReadTimeoutMs: 3000,
      proxyReadTimeoutMs: 60_000,
      fastcgiParam: [
        { name: 'A', value: 'b', ifNotEmpty: false },
        { name: 'C', value: '$host', ifNotEmpty: true },
      ],
      fastcgiHideHeader: ['x-a'],
      proxyHideHeader: [],
    });
  });

  it('as one of two passes only', () => {
    expect(reader.complaint('proxy_pass http://php; fastcgi_pass php;')).toContain(
      '"fastcgi_pass" cannot stand beside "proxy_pass", which is at line 1; keep one of them',
    );
  });
});
