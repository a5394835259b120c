// WebSockets through a group: a peer is found while connecting, frames pass both ways, both sides end together.
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { rawClient } from '../support/raw-client.ts';
import { blackHole, deadPort, startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';
import { startApp, until } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const echo = async (name: string): Promise<TestPeer & { sockets: Set<WebSocket> }> => {
  const peer = await startUpstream((_req, res) => res.end(name));
  const wss = new WebSocketServer({ server: peer.server });
  wss.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(binary ? data : `${name} ${data}`, { binary }));
  });
  return own({
    ...peer,
    sockets: wss.clients,
    close: async () => {
      for (const socket of wss.clients) socket.terminate();
      await peer.close();
    },
  });
};

const say = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    client.on('open', () => client.send(text));
    client.on('message', (data) => {
      client.close();
      client.on('close', () => resolve(String(data)));
    });
    client.on('error', reject);
  });

const handshake =
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

describe('a WebSocket', () => {
  it('is echoed by peers in turn, failing over those that refuse', async () => {
    const [a, b] = [await echo('a'), await echo('b')];
    const app = own(
      await startApp({ upstream: { servers: [`127.0.0.1:${await deadPort()}`, a.address, b.address] } }),
    );
    const seen: string[] = [];
    for (let i = 0; i < 4; i++) seen.push(await say(app.port, 'hi'));
    expect(new Set(seen)).toEqual(new Set(['a hi', 'b hi']));
    await until(() => app.balancer.upstream.peers.every((peer) => peer.active === 0), 'the release');
    expect(app.balancer.upstream.peers.map((peer) => peer.fails)).toEqual([1, 0, 0]);
  });

  it('fails over a peer that does not accept in time', async () => {
    const hole = own(await blackHole());
    const a = await echo('a');
    const app = own(
      await startApp({ upstream: { servers: [hole.address, a.address] }, connectTimeout: 1500 }),
    );
    expect(await say(app.port, 'hi')).toBe('a hi');
    expect(app.balancer.upstream.peers[0].fails).toBe(1);
  });

  it('carries large binary messages intact, and events tell of it', async () => {
    const a = await echo('a');
    const app = own(await startApp({ upstream: { servers: [a.address] } }));
    const events: string[] = [];
    app.balancer.on('proxyReqWs', (proxyReq) => {
      events.push('proxyReqWs');
      proxyReq.setHeader('x-added', '1');
    });
    app.balancer.on('open', () => events.push('open'));
    app.balancer.on('close', () => events.push('close'));
    const client = new WebSocket(`ws://127.0.0.1:${app.port}/`);
    const data = Buffer.alloc(3_000_000, 'xyz');
    const back = await new Promise<Buffer>((resolve, reject) => {
      client.on('open', () => client.send(data));
      client.on('message', (message) => resolve(message as Buffer));
      client.on('error', reject);
    });
    expect(back.equals(data)).toBe(true);
    expect(app.balancer.upstream.peers[0].active).toBe(1);
    client.close();
    await until(() => events.includes('close'), 'the close event');
    expect(events).toEqual(['proxyReqWs', 'open', 'close']);
  });

  it('gets the bytes that came with the handshake to the peer once', async () => {
    let got = '';
    const raw = own(
      await startRawUpstream((socket) => {
        socket.on('data', (chunk) => {
          got += chunk.toString('latin1');
          if (got.includes('\r\n\r\n') && !got.includes('answered')) {
            got += '[answered]';
            socket.write(
              'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello',
            );
          }
        });
      }),
    );
    const app = own(
      await startApp({ upstream: { servers: [`127.0.0.1:${await deadPort()}`, raw.address] } }),
    );
    const client = rawClient(app.port);
    client.write(`${handshake}early`);
    await client.until((text) => text.endsWith('hello'));
    await until(() => got.includes('early'), 'the early bytes');
    client.write('late');
    await until(() => got.includes('late'), 'the late bytes');
    expect(got.split('early').length).toBe(2);
    client.destroy();
  });

  it('gets 502 when all peers refuse and nobody listens, and the error event when somebody does', async () => {
    const app = own(
      await startApp({
        upstream: { servers: [`127.0.0.1:${await deadPort()}`, `127.0.0.1:${await deadPort()}`] },
      }),
    );
    const client = rawClient(app.port);
    client.write(handshake);
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    client.destroy();
    const errors: string[] = [];
    app.balancer.on('error', (error, _req, socket) => {
      errors.push(error.message);
      (socket as Socket).write('mine');
    });
    const second = rawClient(app.port);
    second.write(handshake);
    expect(await second.closed()).toBe('mine');
    second.destroy();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/connect_refused.*connect_refused/);
  });

  it('gets 502 when the peer closes instead of answering, which blames the peer', async () => {
    const raw = own(await startRawUpstream((socket) => socket.once('data', () => socket.destroy())));
    const b = await echo('b');
    const app = own(await startApp({ upstream: { servers: [raw.address, b.address] } }));
    const client = rawClient(app.port);
    client.write(handshake);
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 502 /);
    client.destroy();
    expect(app.balancer.upstream.peers[0]).toMatchObject({ fails: 1, active: 0 });
  });

  it('gets 504 when the peer does not answer the handshake', async () => {
    const raw = own(await startRawUpstream(() => {}));
    const app = own(await startApp({ upstream: { servers: [raw.address] }, proxyTimeout: 100 }));
    const client = rawClient(app.port);
    client.write(handshake);
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 504 /);
    client.destroy();
  });

  it('gets the peer’s own refusal', async () => {
    const peer = own(await startUpstream((_req, res) => res.end('no')));
    peer.server.on('upgrade', (_req, socket: Socket) => {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope');
    });
    const app = own(await startApp({ upstream: { servers: [peer.address] } }));
    const client = rawClient(app.port);
    client.write(handshake);
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[\s\S]*nope$/);
    client.destroy();
  });

  it('that refuses in the middle of a sentence ends', async () => {
    const peer = own(await startUpstream((_req, res) => res.end('no')));
    let breakOff = (): void => {};
    peer.server.on('upgrade', (_req, socket: Socket) => {
      socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnope');
      breakOff = () => socket.destroy();
    });
    const app = own(await startApp({ upstream: { servers: [peer.address] } }));
    const client = rawClient(app.port);
    client.write(handshake);
    await client.until((text) => text.endsWith('nope'));
    breakOff();
    expect(await client.closed()).toMatch(/nope$/);
    client.destroy();
  });

  it('that its client gives up before the answer leaves nothing at the peer', async () => {
    let closed = false;
    let asked = false;
    const raw = own(
      await startRawUpstream((socket) => {
        socket.once('data', () => {
          asked = true;
        });
        socket.on('end', () => {
          closed = true;
        });
      }),
    );
    const app = own(await startApp({ upstream: { servers: [raw.address] } }));
    let resets = 0;
    const errors: unknown[] = [];
    app.balancer.on('error', (error) => errors.push(error));
    app.balancer.on('econnreset', () => resets++);
    const client = rawClient(app.port);
    client.write(handshake);
    await until(() => asked, 'the handshake at the peer');
    client.socket.resetAndDestroy();
    await until(() => closed, 'the end at the peer');
    await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');
    expect(app.balancer.upstream.peers[0].fails).toBe(0);
    expect(errors).toEqual([]);
    expect(resets).toBe(1);
  });

  it('whose client is reset while a peer is looked for brings nothing down', async () => {
    const app = own(await startApp({ upstream: { servers: [`127.0.0.1:${await deadPort()}`] } }));
    const ends: boolean[] = [];
    // After startApp's own listener: the reset comes while the connection is being made. Unhandled, it would end this process.
    app.server.on('upgrade', (_req, socket: Socket) => {
      socket.on('close', (hadError) => ends.push(hadError));
      socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    });
    const client = rawClient(app.port);
    client.write(handshake);
    await until(() => ends.length === 1, 'the end of the socket');
    client.destroy();
    expect(ends).toEqual([true]);
    await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');
  });

  it('ends on one side when it ends on the other, resets included', async () => {
    const a = await echo('a');
    const app = own(await startApp({ upstream: { servers: [a.address] } }));
    const started = async (): Promise<Socket> => {
      const socket = connect({ port: app.port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.write(handshake);
      await new Promise((resolve) => socket.once('data', resolve));
      return socket;
    };
    for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const socket = await started();
      await until(() => a.sockets.size === 1, 'the connection at the peer');
      socket[end]();
      await until(() => a.sockets.size === 0, `the end at the peer after ${end}`);
    }
    const socket = await started();
    for (const peerSocket of a.sockets) peerSocket.terminate();
    await new Promise((resolve) => socket.once('end', resolve));
    socket.destroy();
    await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');
  });

  it('is not held by a client that does not close after the peer did', async () => {
    const a = await echo('a');
    const app = own(await startApp({ upstream: { servers: [a.address] } }));
    const client = rawClient(app.port);
    client.write(handshake);
    await client.until((text) => text.includes('101'));
    await until(() => a.sockets.size === 1, 'the connection at the peer');
    for (const peerSocket of a.sockets) peerSocket.terminate();
    await client.closed();
    await until(() => app.balancer.upstream.peers[0].active === 0, 'the release', 8000);
    client.destroy();
  });
});
