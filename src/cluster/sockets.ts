// Listening sockets live in the primary and are shared with the acceptors, so that an acceptor's death or a reload closes none of them
// and the kernel's queue of waiting clients belongs to all. The one file that touches a Node internal: net._createServerHandle makes a
// bound socket that does not accept here. Where it is missing, acceptors listen through node:cluster instead.
import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import net, { createServer, isIP } from 'node:net';
import { listenOptions } from '../listen/listener.ts';
import type { ListenModel } from '../listen/rows.ts';

interface Handle {
  close(): void;
}

type CreateHandle = (
  address: string | null,
  port: number,
  addressType: 4 | 6 | -1,
  fd: number | undefined,
  flags: number,
) => Handle | number;

const createHandle = (net as unknown as { _createServerHandle?: CreateHandle })._createServerHandle;

/** UV_TCP_IPV6ONLY */
const IPV6_ONLY = 1;

export class Sockets {
  readonly #handles = new Map<string, Handle>();
  readonly #paths = new Set<string>();

  /** Binds an address unless it is bound already. Rejects with a text that names the address and the next step. */
  async open(key: string, listen: ListenModel): Promise<void> {
    if (this.#handles.has(key)) return;
    const address = await numeric(listen);
    if (address.path !== '') removeStale(address.path);
    await probe(address);
    if (createHandle === undefined) return;
    const handle =
      address.path !== ''
        ? createHandle(address.path, -1, -1, undefined, 0)
        : createHandle(
            address.host,
            address.port,
            address.host.includes(':') ? 6 : 4,
            undefined,
            address.host.includes(':') && address.ipv6only ? IPV6_ONLY : 0,
          );
    if (typeof handle === 'number') throw new Error(`cannot bind ${key} (error ${handle})`);
    if (address.path !== '') this.#paths.add(address.path);
    this.#handles.set(key, handle);
  }

  /** What to send to an acceptor; undefined where it must listen by itself. */
  handle(key: string): unknown {
    return this.#handles.get(key);
  }

  /** Closes what is not among these keys. */
  keep(keys: ReadonlySet<string>): void {
    for (const [key, handle] of this.#handles) {
      if (keys.has(key)) continue;
      handle.close();
      this.#handles.delete(key);
      if (key.startsWith('unix:')) this.#unlink(key.slice(5));
    }
  }

  close(): void {
    this.keep(new Set());
  }

  #unlink(path: string): void {
    if (this.#paths.delete(path) && existsSync(path)) unlinkSync(path);
  }
}

async function numeric(listen: ListenModel): Promise<ListenModel> {
  if (listen.path !== '') return listen;
  if (listen.host === '*') return { ...listen, host: '0.0.0.0' };
  if (isIP(listen.host) !== 0) return listen;
  try {
    const { address } = await lookup(listen.host, { family: 4 });
    return { ...listen, host: address };
  } catch {
    throw new Error(`cannot listen on ${listen.host}:${listen.port}: the host name does not resolve`);
  }
}

/** A socket file that nobody listens on any more is left over from a crash. */
function removeStale(path: string): void {
  if (!existsSync(path)) return;
  // The probe tells whether somebody listens: bind fails on any file that exists, so a dead one has to go first.
  try {
    if (!isAlive(path)) unlinkSync(path);
  } catch {
    // Left for the probe to report.
  }
}

function isAlive(path: string): boolean {
  return process.platform !== 'linux' || unixSockets().includes(path);
}

function unixSockets(): string[] {
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[7] ?? '');
}

/** A bound handle tells of a conflict only when somebody listens on it: ask with an ordinary server first. */
function probe(listen: ListenModel): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(describe(listen, error))));
    server.listen({ ...listenOptions(listen), exclusive: true }, () => server.close(() => resolve()));
  });
}

function describe(listen: ListenModel, error: NodeJS.ErrnoException): string {
  const where = listen.path !== '' ? `unix:${listen.path}` : `${listen.host}:${listen.port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `cannot listen on ${where}: another program listens there already; stop it or choose another port`;
    case 'EACCES':
      return `cannot listen on ${where}: not permitted; ports below 1024 need the right to bind them (CAP_NET_BIND_SERVICE)`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${where}: this machine has no such address`;
    default:
      return `cannot listen on ${where}: ${error.message}`;
  }
}
