// proxy_store beside nginx: which answers become files, with what content, mode and time.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';
import { askBoth, type Pair, request, type Side, startPair } from './pair.ts';

const PATHS = [
  '/a',
  '/deep/er/b',
  '/empty',
  '/chunked',
  '/big',
  '/s404',
  '/s206',
  '/dated',
  '/%C3%A9',
  '/with%20blank',
];
const PLACES = ['/on', '/path', '/access', '/off', '/unbuffered', '/inner'];

describe.skipIf(nginxVersion === '')('proxy_store', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startUpstream((req, res) => {
      const path = (req.url ?? '').replace(/^\/\w+(?=\/)/, '');
      res.statusCode = Number(/^\/s(\d+)/.exec(path)?.[1] ?? 200);
      if (path === '/dated') res.setHeader('Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT');
      if (path === '/chunked') return void res.write('part', () => res.end(' and the rest'));
      const text = path === '/empty' ? '' : path === '/big' ? 'big '.repeat(100_000) : `text of ${path}`;
      res.setHeader('Content-Length', text.length);
      res.end(text);
    });
    pair = await startPair(configuration(peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  it.each(
    PLACES.flatMap((place) => PATHS.map((path) => `GET ${place}${path}`)).concat([
      'HEAD /on/head',
      'HEAD /on/chunked-head',
      'POST /on/posted',
      'GET /on/dir/',
    ]),
  )('%s', async (line) => {
    const [method, target] = line.split(' ');
    const { nginx, lbproxy } = await askBoth(pair, request(method, target));
    expect(lbproxy).toEqual(nginx);
  });

  it('leaves the same files', async () => {
    const theirs = filesOf(pair.nginx);
    expect(theirs.length).toBeGreaterThan(20);
    await expect.poll(() => filesOf(pair.lbproxy)).toEqual(theirs);
  });
});

function filesOf({ dir }: Side): string[] {
  const root = join(dir, 'stored');
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const { mode, mtimeMs, size } = statSync(path);
      const dated = entry.name === 'dated' ? mtimeMs : 'now';
      const content = readFileSync(path, 'utf8').slice(0, 40);
      const folder = (statSync(entry.parentPath).mode & 0o777).toString(8);
      return `${path.slice(root.length)} ${(mode & 0o777).toString(8)} in ${folder} ${size} ${dated} ${content}`;
    })
    .sort();
}

function configuration(address: string): string {
  const pass = `proxy_pass http://${address};`;
  return `proxy_http_version 1.1; proxy_set_header Connection "";
  server { listen {port}; root {dir}/stored;
    location /on/ { proxy_store on; ${pass} }
    location /path/ { proxy_store {dir}/stored/by$uri; ${pass} }
    location /access/ { proxy_store on; proxy_store_access user:rw group:rw all:r; ${pass} }
    location /off/ { proxy_store off; ${pass} }
    location /unbuffered/ { proxy_buffering off; proxy_store on; ${pass} }
    location /inner/ { alias {dir}/stored/aliased/; proxy_store on; ${pass} }
  }`;
}
