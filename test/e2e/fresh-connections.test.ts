// A graceful stop and clients that have just connected: their request may be on its way, so they are waited for, but not for long.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { pause, until } from '../support/http-client.ts';
import { connectionsOn, type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';

const CONFIG = `worker_processes 2; http { server { listen 127.0.0.1:PORT1; listen 127.0.0.1:PORT2 ssl;
  ssl_certificate self-signed; return 200 ok; } }`;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
/** worker_shutdown_timeout is 30 s, client_header_timeout 60 s. */
const SOON_MS = 20_000;

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  sockets.push(socket);
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
}

function secured(wire: Socket): Promise<Socket> {
  const socket = connectTls({ socket: wire, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    if (wire.destroyed) reject(new Error('closed before the handshake'));
    socket.once('secureConnect', () => resolve(socket));
    socket.once('close', () => reject(new Error('closed in the handshake')));
  });
}

/** All that comes until the other side closes. */
function answerOn(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  socket.write(REQUEST);
  if (socket.destroyed) return Promise.resolve(text);
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Until an acceptor has the client: one whom nobody has let in yet has not connected, for a stop. */
async function isIn(lbproxy: LbproxyProcess): Promise<void> {
  const open = (): number =>
    lbproxy
      .acceptorPids()
      .flatMap((pid) => lbproxy.ports.map((port) => connectionsOn(pid, port)))
      .reduce((sum, n) => sum + n, 0);
  await until(() => open() === 1, 4000, 'the client in an acceptor');
}

async function quit(lbproxy: LbproxyProcess): Promise<void> {
  lbproxy.signal('SIGQUIT');
  await expect.poll(() => isOpen(lbproxy.ports[0]), { timeout: 10_000 }).toBe(false);
  // What ends its connections at once has ended them by now.
  await pause(200);
}

/** What a client has done before the stop, and what it does behind it to have a connection for its request. */
const CLIENTS: readonly (readonly [
  name: string,
  arrive: (ports: readonly number[]) => Promise<Socket>,
  goOn: (socket: Socket) => Promise<Socket>,
])[] = [
  ['has just connected', ([port]) => connected(port), async (socket) => socket],
  ['has just connected to a TLS port', ([, port]) => connected(port), secured],
  [
    'has just finished its handshake',
    async ([, port]) => secured(await connected(port)),
    async (socket) => socket,
  ],
];

describe.each(CLIENTS)('a client that %s', (_name, arrive, goOn) => {
  it('is served, and then the process ends', async () => {
    const lbproxy = await startLbproxy(CONFIG);
    const socket = await arrive(lbproxy.ports);
    await isIn(lbproxy);
    await quit(lbproxy);
    const answer = await answerOn(await goOn(socket));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/^Connection: close\r$/m);
    expect(await lbproxy.exited).toMatchObject({ code: 0 });
  });

  it('and says nothing is not waited for to the end', async () => {
    const lbproxy = await startLbproxy(CONFIG);
    await arrive(lbproxy.ports);
    await isIn(lbproxy);
    const begun = performance.now();
    await quit(lbproxy);
    expect(await lbproxy.exited).toMatchObject({ code: 0 });
    expect(performance.now() - begun).toBeLessThan(SOON_MS);
  });
});
