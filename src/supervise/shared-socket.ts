// The listening socket of an [fcgi-program:x]: made here, accepted from by the processes of the group, which have it as stdin. Clients
// that come while all of them start anew wait in the kernel's queue. Uses Node's internals as cluster/sockets.ts does:
// net._createServerHandle binds a socket; nothing public lets a socket listen and leaves the accepting to others.
//
// Who starts the processes makes one SharedSocket for a group, `acquire`s it for each process before its launch, hands `fd` to spawn as
// stdio[0], and `release`s what it got when the process has ended and is not to be started again: the socket stays as long as anybody
// has it. Released between an end and the next start (as Supervisor does), a group of one would refuse clients while it restarts.
import { lookup } from 'node:dns/promises';
import { chmodSync, chownSync, lstatSync, statSync, unlinkSync } from 'node:fs';
import net, { connect, isIP } from 'node:net';
import { dirname } from 'node:path';
import { getSystemErrorName } from 'node:util';
import type { SharedSocketPlan } from './plan.ts';
import { holderOfPath, holderOfPort } from './port-probe.ts';

/** A listening socket that nobody in this process accepts from. */
export interface ListeningSocket {
  /** For stdio[0] of any number of processes. Belongs to this object. */
  readonly fd: number;
  /** Also removes the file of a Unix socket. Calls after the first do nothing. */
  close(): void;
}

/** One process's share of the socket. */
export interface SocketShare {
  readonly fd: number;
  /** The last one closes the socket. Calls after the first do nothing. */
  release(): void;
}

/** What a handle of libuv offers; each call answers with 0 or an error below it. */
interface Handle {
  readonly fd: number;
  open(fd: number): number;
  listen(backlog: number): number;
  readStart(): number;
  readStop(): number;
  getsockname?(into: object): number;
  unref(): void;
  close(): void;
}

type CreateHandle = (
  address: string,
  port: number,
  addressType: 4 | 6 | -1,
  fd: number | undefined,
  flags: number,
) => Handle | number;

const createHandle = (net as unknown as { _createServerHandle?: CreateHandle })._createServerHandle;

/** What the kernel takes for the longest it allows: Supervisor's default is SOMAXCONN. */
const SYSTEM_BACKLOG = 4096;
const CONNECT_TIMEOUT_MS = 1000;

export class SharedSocket {
  readonly #plan: SharedSocketPlan;
  #shares = 0;
  #socket: Promise<ListeningSocket> | null = null;

  constructor(plan: SharedSocketPlan) {
    this.#plan = plan;
  }

  /** Opens the socket for the first. Rejects with a text that says why, and what to do; another try may then succeed. */
  async acquire(): Promise<SocketShare> {
    this.#socket ??= openSharedSocket(this.#plan);
    const opening = this.#socket;
    this.#shares++;
    try {
      const { fd } = await opening;
      let held = true;
      return {
        fd,
        release: () => {
          if (held) this.#giveBack();
          held = false;
        },
      };
    } catch (error) {
      this.#giveBack();
      throw error;
    }
  }

  #giveBack(): void {
    if (--this.#shares > 0) return;
    const last = this.#socket;
    this.#socket = null;
    last?.then((socket) => socket.close()).catch(() => undefined);
  }
}

export async function openSharedSocket(plan: SharedSocketPlan): Promise<ListeningSocket> {
  const handle = await bind(plan);
  try {
    const { address } = plan;
    // Nobody can connect before it listens, so nobody can before it has its mode and owner.
    if (address.kind === 'unix') own(address);
    listenOnly(handle, plan.backlog ?? SYSTEM_BACKLOG);
  } catch (error) {
    handle.close();
    throw new Error(await describe(plan, error as NodeJS.ErrnoException));
  }
  let open = true;
  return {
    fd: handle.fd,
    close() {
      // Closing a bound Unix socket removes its file (libuv).
      if (open) handle.close();
      open = false;
    },
  };
}

