// Which connections to peers are kept, by face: nginx 1.31 keeps those of an `upstream` and no others, and obeys `Connection: close`.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { get } from '../support/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';

let peer: TestPeer;
const proxies = new Map<string, Proxy>();

beforeAll(async () => {
  // The answer: which connection it came over, and what was said about that.
  peer = await startUpstream((req, res) => {
    res.end(`${req.socket.remotePort} ${req.headers.connection ?? 'nothing'}`);
  });
  const text = `http { upstream group { server ${peer.address}; }
    server { listen 127.0.0.1:0;
      location /group/ { proxy_pass http://group; }
      location /server/ { proxy_pass http://${peer.address}; }
      location /variable/ { set $to ${peer.address}; proxy_pass http://$to; }
      location /close/ { proxy_pass http://group; proxy_set_header Connection $arg_connection; }
    } }`;
  for (const face of ['lbproxy', 'nginx'] as const)
    proxies.set(face, await startProxy(text, { defaults: { face, upstreamKeepaliveTimeoutMs: 60_000 } }));
});

afterAll(async () => {
  for (const proxy of proxies.values()) await proxy.close();
  await peer.close();
});

/** Whether the same connection carried both, and what the first request said of it. */
async function twice(face: string, path: string): Promise<string> {
  const { port } = proxies.get(face) as Proxy;
  const [one, said] = (await get(port, path)).body.split(' ');
  const [two] = (await get(port, '/group/')).body.split(' ');
  const [three] = (await get(port, path)).body.split(' ');
  const isGroup = !/^\/(?:server|variable)/.test(path);
  return `${(isGroup ? two : three) === one ? 'kept' : 'closed'}, ${said}`;
}

describe('called as nginx', () => {
  it.each([
    ['/group/', 'kept, nothing'],
    ['/server/', 'closed, nothing'],
    ['/variable/', 'closed, nothing'],
    ['/close/?connection=close', 'closed, close'],
    ['/close/?connection=Close', 'closed, close'],
    ['/close/?connection=keep-alive', 'kept, nothing'],
    ['/close/', 'kept, nothing'],
  ])('%s: %s', async (path, found) => {
    expect(await twice('nginx', path)).toBe(found);
  });
});

describe('as lbproxy', () => {
  it.each(['/group/', '/server/', '/variable/', '/close/?connection=close'])('%s is kept', async (path) => {
    expect(await twice('lbproxy', path)).toBe('kept, nothing');
  });
});
