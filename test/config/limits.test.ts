// limit_req and limit_conn as they are written: what nginx refuses is refused, with its place; both syntaxes mean the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nginxComplaint, nginxVersion, tempPaths } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-limit-rows-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ZONES = `limit_req_zone $arg_a zone=r:64k rate=10r/s; limit_req_zone $uri zone=r2:64k rate=90r/m; limit_conn_zone $arg_a zone=c:64k;`;

interface Case {
  readonly http?: string;
  readonly location?: string;
}

const text = ({ http = '', location = '' }: Case): string =>
  `events { } http { ${tempPaths(dir)} access_log off;\n${http}\nserver { listen 127.0.0.1:9;\nlocation / {\n${location}\n} } }`;

/** What of it is wrong, '' for nothing; without what only nginx has to be told. */
function complaint(one: Case): string {
  try {
    readModel(text(one).replace(/(?:fastcgi|uwsgi|scgi)_temp_path \S+;/g, '')).remove();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const RIGHT: readonly Case[] = [
  { http: ZONES },
  { http: ZONES, location: 'limit_req zone=r; limit_req zone=r2 burst=5 nodelay; limit_conn c 1;' },
  { http: ZONES, location: 'limit_req burst=5 zone=r delay=3;' },
  { http: ZONES, location: 'limit_req nodelay zone=r;' },
  { http: ZONES, location: 'limit_conn c 65535; limit_conn_status 599; limit_req_status 400;' },
  { http: 'limit_req zone=late; limit_req_zone $arg_a zone=late:64k rate=1r/m;' },
  { http: 'limit_req_zone $arg_a rate=7 zone=a:32k;' },
  { http: 'limit_req_zone constant zone=a:10m rate=1r/s;' },
  { http: 'limit_req_zone "$binary_remote_addr$host" zone=a:1M rate=1000r/s;' },
  {
    http: `${ZONES} limit_req_log_level info; limit_conn_log_level notice; limit_req_dry_run on; limit_conn_dry_run on;`,
  },
];

const WRONG: readonly (Case & { readonly says: string })[] = [
  { location: 'limit_req zone=none;', says: 'there is no zone "none"' },
  { location: 'limit_conn none 1;', says: 'there is no zone "none"' },
  { http: ZONES, location: 'limit_req zone=c;', says: 'zone "c" is a limit_conn_zone' },
  { http: ZONES, location: 'limit_conn r 1;', says: 'zone "r" is a limit_req_zone' },
  {
    http: ZONES,
    location: 'limit_req zone=r; limit_req zone=r burst=2;',
    says: 'is given twice for zone "r"',
  },
  { http: ZONES, location: 'limit_conn c 1; limit_conn c 2;', says: 'is given twice for zone "c"' },
  { http: `${ZONES}\nlimit_req_zone $uri zone=r:64k rate=1r/s;`, says: 'is already bound to key "$arg_a"' },
  { http: `${ZONES}\nlimit_conn_zone $uri zone=r:64k;`, says: 'zone "r" is already a limit_req_zone' },
  { http: 'limit_req_zone $arg_a zone=a:31k rate=1r/s;', says: 'is too small' },
  { http: 'limit_req_zone $arg_a zone=a rate=1r/s;', says: 'invalid zone size' },
  { http: 'limit_req_zone $arg_a zone=a:x rate=1r/s;', says: 'invalid zone size' },
  { http: 'limit_conn_zone $arg_a zone=:64k;', says: 'must have a "zone=" parameter' },
  { http: 'limit_req_zone $arg_a zone=a:64k rate=0r/s;', says: 'invalid rate' },
  { http: 'limit_req_zone $arg_a zone=a:64k rate=5r/h;', says: 'invalid rate' },
  { http: 'limit_req_zone $arg_a zone=a:64k rate=-1r/s;', says: 'invalid rate' },
  { http: 'limit_req_zone $arg_a zone=a:64k;', says: 'limit_req_zone' },
  { http: 'limit_req_zone $arg_a zone=a:64k brate=1r/s;', says: 'invalid parameter "brate=1r/s"' },
  { http: 'limit_req_zone $nothing zone=a:64k rate=1r/s;', says: 'unknown variable "$nothing"' },
  { http: 'limit_conn_zone $arg_a a:64k;', says: 'invalid parameter "a:64k"' },
  { http: ZONES, location: 'limit_req zone=r burst=0;', says: 'invalid burst value' },
  { http: ZONES, location: 'limit_req zone=r burst=x;', says: 'invalid burst value' },
  { http: ZONES, location: 'limit_req zone=r delay=0;', says: 'invalid delay value' },
  { http: ZONES, location: 'limit_req zone=r now;', says: 'invalid parameter "now"' },
  { http: ZONES, location: 'limit_req burst=4;', says: 'must have a "zone=" parameter' },
  { http: ZONES, location: 'limit_conn c 0;', says: 'invalid number of connections' },
  { http: ZONES, location: 'limit_conn c 65536;', says: 'less than 65536' },
  { http: ZONES, location: 'limit_req_status 399;', says: 'from 400 to 599' },
  { http: ZONES, location: 'limit_conn_status 600;', says: 'from 400 to 599' },
  { http: ZONES, location: 'limit_req_log_level crit;', says: 'one of info, notice, warn, error' },
  { http: ZONES, location: 'limit_conn_log_level debug;', says: 'one of info, notice, warn, error' },
  { location: 'limit_req_zone $arg_a zone=a:64k rate=1r/s;', says: 'limit_req_zone' },
  { http: ZONES, location: 'if ($arg_a) { limit_req zone=r; }', says: 'limit_req' },
];

describe('limits as they are written', () => {
  it.each(RIGHT)('%j is taken', (one) => {
    expect(complaint(one)).toBe('');
    if (nginxVersion !== '') expect(nginxComplaint(dir, text(one))).toBe('');
  });

  it.each(WRONG)('%j is refused, with its place', (one) => {
    const said = complaint(one);
    expect(said).toContain(one.says);
    expect(said).toMatch(/:\d+:\d+: /);
    if (nginxVersion !== '') expect(nginxComplaint(dir, text(one))).not.toBe('');
  });

  it('an inherited limit that is wrong is told once', () => {
    const said = complaint({
      http: 'limit_req zone=none;',
      location: 'location /a { limit_conn_status 500; }',
    });
    expect(said.split('there is no zone').length).toBe(2);
  });

  it('means the same in JSON', () => {
    const json = JSON.stringify({
      limit_req_zone: [
        ['$arg_a', 'zone=r:64k', 'rate=10r/s'],
        ['$uri', 'zone=r2:64k', 'rate=90r/m', 'sync'],
      ],
      limit_conn_zone: ['$arg_a', 'zone=c:64k'],
      limit_req_log_level: 'warn',
      servers: [
        {
          listen: '127.0.0.1:9',
          locations: {
            '/': {
              limit_req: [['zone=r', 'burst=5', 'nodelay'], ['zone=r2']],
              limit_conn: ['c', 3],
              limit_conn_status: 429,
              limit_req_dry_run: true,
            },
          },
        },
      ],
    });
    const nginx = `http { limit_req_zone $arg_a zone=r:64k rate=10r/s; limit_req_zone $uri zone=r2:64k rate=90r/m sync;
      limit_conn_zone $arg_a zone=c:64k; limit_req_log_level warn; server { listen 127.0.0.1:9; location / {
        limit_req zone=r burst=5 nodelay; limit_req zone=r2; limit_conn c 3; limit_conn_status 429; limit_req_dry_run on; } } }`;
    const read = (text: string) => {
      const { model, remove } = readModel(text);
      remove();
      const [location] = model.servers[0].locations;
      const without = (value: unknown): unknown =>
        JSON.parse(JSON.stringify(value, (key, v) => (key === 'at' ? undefined : v)));
      const { limitReqZones, limitConnZones } = model.settings;
      const { limitReq, limitConn, limitConnStatus, limitReqDryRun, limitReqLogLevel } = location.settings;
      return without([
        limitReqZones,
        limitConnZones,
        limitReq,
        limitConn,
        limitConnStatus,
        limitReqDryRun,
        limitReqLogLevel,
      ]);
    };
    expect(read(json)).toEqual(read(nginx));
    expect(read(nginx)).toEqual([
      [
        { name: 'r', bytes: 65_536, key: '$arg_a', rate: 10_000 },
        { name: 'r2', bytes: 65_536, key: '$uri', rate: 1500 },
      ],
      [{ name: 'c', bytes: 65_536, key: '$arg_a' }],
      [
        { zone: 'r', burst: 5, delay: null },
        { zone: 'r2', burst: 0, delay: 0 },
      ],
      [{ zone: 'c', connections: 3 }],
      429,
      true,
      'warn',
    ]);
  });
});
