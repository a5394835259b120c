// Whatever an exchange hangs on, a stream that fails has somebody who hears of it: the application's own body and response, requests
// that wait for their turn, calls that come when the client has left, HTTP/2.
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerOptions, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createGunzip } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type Balancer, type BalancerOptions, createBalancer } from '../../src/embed/index.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { startRawUpstream, startUpstream } from '../support/upstream.ts';
import { ask, startApp, until } from './app.ts';
import { catchAll } from './exchanges.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};
/** Everything that would have ended the process. */
const uncaught = (): string[] => {
  const faults: string[] = [];
  const release = catchAll((text) => faults.push(text));
  own({ close: async () => release() });
  return faults;
};

const KINDS = ['group', 'target', 'follow', 'fetch'] as const;
const whereOf = (kind: (typeof KINDS)[number], address: string): BalancerOptions => {
  if (kind === 'group') return { upstream: { servers: [address] } };
  const target = `http://${address}`;
  return kind === 'target'
    ? { target }
    : kind === 'fetch'
      ? { target, fetch }
      : { target, followRedirects: true };
};

/** A peer in bytes, and its connections that carry a request. */
const peerThat = async (answer: (socket: Socket) => void) => {
  const sockets = new Set<Socket>();
  const peer = await startRawUpstream((socket) => {
    socket.on('close', () => sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.on('data', () => {
      sockets.add(socket);
      answer(socket);
    });
  });
  return own({ ...peer, sockets });
};

/** An application that does as it likes with the balancer. */
const serve = async (handler: RequestListener, options: ServerOptions = {}): Promise<number> => {
  const server = createServer(options, handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  own({
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
  return (server.address() as AddressInfo).port;
};

const TEN = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';

describe.each(KINDS)('through a %s', (kind) => {
  it('a call for a client that has left is no request', async () => {
    const faults = uncaught();
    const peer = await peerThat((socket) => socket.write(TEN));
    const balancer = createBalancer(whereOf(kind, peer.address));
    let called = 0;
    const clients = new Map<string, RawClient>();
    const port = await serve((req, res) => {
      res.once('close', () => {
        balancer.web(req, res);
        called++;
      });
      clients.get(req.method ?? '')?.reset();
    });
    for (const method of ['GET', 'POST']) {
      const client = rawClient(port);
      clients.set(method, client);
      client.write(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n`);
    }
    await until(() => called === 2, 'both calls');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(peer.connections).toBe(0);
    expect(faults).toEqual([]);
  });

  it('a call for an HTTP/2 client that has left is no request', async () => {
    const faults = uncaught();
    const peer = await peerThat((socket) => socket.write(TEN));
    const balancer = createBalancer(whereOf(kind, peer.address));
    const errors: Error[] = [];
    balancer.on('error', (error) => errors.push(error));
    let called = 0;
    let leave = (): void => {};
    const server = createHttp2Server((req, res) => {
      res.once('close', () =>
        setTimeout(() => {
          called++;
          balancer.web(req as never, res as never);
        }, called * 50),
      );
      leave();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    own({ close: async () => void server.close() });
    for (const method of ['GET', 'POST']) {
      const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      session.on('error', () => {});
      session
        .request({ ':path': '/', ':method': method }, { endStream: method === 'GET' })
        .on('error', () => {});
      leave = () => session.destroy();
      await until(() => called === (method === 'GET' ? 1 : 2), 'the call');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    await until(() => peer.sockets.size === 0, 'the end at the peer', 3000);
    expect([faults, errors, peer.connections]).toEqual([[], [], 0]);
  });

  it('a body of the application that fails is told of, and its client answered', async () => {
    const faults = uncaught();
    const peer = await peerThat(() => {});
    const balancer: Balancer = createBalancer(whereOf(kind, peer.address));
    const port = await serve((req, res) => {
      balancer.web(req, res, { buffer: req.pipe(createGunzip()) });
    });
    const answer = await ask(port, { method: 'POST', body: 'this is no gzip' });
    expect([400, 502]).toContain(answer.status);
    await until(() => peer.sockets.size === 0, 'the end at the peer', 3000);
    expect(faults).toEqual([]);
  });

  it('a Trailer of the application’s own harms no HTTP/1.0 client', async () => {
    const faults = uncaught();
    const peer = await peerThat((socket) => socket.end(`${TEN}0123456789`));
    const app = own(await startApp(whereOf(kind, peer.address)));
    app.server.prependListener('request', (_req, res: ServerResponse) => res.setHeader('Trailer', 'X'));
    const client = rawClient(app.port);
    client.write('GET / HTTP/1.0\r\n\r\n');
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 200 [\s\S]*0123456789$/);
    client.destroy();
    expect(faults).toEqual([]);
  });

  it.each(['5', 'chunked'])(
    'what the response does not take of an answer (%s) is an error',
    async (length) => {
      const faults = uncaught();
      const framing =
        length === '5'
          ? 'Content-Length: 5\r\n\r\nhello'
          : 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
      const peer = await peerThat((socket) => socket.write(`HTTP/1.1 200 OK\r\n${framing}`));
      const balancer = createBalancer({ ...whereOf(kind, peer.address), method: 'GET' });
      const errors: Error[] = [];
      balancer.on('error', (error, _req, res) => {
        errors.push(error);
        (res as ServerResponse).writeHead(500).end();
      });
      const port = await serve((req, res) => balancer.web(req, res), { rejectNonStandardBodyWrites: true });
      // Its head counts as sent: what the client gets is a cut.
      await expect(ask(port, { method: 'HEAD' })).rejects.toThrow('socket hang up');
      await until(() => length === '5' || peer.sockets.size === 0, 'the end at the peer', 3000);
      expect([faults, errors.length]).toEqual([[], 1]);
      balancer.close();
    },
  );

  it.each([
    ['Trailer', '200 OK\r\nTrailer: X', 200],
    ['status 099', '099 None', 502],
    ['status 700', '700 None', 502],
    ['a control byte in the reason', '200 \x01', 200],
    ['no content', '204 No Content', 204],
  ])('HTTP/2: %s', async (_name, head, status) => {
    const faults = uncaught();
    const peer = await peerThat((socket) =>
      socket.end(`HTTP/1.1 ${head}\r\nContent-Length: 0\r\n\r\n`, 'latin1'),
    );
    const balancer = createBalancer({ ...whereOf(kind, peer.address), autoRewrite: true });
    const server = createHttp2Server((req, res) => balancer.web(req as never, res as never));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    own({ close: async () => void server.close() });
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    own({ close: async () => session.destroy() });
    const stream = session.request({ ':path': '/' });
    const [headers] = await once(stream, 'response', { signal: AbortSignal.timeout(3000) });
    expect(headers[':status']).toBe(status);
    stream.resume();
    await once(stream, 'end');
    expect(faults).toEqual([]);
  });

  it('cookies named like members of an object are rewritten as all others', async () => {
    const peer = own(
      await startUpstream((_req, res) => {
        res.setHeader('set-cookie', 'a=b; domain=constructor; path=__proto__');
        res.end();
      }),
    );
    const rewrites: BalancerOptions = {
      cookieDomainRewrite: 'x.test',
      cookiePathRewrite: { '/old': '/new' },
    };
    const app = own(await startApp({ ...whereOf(kind, peer.address), ...rewrites }));
    const { headers } = await ask(app.port);
    expect(headers['set-cookie']).toEqual(['a=b; domain=x.test; path=__proto__']);
  });
});

describe.each(KINDS)('through a %s', (kind) => {
  it('requests in a row end with the client, also those whose turn has not come', async () => {
    const peer = await peerThat(() => {});
    const app = own(await startApp(whereOf(kind, peer.address)));
    const client = rawClient(app.port);
    client.write(
      'GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    await until(() => peer.sockets.size === 3, 'three requests at the peer');
    client.reset();
    await until(() => peer.sockets.size === 0, 'the end of all three', 3000);
    expect(app.balancer.upstream.peers.map((one) => one.active)).toEqual(kind === 'group' ? [0] : []);
  });

  it('an application that ends its answer while the peer is silent gives the peer back', async () => {
    const faults = uncaught();
    const peer = await peerThat(() => {});
    const app = own(await startApp(whereOf(kind, peer.address)));
    const errors: Error[] = [];
    app.balancer.on('error', (error) => errors.push(error));
    app.server.prependListener('request', (_req, res: ServerResponse) => {
      setTimeout(() => res.end('too slow'), 50);
    });
    expect((await ask(app.port)).body).toBe('too slow');
    await until(() => peer.sockets.size === 0, 'the end at the peer', 3000);
    expect([faults, errors]).toEqual([[], []]);
  });
});

it('a fetch for a client that leaves inside its answer is given up', async () => {
  const peer = await peerThat((socket) => socket.write(`${TEN}01234`));
  const app = own(await startApp(whereOf('fetch', peer.address)));
  const events: string[] = [];
  app.balancer.on('error', (error) => events.push(`error ${error.message}`));
  app.balancer.on('econnreset', () => events.push('econnreset'));
  const client = rawClient(app.port);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.until((text) => text.endsWith('01234'));
  client.reset();
  await until(() => peer.sockets.size === 0, 'the end at the peer', 3000);
  expect(events).toEqual(['econnreset']);
});
