// What this side lacks or does wrong, and what a client sends that cannot be passed on: the application hears of it, the process
// lives, and no peer is blamed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type ClientRequest, createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type BalancerError, createBalancer } from '../../src/embed/index.ts';
import { rawClient } from '../support/raw-client.ts';
import { deadPort, startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';
import { type App, ask, startApp, until } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};
const fine = async (): Promise<TestPeer> => own(await startUpstream((_req, res) => res.end('fine')));

const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';

/** All that came back, and the errors that the application heard of. */
const send = async (
  app: App,
  target: string,
  fields: string,
): Promise<{ text: string; errors: BalancerError[] }> => {
  const errors: BalancerError[] = [];
  app.balancer.on('error', (error, _req, res) => {
    errors.push(error as BalancerError);
    if ('writeHead' in res) res.writeHead((error as BalancerError).status ?? 400).end();
    else res.end('HTTP/1.1 500 Error\r\n\r\n');
  });
  const client = rawClient(app.port);
  client.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`);
  const text = await client.closed();
  client.destroy();
  app.balancer.removeAllListeners('error');
  return { text, errors };
};
const state = (app: App): unknown =>
  app.balancer.upstream.peers.map(({ fails, active }) => ({ fails, active }));
const UNBLAMED = [
  { fails: 0, active: 0 },
  { fails: 0, active: 0 },
];
const KINDS = [
  { kind: 'web', fields: 'Connection: close' },
  { kind: 'ws', fields: HANDSHAKE },
];

describe.each(KINDS)('no peer is blamed by $kind()', ({ kind, fields }) => {
  it('for an address that this machine has not', async () => {
    const servers = [(await fine()).address, (await fine()).address];
    const app = own(await startApp({ upstream: { servers }, localAddress: '192.0.2.1' }));
    const { errors } = await send(app, '/', fields);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ failure: 'local_exhausted', code: 'EADDRNOTAVAIL', status: 500 });
    expect(state(app)).toEqual(UNBLAMED);
  });

  it('for a request target that is no URL', async () => {
    const servers = [(await fine()).address, (await fine()).address];
    const app = own(await startApp({ upstream: { servers } }));
    const { errors } = await send(app, 'http://[bad', fields);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ failure: 'client_head_malformed', status: 400 });
    expect(errors[0].attempts).toHaveLength(1);
    expect(state(app)).toEqual(UNBLAMED);
  });

  it('for a listener that throws', async () => {
    const servers = [(await fine()).address, (await fine()).address];
    const events = kind === 'web' ? (['start', 'proxyReq', 'proxyRes'] as const) : (['proxyReqWs'] as const);
    for (const event of events) {
      const app = own(await startApp({ upstream: { servers } }));
      app.balancer.on(event, (() => decodeURIComponent('%')) as () => void);
      const { errors } = await send(app, '/', fields);
      expect(errors.map((error) => [event, error.failure, `${error.cause}`])).toEqual([
        [event, 'internal_error', 'URIError: URI malformed'],
      ]);
      expect(state(app)).toEqual(UNBLAMED);
    }
  });

  it('with a target of its own, a listener that throws ends in the error event', async () => {
    const target = `http://${(await fine()).address}`;
    for (const event of kind === 'web' ? (['proxyReq', 'proxyRes'] as const) : (['proxyReqWs'] as const)) {
      const app = own(await startApp({ target }));
      app.balancer.on(event, (() => decodeURIComponent('%')) as () => void);
      const { errors } = await send(app, '/', fields);
      expect(errors.map((error) => [event, error.message])).toEqual([[event, 'URI malformed']]);
    }
  });

  it('for a client that leaves: a failing peer does not come back by it', async () => {
    const mute = own(await startRawUpstream(() => {}));
    const servers = [{ address: `127.0.0.1:${await deadPort()}`, fail_timeout: '50ms' }, mute.address];
    const app = own(await startApp({ upstream: { servers } }));
    for (let i = 0; i < 2; i++) {
      const client = rawClient(app.port);
      client.write(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`);
      await until(() => mute.connections === i + 1, 'the request at the other peer');
      // The failing one may be tried again then.
      await new Promise((resolve) => setTimeout(resolve, 100));
      client.socket.resetAndDestroy();
    }
    expect(app.balancer.upstream.peers[0].fails).toBeGreaterThan(0);
    expect(app.balancer.upstream.peers[1].fails).toBe(0);
  });
});

describe('an application', () => {
  it('out of descriptors blames no peer, and hears why', async () => {
    const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const peers = [(await fine()).address, (await fine()).address];
    const argv = ['--import', here('from-source.mjs'), here('few-descriptors.mjs'), ...peers];
    const child = spawn('sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    own({
      close: async () => {
        child.kill('SIGKILL');
        await exited;
      },
    });
    const port = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    own({ close: async () => agent.destroy() });
    expect((await ask(port, { path: '/fill', agent })).body).toBe('EMFILE');
    expect(JSON.parse((await ask(port, { agent })).body)).toEqual({
      failure: 'local_exhausted',
      code: 'EMFILE',
      status: 500,
      fails: [0, 0],
    });
  });

  it('that fetches is not ended by a request target that is no URL', async () => {
    const app = own(await startApp({ target: `http://${(await fine()).address}`, fetch }));
    const { text, errors } = await send(app, 'http://[bad', 'Connection: close');
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(errors).toHaveLength(1);
  });

  it('with one peer hears of one attempt', async () => {
    const address = `127.0.0.1:${await deadPort()}`;
    const app = own(await startApp({ upstream: { servers: [address] } }));
    let starts = 0;
    app.balancer.on('start', () => starts++);
    const { errors } = await send(app, '/', 'Connection: close');
    expect(errors[0].message).toBe(
      `nothing listens on that address (connection refused); tried: ${address} connect_refused`,
    );
    expect(starts).toBe(1);
  });
});

