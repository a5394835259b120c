// Listening sockets live in the primary and are shared with the acceptors, so that an acceptor's death or a reload closes none of them
// and the kernel's queue of waiting clients belongs to all. With supervise/shared-socket.ts the place that touches Node internals:
// net._createServerHandle makes a bound socket that does not accept here, and Server._listen2 listens on one. Where the first is
// missing, acceptors listen through node:cluster instead.
import { lookup } from 'node:dns/promises';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import net, { connect, createServer, isIP, type Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { listenOptions } from '../listen/listen-options.ts';
import type { ListenModel } from '../listen/rows.ts';
import { errnoText } from '../shared/failed-call.ts';
import { holderOfPath, holderOfPort } from '../supervise/port-probe.ts';
import { whyNoSocket } from './writable-place.ts';

interface Handle {
  close(): void;
  /** TCP only. A status below 0 is an error of `bind` that libuv keeps for later, and nobody else tells. */
  getsockname?(into: object): number;
}

type CreateHandle = (
  address: string,
  port: number,
  addressType: 4 | 6 | -1,
  fd: number | undefined,
  flags: number,
) => Handle | number;

const createHandle = (net as unknown as { _createServerHandle?: CreateHandle })._createServerHandle;

/** UV_TCP_IPV6ONLY */
const IPV6_ONLY = 1;

export class Sockets {
  /** All addresses that are open, also those for which acceptors listen by themselves. */
  readonly #keys = new Set<string>();
  readonly #handles = new Map<string, Handle>();

  /** Binds an address unless it is bound already. Rejects with a text that names the address and the next step. */
  async open(key: string, listen: ListenModel, tries = 1): Promise<void> {
    if (this.#keys.has(key)) return;
    const address = await numeric(listen);
    if (address.path !== '') await removeStale(address.path);
    for (let left = tries; ; left--) {
      try {
        // A bound socket takes no clients yet: the first whom the kernel lets in finds an acceptor.
        if (createHandle === undefined) await probe(address);
        else this.#handles.set(key, bind(address, createHandle));
        break;
      } catch (error) {
        if (left > 1 && (error as NodeJS.ErrnoException).code === 'EADDRINUSE')
          await new Promise((resolve) => setTimeout(resolve, BIND_PAUSE_MS));
        else throw await bindError(address, error as NodeJS.ErrnoException);
      }
    }
    this.#keys.add(key);
  }

  /** Takes over what another primary has bound. */
  adopt(sockets: ReadonlyMap<string, unknown>): void {
    for (const [key, handle] of sockets) {
      this.#keys.add(key);
      this.#handles.set(key, handle as Handle);
    }
  }

  get handles(): ReadonlyMap<string, unknown> {
    return this.#handles;
  }

  /** Another primary has them, too: closing a Unix socket here would remove its file. */
  forget(): void {
    this.#keys.clear();
    this.#handles.clear();
  }

  /** What to send to an acceptor; undefined where it must listen by itself. */
  handle(key: string): unknown {
    return this.#handles.get(key);
  }

  /** Closes what is not among these keys. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#keys) {
      if (keys.has(key)) continue;
      this.#keys.delete(key);
      this.#handles.get(key)?.close();
      this.#handles.delete(key);
    }
  }

  close(): void {
    this.keep(new Set());
  }
}

/** Throws a system error. That another program listens there is one: the kernel binds no second socket to the address then. */
function bind(address: ListenModel, create: CreateHandle): Handle {
  if (address.path !== '') {
    const handle = checked(create(address.path, -1, -1, undefined, 0));
    // As nginx: whoever reaches the directory may connect.
    chmodSync(address.path, 0o666);
    return handle;
  }
  const isV6 = address.host.includes(':');
  const flags = isV6 && address.ipv6only ? IPV6_ONLY : 0;
  return checked(create(address.host, address.port, isV6 ? 6 : 4, undefined, flags));
}

function checked(handle: Handle | number): Handle {
  const status = typeof handle === 'number' ? handle : (handle.getsockname?.({}) ?? 0);
  if (typeof handle !== 'number' && status >= 0) return handle;
  if (typeof handle !== 'number') handle.close();
  const code = getSystemErrorName(status);
  throw Object.assign(new Error(`bind ${code}`), { code });
}

/** In an acceptor: listens on a handle that the primary sent. net.Server takes TCP ones by itself, Unix sockets only from within. */
export function listenOn(server: Server, handle: unknown, backlog: number): void {
  if ((handle as object).constructor.name === 'TCP') {
    server.listen(handle, backlog);
    return;
  }
  const inner = server as unknown as {
    _handle: unknown;
    _listen2(address: null, port: -1, addressType: -1, backlog: number): void;
  };
  inner._handle = handle;
  inner._listen2(null, -1, -1, backlog);
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

/** A socket that refuses is left over from a crash. Any other file is not ours to remove: binding reports it. */
async function removeStale(path: string): Promise<void> {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true || !(await refuses(path))) return;
    unlinkSync(path);
  } catch {
    // Left for binding to report.
  }
}

function refuses(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}

/** Where sockets cannot be bound here: whether an ordinary server could listen. */
function probe(listen: ListenModel): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ ...listenOptions(listen), exclusive: true }, () => server.close(() => resolve()));
  });
}

/** Whose address is taken may be about to end: nginx waits as long between its tries. */
const BIND_PAUSE_MS = 500;

/** An address that cannot be had; `plain` is what nginx says of it. */
export class BindError extends Error {
  readonly plain: string;

  constructor(message: string, plain: string) {
    super(message);
    this.plain = plain;
  }
}

async function bindError(listen: ListenModel, error: NodeJS.ErrnoException): Promise<BindError> {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const where = listen.path === '' ? `${host}:${listen.port}` : `unix:${listen.path}`;
  return new BindError(await describe(listen, error), `bind() to ${where} failed (${errnoText(error)})`);
}

async function describe(listen: ListenModel, error: NodeJS.ErrnoException): Promise<string> {
  const place = listen.path === '' ? undefined : whyNoSocket(listen.path);
  if (place !== undefined) return `cannot listen on unix:${listen.path}: ${place}`;
  const where = listen.path !== '' ? `unix:${listen.path}` : `${listen.host}:${listen.port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `cannot listen on ${where}: ${await whoHas(listen)}`;
    case 'EACCES':
      return `cannot listen on ${where}: not permitted; ports below 1024 need the right to bind them (CAP_NET_BIND_SERVICE)`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${where}: this machine has no such address`;
    default:
      return `cannot listen on ${where}: ${error.message}`;
  }
}

async function whoHas({ path, port }: ListenModel): Promise<string> {
  const holder = path === '' ? await holderOfPort(port) : await holderOfPath(path);
  // From `127.0.0.1:80` to `*:80`, or back: the old socket cannot be closed before the new one is open.
  if (holder?.own)
    return 'lbproxy itself listens on another address of this port; stop it and start it again';
  const who = holder?.text ?? 'another program';
  return path === ''
    ? `${who} listens there already; stop it or choose another port`
    : `${who} listens there already, or it is no socket; remove it or choose another path`;
}
