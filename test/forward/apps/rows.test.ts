// uwsgi_ and scgi_ directives as they are read: addresses, numbers, what is said of mistakes; where nginx is installed, what it takes.
import { afterAll, describe, expect, it } from 'vitest';
import { LocationReader } from './read-location.ts';

const reader = new LocationReader(`upstream app { server 127.0.0.1:9; }
   uwsgi_cache_path DIR/u keys_zone=u:1m; scgi_cache_path DIR/s keys_zone=s:1m;`);
afterAll(() => reader.remove());

const urlOf = (text: string): string | undefined => reader.settingsOf(text).proxyPass?.url;

/** `[directives, what is said of them; '' where nothing is]`; nginx says something or nothing as well. */
const CASES: readonly (readonly [string, string])[] = [
  ['uwsgi_pass 127.0.0.1:9000;', ''],
  ['uwsgi_pass uwsgi://127.0.0.1:9000;', ''],
  ['uwsgi_pass SUWSGI://[::1]:9000;', ''],
  ['uwsgi_pass suwsgi://app;', ''],
  ['uwsgi_pass unix:/run/app.sock;', ''],
  ['uwsgi_pass uwsgi://unix:/run/app.sock;', ''],
  ['uwsgi_pass $arg_app;', ''],
  ['uwsgi_pass suwsgi://$arg_app;', ''],
  ['uwsgi_pass ap;', '"ap" is no upstream or program, and a host needs a port here'],
  ['uwsgi_pass http://127.0.0.1:9000;', '"uwsgi_pass" takes an address without "://"; write 127.0.0.1:9000'],
  ['uwsgi_pass uwsgi://127.0.0.1:9000/x;', '"127.0.0.1:9000/x" is no address'],
  ['uwsgi_pass app; uwsgi_pass app;', '"uwsgi_pass" is given twice in this block'],
  ['uwsgi_pass app; uwsgi_modifier1 255; uwsgi_modifier2 0; uwsgi_string x;', ''],
  ['uwsgi_modifier1 256;', 'uwsgi_modifier1'],
  ['uwsgi_modifier2 -1;', 'uwsgi_modifier2'],
  ['uwsgi_param A;', '"uwsgi_param" takes 2 to 3 arguments, not 1'],
  ['uwsgi_param A $host if_not_empty;', ''],
  ['uwsgi_param A b if_empty;', '"if_empty" is not "if_not_empty"'],
  ['uwsgi_next_upstream error http_500 non_idempotent http_429;', ''],
  ['uwsgi_next_upstream http_502;', 'unknown condition "http_502"'],
  ['uwsgi_cache u; uwsgi_cache_key $uri; uwsgi_pass suwsgi://app;', ''],
  ['uwsgi_ssl_verify on; uwsgi_pass app;', ''],
  ['scgi_pass 127.0.0.1:9000;', ''],
  ['scgi_pass app;', ''],
  ['scgi_pass $arg_app;', ''],
  ['scgi_pass 127.0.0.1;', 'a host needs a port here'],
  ['scgi_pass scgi://127.0.0.1:9000;', '"scgi_pass" takes an address without "://"; write 127.0.0.1:9000'],
  ['scgi_param A b if_empty;', '"if_empty" is not "if_not_empty"'],
  ['scgi_ignore_headers Date;', '"Date" cannot be ignored'],
  ['scgi_cache s; scgi_cache_key $uri; scgi_pass app;', ''],
  ['scgi_cache_min_uses 2; scgi_store on; scgi_buffers 4 8k; scgi_limit_rate 1k;', ''],
];

describe('is read', () => {
  it.each(CASES)('%s', (text, message) => {
    reader.expectSaid(text, message);
  });

  it.each([
    ['uwsgi', 'uwsgi_pass app;'],
    ['uwsgi', 'uwsgi_pass suwsgi://app;'],
    ['scgi', 'scgi_pass app;'],
  ])('%s_cache without a key, which would be one for all: %s', (family, pass) => {
    const ours = reader.complaint(`${family}_cache ${family[0]}; ${pass}`);
    expect(ours).toContain(`no "${family}_cache_key" for "${family}_cache"`);
  });

  it('as a URL, of whatever family it is', () => {
    expect(urlOf('uwsgi_pass app;')).toBe('uwsgi://app');
    expect(urlOf('uwsgi_pass UWSGI://app;')).toBe('uwsgi://app');
    expect(urlOf('uwsgi_pass suwsgi://$host:1;')).toBe('suwsgi://$host:1');
    expect(urlOf('scgi_pass app;')).toBe('scgi://app');
  });
});