describe.each(['group', 'target'])('an HTTP/2 client of a %s', (kind) => {
  const FIELDS =
    'Connection: Upgrade\r\nProxy-Connection: close\r\nHTTP2-Settings: x\r\nKeep-Alive: timeout=5\r\n';
  it.each([
    ['fields of the connection', `200 OK\r\nUpgrade: h2c\r\n${FIELDS}`, 200],
    ['a status beyond HTTP/2’s', '700 What\r\n', 502],
    ['Trailer', '200 OK\r\nTrailer: X\r\n', 200],
  ])('gets an answer where the peer sends %s', async (_name, head, status) => {
    const raw = own(
      await startRawUpstream((socket) =>
        socket.once('data', () => socket.end(`HTTP/1.1 ${head}Content-Length: 2\r\n\r\nok`)),
      ),
    );
    const where =
      kind === 'group' ? { upstream: { servers: [raw.address] } } : { target: `http://${raw.address}` };
    const balancer = createBalancer(where);
    const server = createHttp2Server((req, res) => balancer.web(req as never, res as never));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    own({ close: async () => void server.close() });
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    own({ close: async () => session.destroy() });
    const stream = session.request({ ':path': '/' });
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(status);
    stream.resume();
    await once(stream, 'end');
  });
});

it('an upload to a peer that refuses the connection is told so, also with Connection: close', async () => {
  const balancer = createBalancer({ upstream: { servers: [`127.0.0.1:${await deadPort()}`] } });
  const server = createServer((req, res) => balancer.web(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  own({ close: async () => void server.close() });
  const client = rawClient((server.address() as AddressInfo).port);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5000000\r\n\r\n');
  for (let i = 0; i < 50; i++) client.write(Buffer.alloc(100_000));
  expect(await client.until((text) => text.endsWith('refused)\n'))).toMatch(/^HTTP\/1\.1 502 /);
  await new Promise((resolve) =>
    client.socket.once(client.socket.writableLength === 0 ? 'end' : 'drain', resolve),
  );
  client.destroy();
});

/** As when the peer's end comes between the choice of a kept connection and its use. */
class LateEnd extends Agent {
  override reuseSocket(socket: Socket, request: ClientRequest): void {
    super.reuseSocket(socket, request);
    socket.destroy();
  }
}

it.each(['GET', 'POST'])('a kept connection that ends as it is taken is replaced: %s', async (method) => {
  const agent = new LateEnd({ keepAlive: true });
  const app = own(await startApp({ upstream: { servers: [(await fine()).address] }, agent }));
  const errors: unknown[] = [];
  app.balancer.on('error', (error) => errors.push(error));
  for (let i = 0; i < 5; i++)
    expect(await ask(app.port, { method })).toMatchObject({ status: 200, body: 'fine' });
  expect(errors).toEqual([]);
  expect(state(app)).toEqual([{ fails: 0, active: 0 }]);
  agent.destroy();
});