async function bind(plan: SharedSocketPlan): Promise<Handle> {
  const { address } = plan;
  if (createHandle === undefined || process.platform === 'win32')
    throw new Error(`cannot listen on ${plan.url}: this system gives programs no socket as stdin`);
  try {
    if (address.kind === 'unix') {
      await removeStale(address.path);
      return checked(createHandle(address.path, -1, -1, undefined, 0));
    }
    const host = await numeric(address.host);
    return checked(createHandle(host, address.port, host.includes(':') ? 6 : 4, undefined, 0));
  } catch (error) {
    throw new Error(await describe(plan, error as NodeJS.ErrnoException));
  }
}

/** libuv keeps an error of bind for later, where only getsockname tells. */
function checked(handle: Handle | number): Handle {
  if (typeof handle === 'number') return fail(handle);
  const status = handle.getsockname?.({}) ?? 0;
  if (status >= 0) return handle;
  handle.close();
  return fail(status);
}

function must(status: number): void {
  if (status < 0) fail(status);
}

function fail(status: number): never {
  const code = getSystemErrorName(status);
  throw Object.assign(new Error(code), { code });
}

/**
 * libuv accepts on a socket from the moment it listens. What takes the socket out of its loop is readStop, which works on one that
 * is read, which only one can be that was opened from a descriptor: so its own is opened again. All before the loop goes on.
 */
function listenOnly(handle: Handle, backlog: number): void {
  must(handle.open(handle.fd));
  must(handle.listen(backlog));
  must(handle.readStart());
  must(handle.readStop());
  handle.unref();
}

type UnixAddress = Extract<SharedSocketPlan['address'], { readonly kind: 'unix' }>;

function own({ path, mode, uid, gid }: UnixAddress): void {
  if (uid !== null || gid !== null) chownSync(path, uid ?? -1, gid ?? -1);
  chmodSync(path, mode);
}

async function numeric(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  return (await lookup(host, { family: 4 })).address;
}

/** A socket that refuses is left over from an earlier run. Any other file is not ours to remove: binding reports it. */
async function removeStale(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true || !(await refuses(path))) return;
  unlinkSync(path);
}

function refuses(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: CONNECT_TIMEOUT_MS });
    const finish = (refused: boolean): void => {
      socket.destroy();
      resolve(refused);
    };
    socket.once('connect', () => finish(false));
    socket.once('timeout', () => finish(false));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => finish(code === 'ECONNREFUSED'));
  });
}

async function describe({ url, address }: SharedSocketPlan, error: NodeJS.ErrnoException): Promise<string> {
  const where = `cannot listen on ${url}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where}: ${await whoHas(address)}`;
    case 'EACCES':
      return address.kind === 'tcp'
        ? `${where}: not permitted; ports below 1024 need the right to bind them (CAP_NET_BIND_SERVICE)`
        : `${where}: ${whyNoPlace(address.path)}`;
    case 'EPERM':
      return `${where}: only root can give the socket to another user; drop socket_owner, or start lbproxy as root`;
    case 'EINVAL':
    case 'ENAMETOOLONG':
      return address.kind === 'unix'
        ? `${where}: the path is too long for a socket (107 bytes at most); choose a shorter one`
        : `${where}: ${error.message}`;
    case 'EADDRNOTAVAIL':
      return `${where}: this machine has no such address`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${where}: the host name does not resolve; write its address`;
    default:
      return `${where}: ${error.message}`;
  }
}

/** libuv gives one error for all of these. */
function whyNoPlace(path: string): string {
  const directory = dirname(path);
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
    ? `${directory} may not be written; let the user of lbproxy write it`
    : `there is no directory ${directory}; make it`;
}

async function whoHas(address: SharedSocketPlan['address']): Promise<string> {
  const unix = address.kind === 'unix';
  const who = (await (unix ? holderOfPath(address.path) : holderOfPort(address.port)))?.text;
  const name = unix ? 'path' : 'port';
  if (who !== undefined) return `${who} listens there already; stop it or choose another ${name}`;
  return unix
    ? 'something is there, and it is no socket that was left over; remove it, or choose another path'
    : 'another program listens there already; stop it or choose another port';
}
