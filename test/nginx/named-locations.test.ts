// `location @name` is for jumps, not for paths: no URI finds it, nothing is said against it, and it stands where nginx lets it stand.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxComplaint, nginxVersion, tempPaths } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-named-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const server = (text: string): string =>
  `events { } http { access_log off; server { listen 127.0.0.1:9; ${text} } }`;

it.each([
  ['location @app { proxy_pass http://127.0.0.1:1; }', ''],
  ['location @a { return 404; } location @b { return 404; }', ''],
  ['location @a { rewrite ^ /x last; set $x 1; root /nowhere; }', ''],
  ['location @a { } location @a { }', ''],
  ['location @a { proxy_pass http://unix:/p; }', ''],
  [
    'location /x { location @a { } }',
    'location "@a" can only stand in a server; move it out of the location around it',
  ],
  ['location @a { alias /nowhere/; }', '"alias" has no prefix to replace in a named location; use root'],
  [
    'location @a { proxy_pass http://127.0.0.1:1/x; }',
    'proxy_pass cannot have the URI part "/x" in a named location',
  ],
  [
    'location ~ /a { proxy_pass http://127.0.0.1:1/x; }',
    'proxy_pass cannot have the URI part "/x" in a location with a regular expression',
  ],
  [
    'location ~ /a { proxy_pass http://127.0.0.1:1/; }',
    'proxy_pass cannot have the URI part "/" in a location',
  ],
  ['location ~ /(a) { proxy_pass http://127.0.0.1:1/$1; }', ''],
  ['location ~ /a { location /a { proxy_pass http://127.0.0.1:1; } }', ''],
])('%s', (text, message) => {
  let ours = '';
  try {
    const { warnings, remove } = readModel(server(text));
    remove();
    ours = warnings;
  } catch (error) {
    ours = (error as Error).message;
  }
  if (message === '') expect(ours).toBe('');
  else expect(ours).toContain(message);
  if (nginxVersion !== '')
    expect(
      nginxComplaint(dir, server(`${text} } ${tempPaths(dir)} server { listen 127.0.0.1:8;`)) === '',
    ).toBe(message === '');
});

describe.skipIf(nginxVersion === '')('a named location', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(`server { listen {port}; server_name ref.example;
      location @app { return 200 "named"; }
      location @dir/ { return 200 "named"; }
      location /jump { rewrite ^ @app last; }
      location /named { rewrite ^ @dir/ last; }
      location / { return 200 "all others"; }
    }`);
  });
  afterAll(() => pair?.close());

  it.each(['/@app', '/@dir', '/@dir/', '/jump', '/named', '/'])('is not found by %s', async (target) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', target));
    expect(lbproxy.status).toBe(nginx.status);
    expect(lbproxy.body).not.toContain('named');
  });
});
