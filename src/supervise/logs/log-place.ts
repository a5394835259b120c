// What a log's path stands for: a file that can be rotated, or something that only takes bytes (a stream of our own, a FIFO, a device).
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { basename, dirname, join, normalize } from 'node:path';
import {
  LogFileError,
  type LogOutput,
  openLogOutput,
  problemOfLink,
  reasonOf,
} from '../../observe/log-output.ts';

export interface LogPlace {
  /** The same for all paths that lead to the same place. Of a file: the path that is opened, and rotated. */
  readonly key: string;
  /** False for what is never rotated, emptied or read. */
  readonly isFile: boolean;
  /** Throws with the reason and the next step. `mode` is that of a file that is made. */
  open(mode: number): LogOutput;
}

/** New files get what the umask leaves, as Supervisor's do. */
export const NEW_FILE_MODE = 0o666;

/** Most bytes of one write; PIPE_BUF where other processes write to the same pipe. */
const FILE_BYTES = 1024 * 1024;
const PIPE_BYTES = process.platform === 'linux' ? 4096 : 512;

const { O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** Where an absolute path leads now. Never throws: what is not there yet will be a file. */
export function placeOf(path: string): LogPlace {
  const fd = ownStream(path) ?? ownStream(linkOf(path));
  if (fd !== null) return { key: `fd ${fd}`, isFile: false, open: () => openStream(path, fd) };
  const key = realPath(path);
  if (isDevice(key)) return { key, isFile: false, open: () => openLogOutput(path) };
  return { key, isFile: true, open: (mode) => openFile(path, key, mode) };
}

/** `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/3` → the descriptor. */
function ownStream(path: string | null): number | null {
  if (path === null) return null;
  if (path === '/dev/stdout') return 1;
  if (path === '/dev/stderr') return 2;
  const found = /^(?:\/dev|\/proc\/self)\/fd\/(\d{1,9})$/.exec(path);
  return found === null ? null : Number(found[1]);
}

function linkOf(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch {
    return null;
  }
}

function isDevice(path: string): boolean {
  try {
    const stat = statSync(path);
    return !stat.isFile() && !stat.isDirectory();
  } catch {
    return false;
  }
}

/** Links are followed, so that what they lead to has one writer, and the links go on leading to the newest file. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // It is not there yet; its directory may be.
  }
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return normalize(path);
  }
}

function openFile(path: string, key: string, mode: number): LogOutput {
  try {
    refuseStrangersLink(path);
    // What is no link now must not become one before it is open. A link that leads nowhere yet is still a link.
    const follow = linkOf(key) === null ? O_NOFOLLOW : 0;
    const fd = openSync(key, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | follow, mode);
    return { fd, atomicBytes: FILE_BYTES, owned: true, beforeWrite: null, waits: false };
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

function openStream(path: string, fd: number): LogOutput {
  try {
    refuseStrangersLink(path);
    if (fd === 1 || fd === 2) return openLogOutput(fd === 1 ? 'stdout' : 'stderr');
    return openDescriptor(fd);
  } catch (error) {
    throw error instanceof LogFileError ? error : cannotOpen(path, error);
  }
}

function refuseStrangersLink(path: string): void {
  const stranger = problemOfLink(path);
  if (stranger !== undefined) throw new Error(stranger);
}

/** Sockets that were handed to us, made non-blocking and kept for as long as lbproxy lives. */
const sockets = new Map<number, Socket>();

function openDescriptor(fd: number): LogOutput {
  const stat = fstatSync(fd);
  const common = { beforeWrite: null, waits: false };
  // Its position is shared with whoever opened it.
  if (stat.isFile()) return { fd, atomicBytes: FILE_BYTES, owned: false, ...common };
  if (!stat.isSocket()) {
    const again = openSync(`/dev/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    // Ours is another description of the same pipe: its reader standing still holds nobody but us.
    return { fd: again, atomicBytes: PIPE_BYTES, owned: true, ...common };
  }
  if (!sockets.has(fd)) {
    const socket = new Socket({ fd, readable: false, writable: true });
    socket.on('error', () => undefined);
    sockets.set(fd, socket);
  }
  return { fd, atomicBytes: PIPE_BYTES, owned: false, ...common };
}

/** The descriptor of an output that is no longer needed. */
export function closeOutput(output: LogOutput | null): void {
  if (output?.owned !== true) return;
  try {
    closeSync(output.fd);
  } catch {
    // What could not be written any more is told when it is written, not here.
  }
}

function cannotOpen(path: string, cause: unknown): Error {
  return new Error(`cannot open "${path}": ${reasonOf(path, cause)}`, { cause });
}
