// Many exchanges at once through one balancer: each with a peer's bytes and a client's bytes of its own. Tells everything that must not
// be, whatever the bytes: an exception or a rejection that nobody caught, a client without an answer of which the application heard
// nothing, a connection or a count that stays.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { Agent, fetch as undiciFetch } from 'undici';
import type { Balancer, BalancerOptions } from '../../src/embed/index.ts';
import { type ClientRequest, clientRequest } from '../support/client-requests.ts';
import { type PeerAnswer, peerAnswer } from '../support/peer-answers.ts';
import { startRawUpstream } from '../support/upstream.ts';
import { startApp } from './app.ts';

export interface Exchange {
  readonly request: ClientRequest;
  /** Of one attempt after another; the last one again and again. */
  readonly answers: readonly PeerAnswer[];
}

export interface Setup {
  readonly kind: 'group' | 'passing' | 'target' | 'forward' | 'both' | 'follow' | 'fetch';
  /** What the application does when it hears of an error; `unheard` = nobody listens. */
  readonly listener: 'unheard' | 'naive' | 'late' | 'mute';
  /** What it does when it hears of an answer. */
  readonly onAnswer: 'nothing' | 'end' | 'write' | 'end later' | 'own';
  readonly options: BalancerOptions;
}

const REWRITES: readonly BalancerOptions[] = [
  {},
  { autoRewrite: true },
  { hostRewrite: 'x.test', protocolRewrite: 'https' },
  { cookieDomainRewrite: 'x.test', cookiePathRewrite: { '/app': '/', '*': '' } },
  { preserveHeaderKeyCase: true, xfwd: true },
  { changeOrigin: true, toProxy: true },
];

export const setup: fc.Arbitrary<Setup> = fc.record({
  kind: fc.constantFrom(
    'group',
    'group',
    'passing',
    'target',
    'target',
    'forward',
    'both',
    'follow',
    'fetch',
  ),
  listener: fc.constantFrom('unheard', 'unheard', 'naive', 'late', 'mute'),
  onAnswer: fc.constantFrom('nothing', 'nothing', 'nothing', 'nothing', 'end', 'write', 'end later', 'own'),
  options: fc.constantFrom(...REWRITES),
});

export const exchanges = (most: number): fc.Arbitrary<Exchange[]> =>
  fc.array(
    fc.record({ request: clientRequest, answers: fc.array(peerAnswer, { minLength: 1, maxLength: 2 }) }),
    { minLength: 1, maxLength: most, size: 'max' },
  );

/** Waiting is counted in turns, not in time: a process that is not let run has not waited. */
const TURN_MS = 20;
const ANSWER_TURNS = 300;
const END_TURNS = 150;

/** What went wrong; empty when nothing did. */
export async function run(one: Setup, all: readonly Exchange[]): Promise<string[]> {
  const faults: string[] = [];
  const release = catchAll((text) => faults.push(text));
  try {
    await runCaught(one, all, faults);
  } finally {
    release();
  }
  return faults;
}

/** What would end the process is told instead; of warnings too, no bytes are to be the reason. */
export function catchAll(tell: (text: string) => void): () => void {
  const events = ['uncaughtException', 'unhandledRejection', 'warning'] as const;
  const before = events.map((event) => process.listeners(event as 'uncaughtException'));
  const handlers = events.map((event) => (error: unknown) => {
    tell(`${event}: ${error instanceof Error ? error.stack : String(error)}`);
  });
  events.forEach((event, i) => {
    process.removeAllListeners(event);
    process.on(event, handlers[i]);
  });
  return () => {
    events.forEach((event, i) => {
      process.removeAllListeners(event);
      for (const listener of before[i]) process.on(event, listener);
    });
  };
}

