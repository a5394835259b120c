// What http-proxy-3's users know goes on working: events, callbacks, targets, per-call options; and what options are refused.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { ProxyServer } from 'http-proxy-3';
import { afterEach, describe, expect, it } from 'vitest';
import { Balancer, BalancerError, type BalancerOptions, createBalancer } from '../../src/embed/index.ts';
import { rawClient } from '../support/raw-client.ts';
import { deadPort, startRawUpstream, startUpstream } from '../support/upstream.ts';
import { ask, bodies, settled, startApp, until } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

describe('events', () => {
  it('tell of each attempt’s start and of the one answer, with the application’s own request and response', async () => {
    const peer = own(
      await startUpstream((req, res) => {
        res.setHeader('x-peer', '1');
        res.end(`${req.headers['x-added']}`);
      }),
    );
    const app = own(
      await startApp({ upstream: { servers: [`127.0.0.1:${await deadPort()}`, peer.address] } }),
    );
    const seen: string[] = [];
    const real: unknown[] = [];
    app.server.prependListener('request', (req, res) => real.push(req, res));
    const { balancer } = app;
    const same = (...things: unknown[]): boolean => things.every((thing, i) => thing === real[i]);
    balancer.on('start', (req, res) => seen.push(`start ${same(req, res)}`));
    balancer.on('proxyReq', (proxyReq, req, res) => {
      proxyReq.setHeader('x-added', 'yes');
      seen.push(`proxyReq ${same(req, res)}`);
    });
    balancer.on('proxyRes', (proxyRes, req, res) => {
      proxyRes.headers['x-peer'] = 'changed';
      res.setHeader('x-app', '1');
      seen.push(`proxyRes ${same(req, res)}`);
    });
    balancer.on('end', (req, res) => seen.push(`end ${same(req, res)}`));
    const answer = await ask(app.port);
    expect(answer.body).toBe('yes');
    expect(answer.headers).toMatchObject({ 'x-peer': 'changed', 'x-app': '1' });
    // http-proxy-3 announces the request when it has a socket, which a refused one has too.
    expect(seen).toEqual(
      ['start', 'proxyReq', 'start', 'proxyReq', 'proxyRes', 'end'].map((e) => `${e} true`),
    );
  });

  it('error comes once, when all peers are out, and says which were tried', async () => {
    const [one, two] = [await deadPort(), await deadPort()];
    const app = own(await startApp({ upstream: { servers: [`127.0.0.1:${one}`, `127.0.0.1:${two}`] } }));
    const errors: Error[] = [];
    app.balancer.on('error', (error, _req, res) => {
      errors.push(error);
      (res as ServerResponse).writeHead(503).end('mine');
    });
    expect(await ask(app.port)).toMatchObject({ status: 503, body: 'mine' });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(BalancerError);
    expect(errors[0]).toMatchObject({
      code: 'ECONNREFUSED',
      failure: 'connect_refused',
      attempts: [
        { peer: `127.0.0.1:${one}`, failure: 'connect_refused' },
        { peer: `127.0.0.1:${two}`, failure: 'connect_refused' },
      ],
    });
  });

  it('a callback comes before the event', async () => {
    const app = own(await startApp({ upstream: { servers: [{ address: '127.0.0.1:1', down: true }] } }));
    app.balancer.on('error', () => expect.unreachable());
    app.server.removeAllListeners('request');
    app.server.on('request', (req, res) => {
      app.balancer.web(req, res, {}, (error) => res.writeHead(599).end((error as BalancerError).code));
    });
    expect(await ask(app.port)).toMatchObject({ status: 599, body: 'ENOLIVEPEER' });
  });

  it('nobody listening: a short 502 without addresses', async () => {
    const app = own(await startApp({ upstream: { servers: [`127.0.0.1:${await deadPort()}`] } }));
    const answer = await ask(app.port);
    expect(answer.status).toBe(502);
    expect(answer.body).toBe('502 Bad Gateway: nothing listens on that address (connection refused)\n');
  });

  it('a request target that is no URL is answered 400 and brings nothing down', async () => {
    const peer = own(await startUpstream((_req, res) => res.end('fine')));
    const app = own(await startApp({ upstream: { servers: [peer.address] } }));
    const client = rawClient(app.port);
    client.write('GET http://[bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 400 /);
    client.destroy();
    expect(await ask(app.port)).toMatchObject({ body: 'fine' });
    expect(app.balancer.upstream.peers[0]).toMatchObject({ fails: 0, active: 0 });
  });

  it('also where the target is a single server', async () => {
    const peer = own(await startUpstream((_req, res) => res.end('fine')));
    const app = own(await startApp({ target: `http://${peer.address}` }));
    const client = rawClient(app.port);
    client.write('GET http://[bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 400 /);
    client.destroy();
    expect(await ask(app.port)).toMatchObject({ body: 'fine' });
  });

  it('selfHandleResponse leaves the answer to the application', async () => {
    const peer = own(await startUpstream((_req, res) => res.end('theirs')));
    const app = own(await startApp({ upstream: { servers: [peer.address] }, selfHandleResponse: true }));
    app.balancer.on('proxyRes', (proxyRes, _req, res) => {
      let text = '';
      proxyRes.on('data', (chunk) => {
        text += chunk;
      });
      proxyRes.on('end', () => res.end(text.toUpperCase()));
    });
    expect((await ask(app.port)).body).toBe('THEIRS');
    await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');
  });
});

describe('ends', () => {
  it('a client that leaves takes the request at the peer with it', async () => {
    let closed = 0;
    let begun = 0;
    const peer = own(
      await startUpstream((req, res) => {
        begun++;
        res.on('close', () => closed++);
        if (req.url === '/begun') res.write('x');
      }),
    );
    const app = own(await startApp({ upstream: { servers: [peer.address] } }));
    const noticed: unknown[] = [];
    app.balancer.on('error', (error) => noticed.push(error));
    for (const [i, path] of ['/waiting', '/begun'].entries()) {
      const client = rawClient(app.port);
      client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await until(() => begun === i + 1, 'the request at the peer');
      if (path === '/begun') await client.until((text) => text.includes('x'));
      expect(app.balancer.upstream.peers[0].active).toBe(1);
      client.destroy();
      await until(() => closed === i + 1, 'the end at the peer');
      await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');
    }
    expect(app.balancer.upstream.peers[0].fails).toBe(0);
    expect(noticed).toEqual([]);
  });

  it('a client that does not read holds the peer', async () => {
    let written = 0;
    const chunk = Buffer.alloc(65_536);
    const peer = own(
      await startUpstream((_req, res) => {
        const pump = (): void => {
          while (written < 1e9 && !res.destroyed) {
            written += chunk.length;
            if (!res.write(chunk)) return;
          }
        };
        res.on('drain', pump);
        pump();
      }),
    );
    const app = own(await startApp({ upstream: { servers: [peer.address] } }));
    const client = rawClient(app.port);
    client.socket.pause();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => written > 100_000, 'the beginning of the answer');
    // Socket buffers of the system fill, several megabytes; never the gigabyte.
    expect(await settled(() => written)).toBeLessThan(60_000_000);
    client.destroy();
    await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');
  });

  it('an answer that breaks off breaks off for an HTTP/2 client too', async () => {
    let breakOff = (): void => {};
    const peer = own(
      await startUpstream((_req, res) => {
        res.write('part');
        breakOff = () => res.socket?.destroy();
      }),
    );
    const balancer = createBalancer({ upstream: { servers: [peer.address] } });
    const server = createHttp2Server((req, res) => {
      // As http-proxy-3 itself has it: the compatible objects in the place of node:http's.
      balancer.web(req as unknown as IncomingMessage, res as unknown as ServerResponse);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    own({
      close: async () => {
        session.destroy();
        server.close();
        balancer.close();
      },
    });
    const stream = session.request({ ':path': '/' });
    stream.once('data', () => breakOff());
    await expect(once(stream, 'end')).rejects.toMatchObject({ code: 'ERR_HTTP2_STREAM_ERROR' });
    await until(() => balancer.upstream.peers[0].active === 0, 'the release');
  });

  it.each(['destroy', 'resetAndDestroy'] as const)(
    'an answer that breaks off breaks off for the client too (%s)',
    async (end) => {
      const cut = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
      let breakOff = (): void => {};
      const raw = own(
        await startRawUpstream((socket) =>
          socket.once('data', () => {
            socket.write(cut);
            breakOff = () => socket[end]();
          }),
        ),
      );
      const spare = own(await startUpstream((_req, res) => res.end('spare')));
      const app = own(await startApp({ upstream: { servers: [raw.address, spare.address] } }));
      const errors: unknown[] = [];
      app.balancer.on('error', (error) => errors.push(error));
      const client = rawClient(app.port);
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until((text) => text.includes('hello'));
      breakOff();
      const text = await client.closed();
      client.destroy();
      expect(text).toContain('hello');
      expect(text).not.toContain('0\r\n\r\n');
      await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');
      // As in nginx: that an answer breaks off may be its URL's doing.
      expect(app.balancer.upstream.peers[0].fails).toBe(0);
      expect(errors).toMatchObject([{ failure: 'body_truncated', code: 'ECONNRESET', status: 502 }]);
    },
  );

  it('an answer may be silent for as long as it likes, unless proxyTimeout says otherwise', async () => {
    const peer = own(
      await startUpstream((_req, res) => {
        res.write('x');
        setTimeout(() => res.end('y'), 300);
      }),
    );
    const app = own(await startApp({ upstream: { servers: [peer.address] } }));
    const timeouts: (number | undefined)[] = [];
    app.balancer.on('proxyRes', (proxyRes) => timeouts.push(proxyRes.socket.timeout));
    expect((await ask(app.port)).body).toBe('xy');
    expect(timeouts).toEqual([0]);
    const strict = own(await startApp({ upstream: { servers: [peer.address] }, proxyTimeout: 100 }));
    await expect(ask(strict.port)).rejects.toThrow(/aborted|hang up/);
  });
});

describe('a balancer as a ProxyServer', () => {
  it('is one, listens, and takes a target of the call', async () => {
    const peer = own(await startUpstream((_req, res) => res.end('group')));
    const other = own(await startUpstream((_req, res) => res.end('other')));
    const balancer = createBalancer({ upstream: { servers: [peer.address] }, ws: true });
    expect(balancer).toBeInstanceOf(ProxyServer);
    expect(balancer).toBeInstanceOf(Balancer);
    balancer.listen(0, '127.0.0.1');
    await until(() => balancer.address() !== null, 'listening');
    const { port } = balancer.address() as { port: number };
    expect((await ask(port)).body).toBe('group');
    await new Promise((resolve) => balancer.close(resolve));
    await expect(ask(port)).rejects.toThrow(/ECONNREFUSED/);

    const server = createServer((req, res) => balancer.web(req, res, { target: `http://${other.address}` }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    own({ close: async () => void server.close() });
    expect((await ask((server.address() as { port: number }).port)).body).toBe('other');
  });

  it('with a plain target does what http-proxy-3 does, and answers 502 where that would throw', async () => {
    const peer = own(await startUpstream((req, res) => res.end(`${req.url} ${req.headers.host}`)));
    const app = own(await startApp({ target: `http://${peer.address}/base`, changeOrigin: true }));
    expect((await ask(app.port, { path: '/x?y=1' })).body).toBe(`/base/x?y=1 ${peer.address}`);
    expect(app.balancer.upstream.peers).toEqual([]);
    const dead = own(await startApp({ target: `http://127.0.0.1:${await deadPort()}` }));
    expect(await ask(dead.port)).toMatchObject({
      status: 502,
      body: '502 Bad Gateway: the target did not answer (ECONNREFUSED)\n',
    });
  });

  it('reaches peers by name, over IPv6 and over Unix sockets', async () => {
    const path = `\0lbproxy-embed-${process.pid}`;
    const unix = createServer((_req, res) => res.end('unix'));
    await new Promise<void>((resolve) => unix.listen(path, resolve));
    own({ close: async () => void unix.close() });
    const six = createServer((_req, res) => res.end('six'));
    await new Promise<void>((resolve) => six.listen(0, '::1', resolve));
    own({ close: async () => void six.close() });
    const { port } = six.address() as { port: number };
    const named = own(await startUpstream((req, res) => res.end(`name ${req.headers.host}`)));
    const app = own(
      await startApp({
        upstream: { servers: [`unix:${path}`, `[::1]:${port}`, `localhost:${named.port}`] },
        changeOrigin: true,
      }),
    );
    expect(await bodies(app.port, 3)).toEqual(['unix', 'six', `name localhost:${named.port}`]);
  });
});

describe('options that are wrong', () => {
  const servers = ['127.0.0.1:8001'];
  it.each([
    [{ servers: [] }, /upstream\.servers: needs at least one/],
    [{ servers: ['http://a'] }, /servers\[0\]: "http:\/\/a" is no address; write host:port/],
    [
      { servers: [{ address: 'a:1', weigth: 2 }] },
      /servers\[0\]: "weigth" is unknown; there are address, weight/,
    ],
    [{ servers: [{ address: 'a:1', weight: 0 }] }, /servers\[0\]\.weight: is 0/],
    [{ servers: [{ address: 'a:1', fail_timeout: '10q' }] }, /fail_timeout: is "10q"; write milliseconds/],
    [{ servers, method: 'hash' }, /method: "hash" is unknown; there are round_robin/],
    [{ servers, next_upstream: ['http_418'] }, /next_upstream: "http_418" is unknown/],
    [{ servers, next_upstream_tries: -1 }, /next_upstream_tries: is -1/],
    [{ servers, body_buffer: '64q' }, /body_buffer: is "64q"; write bytes/],
  ])('%j', (upstream, message) => {
    expect(() => createBalancer({ upstream } as unknown as BalancerOptions)).toThrow(message);
  });

  it('stand beside upstream', () => {
    expect(() => createBalancer({ upstream: { servers }, target: 'http://a' })).toThrow(
      /target: cannot stand beside/,
    );
    expect(() => createBalancer({ upstream: { servers }, followRedirects: true })).toThrow(/followRedirects/);
  });
});
