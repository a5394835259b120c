// Whether something accepts on a loopback port, and who: asked before a start (is it taken?) and after (is it ready?).
import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { shownCommand } from '../shared/command-line.ts';

const CONNECT_TIMEOUT_MS = 1000;

/** True when a TCP connection to the port is accepted on 127.0.0.1 or else on ::1. */
export async function accepts(port: number): Promise<boolean> {
  return (await ask('127.0.0.1', port)) === 'accepted' || (await ask('::1', port)) === 'accepted';
}

/**
 * True when nobody listens on the port. Not the opposite of `accepts`: of an app that is too busy to accept, or when this
 * process is out of descriptors, neither is true.
 */
export async function refuses(port: number): Promise<boolean> {
  return (await ask('127.0.0.1', port)) === 'refused' && (await ask('::1', port)) === 'refused';
}

type Answer = 'accepted' | 'refused' | 'unclear';

/** Refused by the system, or there is no such address at all: a machine without IPv6. */
const REFUSALS: readonly string[] = ['ECONNREFUSED', 'EADDRNOTAVAIL', 'ENETUNREACH', 'EAFNOSUPPORT'];

function ask(host: string, port: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const finish = (answer: Answer): void => {
      socket.destroy();
      resolve(answer);
    };
    // A port of the ephemeral range can be given to this very connection, which then meets itself (simultaneous open).
    socket.once('connect', () => finish(socket.localPort === port ? 'refused' : 'accepted'));
    socket.once('timeout', () => finish('unclear'));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      finish(REFUSALS.includes(code ?? '') ? 'refused' : 'unclear'),
    );
  });
}

/** A process that listens somewhere, as `pid 123 (python3 app.py)`. */
export interface Holder {
  readonly pid: number;
  readonly text: string;
  /** It is this process or a child of it. */
  readonly own: boolean;
}

/** Who listens on a port; undefined where that cannot be read: outside Linux, or a process of another user. */
export async function holderOfPort(port: number): Promise<Holder | undefined> {
  return holderOf([
    ...(await listeningInodes('/proc/net/tcp', port)),
    ...(await listeningInodes('/proc/net/tcp6', port)),
  ]);
}

/** Who listens on a Unix socket. */
export async function holderOfPath(path: string): Promise<Holder | undefined> {
  const text = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  // unix(7): number, references, protocol, flags (bit 16: listens), type, state, inode, path.
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  return holderOf(
    rows
      .filter((r) => r.slice(7).join(' ') === path && (Number.parseInt(r[3], 16) & 0x10000) !== 0)
      .map((r) => r[6]),
  );
}

async function holderOf(inodes: readonly string[]): Promise<Holder | undefined> {
  if (inodes.length === 0) return undefined;
  const wanted = new Set(inodes);
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid) || !(await holdsSocket(pid, wanted))) continue;
    const own = Number(pid) === process.pid || (await parentOf(pid)) === process.pid;
    return { pid: Number(pid), text: `pid ${pid} (${await commandOf(pid)})`, own };
  }
  return undefined;
}

async function parentOf(pid: string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** proc(5): the local address is `hex-address:hex-port`, state 0A is LISTEN, the tenth field the inode. */
async function listeningInodes(table: string, port: number): Promise<string[]> {
  const text = await readFile(table, 'latin1').catch(() => '');
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A' && fields[1].endsWith(suffix))
    .map((fields) => fields[9]);
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}

async function commandOf(pid: string): Promise<string> {
  return shownCommand(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
}
