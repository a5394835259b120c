// The cluster that accept.ts measures: a primary and its acceptors, which answer every request with the same few bytes on raw sockets.
// node accept-processes.ts MODE ACCEPTORS, with a channel to the parent, which asks and is answered by messages. A path that begins with
// /work costs 100 µs of CPU more.
import cluster, { type Worker as AcceptorProcess } from 'node:cluster';
import { once } from 'node:events';
import net, { createServer, type Socket } from 'node:net';

/**
 * shared: the primary binds one socket, all acceptors accept from it. round-robin: the primary accepts and hands each connection over.
 * reuseport: each acceptor binds a socket of its own. reuseport-held: the same sockets, but bound by the primary, which keeps them open.
 */
export const MODES = ['shared', 'round-robin', 'reuseport', 'reuseport-held'] as const;
export type Mode = (typeof MODES)[number];

export type Question = 'counts' | 'replace' | 'remove' | 'stop';

export interface Counts {
  readonly pid: number;
  readonly connections: number;
  readonly requests: number;
  readonly cpuUs: number;
}

export type Reply =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'counts'; readonly primaryCpuUs: number; readonly acceptors: readonly Counts[] }
  | { readonly type: 'done' };

type ToAcceptor = 'counts' | 'leave' | { readonly type: 'listen'; readonly port: number };
type FromAcceptor = { readonly type: 'listening' } | ({ readonly type: 'counts' } & Counts);

interface Handle {
  close(): void;
  getsockname(out: { port?: number }): number;
}

type CreateHandle = (address: string, port: number, family: 4, fd: undefined, flags: number) => Handle;

const HOST = '127.0.0.1';
const BACKLOG = 511;
const UV_TCP_REUSEPORT = 2;
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n';

const WORK_MS = 0.1;

function work(): void {
  const end = performance.now() + WORK_MS;
  while (performance.now() < end);
}

const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

class Primary {
  readonly #mode: Mode;
  /** One acceptor per slot; a slot whose acceptor died gets another. */
  readonly #slots: AcceptorProcess[] = [];
  readonly #handles: Handle[] = [];
  #port = 0;
  #removed = false;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  async start(acceptors: number): Promise<void> {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    await this.#bind(acceptors);
    for (let slot = 0; slot < acceptors; slot++) this.#slots.push(await this.#fork(slot));
    process.on('message', (question: Question) => void this.#answer(question));
    process.on('disconnect', () => this.#stop());
    tell({ type: 'ready', port: this.#port });
  }

  async #bind(acceptors: number): Promise<void> {
    const create = (net as unknown as { _createServerHandle: CreateHandle })._createServerHandle;
    const isShared = this.#mode === 'shared';
    if (isShared || this.#mode === 'reuseport-held') {
      for (let i = 0; i < (isShared ? 1 : acceptors); i++) {
        const handle = create(HOST, this.#port, 4, undefined, isShared ? 0 : UV_TCP_REUSEPORT);
        const name: { port?: number } = {};
        handle.getsockname(name);
        this.#port = name.port ?? 0;
        this.#handles.push(handle);
      }
      return;
    }
    const server = createServer().listen(0, HOST);
    await once(server, 'listening');
    this.#port = (server.address() as net.AddressInfo).port;
    server.close();
    await once(server, 'close');
  }

  /** Resolves when the new acceptor listens. */
  async #fork(slot: number): Promise<AcceptorProcess> {
    const acceptor = cluster.fork();
    acceptor.once('exit', () => {
      const isDead = this.#slots[slot] === acceptor && !this.#removed;
      if (isDead) void this.#fork(slot).then((next) => this.#put(slot, next));
    });
    await once(acceptor, 'online');
    const listening = once(acceptor, 'message');
    const message: ToAcceptor = { type: 'listen', port: this.#port };
    const handle = this.#handles[this.#mode === 'shared' ? 0 : slot];
    acceptor.send(message, handle as unknown as net.Server);
    await listening;
    return acceptor;
  }

  #put(slot: number, acceptor: AcceptorProcess): void {
    this.#slots[slot] = acceptor;
  }

  async #answer(question: Question): Promise<void> {
    switch (question) {
      case 'counts':
        tell({
          type: 'counts',
          primaryCpuUs: cpuUs(),
          acceptors: await Promise.all(this.#slots.map(countsOf)),
        });
        return;
      case 'replace':
        for (let slot = 0; slot < this.#slots.length; slot++) await this.#replace(slot);
        return tell({ type: 'done' });
      case 'remove':
        this.#removed = true;
        for (const acceptor of this.#slots) acceptor.send('leave' satisfies ToAcceptor);
        for (const handle of this.#handles) handle.close();
        return tell({ type: 'done' });
      case 'stop':
        this.#stop();
    }
  }

  /** The new one listens before the old one is told to go. */
  async #replace(slot: number): Promise<void> {
    const old = this.#slots[slot];
    this.#put(slot, await this.#fork(slot));
    const gone = once(old, 'exit');
    old.send('leave' satisfies ToAcceptor);
    await gone;
  }

  #stop(): void {
    this.#removed = true;
    for (const acceptor of Object.values(cluster.workers ?? {})) acceptor?.process.kill('SIGKILL');
    process.exit(0);
  }
}

function tell(reply: Reply): void {
  process.send?.(reply);
}

async function countsOf(acceptor: AcceptorProcess): Promise<Counts> {
  const answered = once(acceptor, 'message');
  acceptor.send('counts' satisfies ToAcceptor);
  const [{ pid, connections, requests, cpuUs }] = (await answered) as [Counts];
  return { pid, connections, requests, cpuUs };
}

function runAcceptor(mode: Mode): void {
  let connections = 0;
  let requests = 0;
  const server = createServer({ noDelay: true }, (socket: Socket) => {
    connections++;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      requests++;
      if (chunk.includes('GET /work')) work();
      if (chunk.includes('Connection: close')) socket.end(ANSWER);
      else socket.write(ANSWER);
    });
  });
  const say = (message: FromAcceptor): void => {
    process.send?.(message);
  };
  process.on('message', (message: ToAcceptor, handle: unknown) => {
    if (message === 'counts')
      return say({ type: 'counts', pid: process.pid, connections, requests, cpuUs: cpuUs() });
    if (message === 'leave') return void server.close(() => process.exit(0));
    server.once('listening', () => say({ type: 'listening' }));
    if (handle !== undefined) server.listen(handle, BACKLOG);
    else server.listen({ port: message.port, host: HOST, backlog: BACKLOG, reusePort: mode === 'reuseport' });
  });
}

if (cluster.isPrimary && process.send !== undefined && process.argv[2] !== undefined) {
  void new Primary(process.argv[2] as Mode).start(Number(process.argv[3]));
} else if (cluster.isWorker) {
  runAcceptor(process.argv[2] as Mode);
}
