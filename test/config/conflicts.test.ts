// What does not go together though each alone is right: refused where nginx refuses it, and nowhere else.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nginxComplaint, nginxVersion, tempPaths } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-conflicts-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function complaint(text: string): string {
  try {
    readModel(text).remove();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const LOG = `access_log ${dir}/a.log combined`;
const REFUSAL = /conflicting parameters|cannot be mixed/;
const LOGS = [
  ['buffer=32k', 'buffer=32k'],
  ['buffer=32k', 'buffer=32768'],
  ['buffer=32k', 'buffer=64k'],
  ['buffer=32k', ''],
  ['buffer=32k', 'buffer=32k flush=1s'],
  ['buffer=32k flush=1s', 'flush=1000ms buffer=32k'],
  ['gzip', 'gzip=1'],
  ['gzip', 'gzip=2'],
  ['gzip', 'buffer=64k gzip'],
  ['gzip', 'buffer=64k'],
  ['gzip buffer=32k', 'buffer=32k gzip if=$arg_a'],
];
const CASES = [
  ...LOGS.map(([a, b]) => ({ http: `${LOG} ${a};`, location: `${LOG} ${b};` })),
  { http: `${LOG} buffer=1k;`, location: `access_log ${dir}/b.log combined buffer=2k;` },
  { http: '', location: 'secure_link_secret a;' },
  { http: '', location: 'secure_link_secret a; secure_link $arg_a;' },
  { http: '', location: 'secure_link_md5 $uri; secure_link_secret a;' },
  { http: 'secure_link $arg_a; secure_link_md5 $uri;', location: 'secure_link_secret a;' },
  { http: 'secure_link_secret a; secure_link_md5 $uri;', location: '' },
];

describe.skipIf(nginxVersion === '')('conflicts', () => {
  it.each(CASES)('$http $location', ({ http, location }) => {
    const text = (paths: string): string =>
      `events {} http { ${paths} ${http} server { listen 127.0.0.1:9; location / { ${location} } } }`;
    const theirs = nginxComplaint(dir, text(tempPaths(dir)));
    expect(REFUSAL.exec(complaint(text('')))?.[0] ?? '').toBe(REFUSAL.exec(theirs)?.[0] ?? '');
  });

  it('are among these', () => {
    const refused = CASES.filter(({ http, location }) =>
      REFUSAL.test(complaint(`http { ${http} server { listen 127.0.0.1:9; location / { ${location} } } }`)),
    );
    expect(refused).toHaveLength(6);
  });
});
