// The Host that a peer gets: as nginx makes it by default, by any spelling of proxy_set_header Host, and always first (nginx 1.31.4).
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { startProxy } from '../support/proxy.ts';
import { type RecordingPeer, startRecordingPeer } from '../support/recording-peer.ts';
import { exchangeOnce } from '../support/wire.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-host-'));
const path = join(dir, 'peer.sock');
let server: Server;
let unix: RecordingPeer;
let pair: Pair;

/** A peer on a Unix socket and on TCP that tells the Host it was given and what the proxy said of itself. */
beforeAll(async () => {
  server = createServer((req, res) => res.end([req.headers.host, req.headers['x-vars'], req.url].join(' ')));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  unix = await startRecordingPeer();
  if (nginxVersion === '') return;
  pair = await startPair(`upstream group { server unix:${path}; } upstream other { server unix:${path}; }
    proxy_http_version 1.1; proxy_set_header X-Vars "$proxy_host|$proxy_port"; proxy_set_header Connection close;
    server { listen {port}; server_name ref.example;
      location /unix/ { proxy_pass http://unix:${path}; }
      location /uri/ { proxy_pass http://unix:${path}:/base/; }
      location /variable/ { set $to unix:${path}; proxy_pass http://$to; }
      location /variableuri/ { set $to unix:${path}; proxy_pass http://$to:/other; }
      location /group/ { proxy_pass http://group; }
      location /case/ { proxy_pass http://GROUP; }
      location /casevariable/ { set $to Group; proxy_pass http://$to; }
      location /own/ { proxy_set_header Host own.example:1; proxy_set_header X-Vars $proxy_host; proxy_pass http://group; }
      location /spelt/ { proxy_set_header hOST own.example; proxy_pass http://group; }
      location /moved/ { proxy_pass http://other; }
    }`);
});
afterAll(async () => {
  await pair?.close();
  await unix?.close();
  server?.close();
  rmSync(dir, { recursive: true, force: true });
});

describe.skipIf(nginxVersion === '')('Host, $proxy_host and $proxy_port', () => {
  it.each(
    ['unix', 'uri', 'variable', 'variableuri', 'group', 'case', 'casevariable', 'own', 'spelt', 'moved'].map(
      (place) => [place],
    ),
  )('%s', async (place) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', `/${place}/x`));
    expect(nginx.status).toBe('HTTP/1.1 200 OK');
    expect(lbproxy.body).toBe(nginx.body);
  });
});

/** What nginx writes since 1.31.4; 1.22 writes the fields as they stand, and none for an empty one. */
describe('the line of Host', () => {
  it.each([
    ['by default', '', 'Host: PEER'],
    [
      'behind others',
      'proxy_set_header X-A a; proxy_set_header Host b.example;',
      'Host: b.example\r\nX-A: a',
    ],
    ['in capitals', 'proxy_set_header HOST b.example;', 'Host: b.example'],
    ['twice', 'proxy_set_header host a.example; proxy_set_header HOST b.example;', 'Host: b.example'],
    ['empty, over 1.1', 'proxy_set_header Host "";', 'Host: PEER'],
    ['empty by a variable, over 1.1', 'proxy_set_header Host $arg_none;', 'Host: PEER'],
    ['default over 1.0', 'proxy_http_version 1.0;', 'Host: PEER'],
    ['empty, over 1.0', 'proxy_set_header Host ""; proxy_http_version 1.0;', 'X-Client: c'],
  ])('%s', async (_what, lines, expected) => {
    unix.forget();
    const proxy = await startProxy(
      `http { server { listen 127.0.0.1:0; location / { ${lines} proxy_pass http://${unix.address}; } } }`,
    );
    await exchangeOnce(proxy.port, request('GET', '/x', ['X-Client: c']));
    await proxy.close();
    const [head] = unix.received;
    const fields = head.slice(head.indexOf('\r\n') + 2).replace('Connection: close\r\n', '');
    expect(fields.startsWith(`${expected.replace('PEER', unix.address)}\r\n`)).toBe(true);
    expect(fields.match(/^host:/gim)?.length ?? 0).toBe(expected.startsWith('Host') ? 1 : 0);
  });
});
