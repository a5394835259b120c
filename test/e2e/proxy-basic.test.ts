// A request goes to a peer and its answer comes back: heads, bodies, keep-alive, pipelining, errors.
import { afterEach, describe, expect, it } from 'vitest';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeRaw, rawClient } from '../support/raw-client.ts';
import { deadPort, startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const proxyTo = async (peer: TestPeer, extra = ''): Promise<Proxy> =>
  own(
    await startProxy(`http { upstream u { server ${peer.address}; }
      server { listen 127.0.0.1:0; location / { proxy_pass http://u; ${extra} } } }`),
  );

describe('a proxied request', () => {
  it('reaches the peer and its answer the client', async () => {
    const peer = own(await startUpstream((req, res) => res.end(`hello ${req.url} ${req.headers.host}`)));
    const proxy = await proxyTo(peer);
    const res = await fetch(`http://127.0.0.1:${proxy.port}/a?b=1`);
    expect(res.status).toBe(200);
    expect(await res.text()).toBe('hello /a?b=1 u');
    expect(res.headers.get('server')).toMatch(/^lbproxy/);
    expect(res.headers.get('date')).toBeTruthy();
  });

  it('keeps both connections alive', async () => {
    let connections = 0;
    const peer = own(await startUpstream((_req, res) => res.end('x')));
    peer.server.on('connection', () => connections++);
    const proxy = await proxyTo(peer);
    const client = rawClient(proxy.port);
    for (let i = 1; i <= 5; i++) {
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until((t) => t.split('HTTP/1.1 200').length === i + 1 && t.endsWith('x'));
    }
    client.destroy();
    expect(connections).toBe(1);
  });

  it('answers pipelined requests in order', async () => {
    const peer = own(
      await startUpstream((req, res) => setTimeout(() => res.end(`<${req.url}>`), req.url === '/1' ? 50 : 0)),
    );
    const proxy = await proxyTo(peer);
    const text = await exchangeRaw(
      proxy.port,
      'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect(text.match(/<[^>]+>/g)).toEqual(['</1>', '</2>', '</3>']);
  });

  it('streams bodies of any framing both ways', async () => {
    const peer = own(
      await startUpstream((req, res) => {
        req.pipe(res);
      }),
    );
    const proxy = await proxyTo(peer, 'client_max_body_size 0;');
    for (const size of [0, 1, 100, 20_000, 300_000, 3_000_000]) {
      const body = Buffer.alloc(size, 'ab');
      const known = await fetch(`http://127.0.0.1:${proxy.port}/`, { method: 'POST', body });
      expect(Buffer.from(await known.arrayBuffer()).equals(body)).toBe(true);
      const stream = new Blob([body]).stream();
      const unknown = await fetch(`http://127.0.0.1:${proxy.port}/`, {
        method: 'POST',
        body: stream,
        duplex: 'half',
      } as never);
      expect(Buffer.from(await unknown.arrayBuffer()).equals(body)).toBe(true);
    }
  });

  it('gives 502 when nothing listens, and goes to the next peer when there is one', async () => {
    const dead = await deadPort();
    const proxy = own(
      await startProxy(
        `http { server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:${dead}; } } }`,
      ),
    );
    const res = await fetch(`http://127.0.0.1:${proxy.port}/`);
    expect(res.status).toBe(502);
    expect(await res.text()).not.toContain(String(dead));
    const peer = own(await startUpstream((_req, r) => r.end('alive')));
    const two = own(
      await startProxy(`http { upstream u { server 127.0.0.1:${dead}; server ${peer.address}; }
        server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`),
    );
    for (let i = 0; i < 3; i++)
      expect(await (await fetch(`http://127.0.0.1:${two.port}/`)).text()).toBe('alive');
    expect(two.log).toHaveLength(1);
  });

  it('never ends a body cleanly that the peer cut short', async () => {
    for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
      const peer = own(
        await startRawUpstream((s) =>
          s.on('data', () => s.end(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nhello`)),
        ),
      );
      const proxy = await proxyTo(peer);
      await expect(fetch(`http://127.0.0.1:${proxy.port}/`).then((r) => r.text())).rejects.toThrow();
    }
  });

  it('speaks HTTP/1.0 to a client of that version', async () => {
    const peer = own(
      await startUpstream((_req, res) => {
        res.write('a');
        res.end('b');
      }),
    );
    const proxy = await proxyTo(peer);
    const text = await exchangeRaw(proxy.port, 'GET / HTTP/1.0\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).not.toMatch(/chunked/i);
    expect(text).toMatch(/\r\nConnection: close\r\n/);
    expect(text.endsWith('\r\n\r\nab')).toBe(true);
  });
});

describe('an answer that says what to upgrade to', () => {
  it('keeps that with 426, and with nothing else', async () => {
    const peer = own(
      await startUpstream((req, res) => {
        res.writeHead(req.url === '/426' ? 426 : 200, { Upgrade: 'websocket', Connection: 'Upgrade' });
        res.end('x');
      }),
    );
    const proxy = await proxyTo(peer);
    const get = (path: string): Promise<string> =>
      exchangeRaw(proxy.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(await get('/426')).toMatch(/^HTTP\/1\.1 426 [\s\S]*\r\nUpgrade: websocket\r\n/);
    expect(await get('/200')).not.toMatch(/upgrade/i);
  });
});

describe('a peer that may have one exchange', () => {
  it('serves pipelined requests one after the other, whatever ends its answers', async () => {
    const answers: readonly string[] = [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\nok',
      'HTTP/1.1 204 No Content\r\n\r\n',
    ];
    for (const answer of answers) {
      const peer = own(
        await startRawUpstream((socket) =>
          socket.on('data', () => {
            socket.write(answer);
            if (answer.includes('\r\n\r\nok') && !answer.includes('Length')) socket.end();
          }),
        ),
      );
      const proxy = own(
        await startProxy(`http { upstream u { server ${peer.address} max_conns=1; }
          server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`),
      );
      const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
      const text = await exchangeRaw(
        proxy.port,
        `${request.repeat(4)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      );
      expect([answer, text.match(/HTTP\/1\.1 \d+/g)]).toEqual([
        answer,
        new Array(5).fill(answer.slice(0, 12)),
      ]);
      expect(proxy.runtime.upstreams.of('u', '').group.peers[0].active).toBe(0);
    }
  });
});

describe('a client that half-closes', () => {
  it('gets all the answers it pipelined before, where the answers are made here', async () => {
    const proxy = own(
      await startProxy('http { server { listen 127.0.0.1:0; location / { return 200 "<$uri>"; } } }'),
    );
    const client = rawClient(proxy.port);
    client.socket.end(
      'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    const text = await client.closed();
    expect(text.match(/<[^>]+>/g)).toEqual(['</1>', '</2>', '</3>']);
  });

  it('gets its proxied answer with proxy_ignore_client_abort, and counts as gone without', async () => {
    const peer = own(await startUpstream((_req, res) => setTimeout(() => res.end('late'), 100)));
    for (const [setting, expected] of [
      ['on', /late$/],
      ['off', /^$/],
    ] as const) {
      const proxy = await proxyTo(peer, `proxy_ignore_client_abort ${setting};`);
      const client = rawClient(proxy.port);
      client.socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.closed()).toMatch(expected);
    }
  });
});