async function runCaught(one: Setup, all: readonly Exchange[], faults: string[]): Promise<void> {
  /** By connection: whose it is. */
  const peerSockets = new Map<Socket, string>();
  const peer = await startRawUpstream((socket) => {
    // Over fetch() there may be one without a request, kept for the next.
    socket.once('data', (data) => peerSockets.set(socket, /c\d+/.exec(String(data))?.[0] ?? '?'));
    socket.on('close', () => peerSockets.delete(socket));
    servePeer(socket, all, one.kind === 'forward' || one.kind === 'both', () => peer.port);
  });
  const agent = new Agent({
    keepAliveTimeout: 5,
    keepAliveMaxTimeout: 5,
    headersTimeout: 100,
    bodyTimeout: 100,
  });
  const app = await startApp({
    ...whereOf(one.kind, peer.address, agent),
    ...one.options,
    proxyTimeout: 80,
    selfHandleResponse: one.onAnswer === 'own',
  });
  const told = new Set<string>();
  listen(one, app.balancer, told);
  const appSockets = new Map<Socket, string>();
  app.server.on('connection', (socket: Socket) => {
    appSockets.set(socket, '?');
    socket.once('data', (data) => appSockets.set(socket, /c\d+/.exec(String(data))?.[0] ?? '?'));
    socket.on('close', () => appSockets.delete(socket));
  });
  await Promise.all(
    all.map(async ({ request }, id) => {
      const { text, closed } = await ask(app.port, request, id);
      if (!request.valid) return;
      if (!closed)
        faults.push(
          `exchange ${id}: its client's connection stays open; it got ${JSON.stringify(text.slice(0, 300))}`,
        );
      // The beginning of the application's own answer, cut off before it left.
      if (one.onAnswer === 'write' && one.listener === 'unheard') return;
      if (text === '' && !told.has(`c${id}`)) faults.push(`exchange ${id}: no answer and no error`);
    }),
  );
  app.balancer.close();
  const left = (): string[] => {
    const active = app.balancer.upstream.peers.reduce((sum, { active }) => sum + active, 0);
    return [
      ...(appSockets.size > 0 ? [`connections of clients stay: ${[...appSockets.values()].join(' ')}`] : []),
      ...(peerSockets.size > 0
        ? [`connections to the peer stay: ${[...peerSockets.values()].join(' ')}`]
        : []),
      ...(active > 0 ? [`${active} requests count as under way`] : []),
    ];
  };
  // A slow machine is still accepting what has long been sent: as long as something changes, it is at work.
  for (let last = '', same = 0; left().length > 0 && same < END_TURNS; await sleep(TURN_MS)) {
    const now = left().join();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  faults.push(...left());
  await agent.destroy();
  for (const socket of appSockets.keys()) socket.destroy();
  await app.close();
  await peer.close();
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function whereOf(kind: Setup['kind'], address: string, dispatcher: Agent): BalancerOptions {
  const target = `http://${address}`;
  const servers = [1, 2].map(() => ({ address, max_fails: 0 }));
  if (kind === 'group') return { upstream: { servers } };
  if (kind === 'passing')
    return {
      upstream: {
        servers,
        next_upstream: [
          'error',
          'timeout',
          'invalid_header',
          'http_500',
          'http_503',
          'http_404',
          'non_idempotent',
        ],
      },
    };
  if (kind === 'target') return { target };
  if (kind === 'forward') return { forward: target };
  if (kind === 'both') return { forward: target, target };
  if (kind === 'follow') return { target, followRedirects: true };
  return {
    target,
    fetch: undiciFetch as unknown as typeof fetch,
    fetchOptions: { requestOptions: { dispatcher } as RequestInit },
  };
}

/** The application's listeners. */
function listen(one: Setup, balancer: Balancer, told: Set<string>): void {
  balancer.on('econnreset', (_error, req) => void told.add(String(req.headers.host)));
  if (one.listener !== 'unheard')
    balancer.on('error', (_error, req, res) => {
      told.add(String(req.headers.host));
      if (one.listener === 'naive') naive(res);
      // Of a response that waits for its turn, destroy() leaves the connection open.
      else if (one.listener === 'mute') 'writeHead' in res && req.socket.destroy();
      else
        setTimeout(
          () => ('writeHead' in res && (res.headersSent || res.destroyed) ? res.end() : naive(res)),
          3,
        );
    });
  if (one.onAnswer === 'nothing') return;
  balancer.on('proxyRes', (proxyRes: IncomingMessage, _req, res) => {
    if (res.headersSent) return;
    if (one.onAnswer === 'end') res.end('mine');
    if (one.onAnswer === 'write') res.write('mine');
    if (one.onAnswer === 'end later') setTimeout(() => res.writableEnded || res.end('mine'), 1);
    if (one.onAnswer === 'own') collect(proxyRes, res);
  });
}

/** The handler of many an application, which knows nothing of answers that have begun. */
function naive(res: ServerResponse | Socket): void {
  if ('writeHead' in res) res.writeHead(502).end('sorry');
  else res.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
}

function collect(proxyRes: IncomingMessage, res: ServerResponse): void {
  // What comes over fetch() is no stream.
  if (typeof proxyRes.on !== 'function') return void res.end('mine');
  const parts: Buffer[] = [];
  proxyRes.on('data', (part: Buffer) => parts.push(part));
  proxyRes.on('end', () => res.writableEnded || res.end(Buffer.concat(parts)));
}

function servePeer(socket: Socket, all: readonly Exchange[], copied: boolean, port: () => number): void {
  let had = 0;
  socket.on('end', () => socket.end());
  socket.on('data', async (data) => {
    const text = data.toString('latin1');
    if (!/ HTTP\/1\.1\r\n/.test(text)) return;
    const { answers } = all[Number(/\r\nhost: c(\d+)/i.exec(text)?.[1] ?? 0) % all.length];
    const { pieces, end } = answers[Math.min(had++, answers.length - 1)];
    for (const [i, piece] of filled(pieces, (all) => all.replaceAll('{port}', String(port()))).entries()) {
      if (i > 0) await sleep(1);
      if (!socket.destroyed) socket.write(piece, 'latin1');
    }
    // For how long http-proxy-3 waits for the answer to a copy, nobody can tell it.
    if (end === 'FIN' || (end === 'stay' && copied)) socket.end();
    if (end === 'RST') socket.resetAndDestroy();
  });
}

/** The pieces with their places filled in, which may lie across the cuts. */
function filled(pieces: readonly string[], fill: (all: string) => string): string[] {
  const all = fill(pieces.join(''));
  let at = 0;
  return pieces.map((piece, i) => {
    const from = at;
    at += piece.length;
    return all.slice(from, i === pieces.length - 1 ? undefined : at);
  });
}

/** One client; what it got, and whether its connection came to an end. */
function ask(port: number, request: ClientRequest, id: number): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' });
    const done = (closed: boolean): void => {
      clearInterval(limit);
      socket.destroy();
      resolve({ text, closed });
    };
    let turns = 0;
    const limit = setInterval(() => ++turns > ANSWER_TURNS && done(false), TURN_MS);
    const leave = (): void => {
      if (request.leave === 'RST') socket.resetAndDestroy();
      else socket.end(() => setTimeout(() => socket.destroy(), 10));
    };
    socket.on('error', () => {});
    socket.on('close', () => done(true));
    socket.on('data', (data) => {
      // An open WebSocket has no end of its own.
      if (text === '' && data.includes('HTTP/1.1 101')) setTimeout(leave, 10);
      text += data.toString('latin1');
    });
    void (async () => {
      const named = (all: string): string =>
        all.replaceAll('{id}', String(id)).replaceAll('Host: a\r\n', `Host: c${id}\r\n`);
      for (const [i, piece] of filled(request.pieces, named).entries()) {
        if (i > 0) await sleep(1);
        socket.write(piece, 'latin1');
      }
      if (request.leaveMs !== null) setTimeout(leave, request.leaveMs);
    })();
  });
}
