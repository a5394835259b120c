// Opens what a log writes to: a file for appending, a FIFO, or one of the process's own streams.
import { constants, fstatSync, lstatSync, openSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isatty } from 'node:tty';

export interface LogOutput {
  readonly fd: number;
  /** Most bytes of one write(2) that no other process's lines can come between. */
  readonly atomicBytes: number;
  /** False for stdout and stderr: they are neither reopened nor closed. */
  readonly owned: boolean;
  /** To be called before each write, where others may have made the stream one that waits for its reader. */
  readonly beforeWrite: (() => void) | null;
  /** A write may wait for its reader, as nothing could be done about it: a terminal that may not be opened again. */
  readonly waits: boolean;
}

/** A log that cannot be opened; the message says why and what to do. */
export class LogFileError extends Error {
  readonly path: string;

  constructor(path: string, cause: unknown) {
    super(`cannot open log file "${path}": ${reasonOf(path, cause)}`, { cause });
    this.path = path;
  }
}

/** PIPE_BUF: 4096 on Linux; POSIX promises 512, which is what macOS has. */
const PIPE_BYTES = process.platform === 'linux' ? 4096 : 512;
/**
 * Appending to a file is atomic whatever the length; this only bounds the memory of one write. One write takes one turn of
 * the event loop, and a turn may serve thousands of connections.
 */
const FILE_BYTES = 1024 * 1024;

/**
 * Neither opening nor writing ever waits for somebody who reads: a full FIFO or terminal gives EAGAIN. Files know no such flag. And
 * no terminal becomes that of a process without one because it logs there.
 */
const NEVER_WAIT = constants.O_NONBLOCK | constants.O_NOCTTY;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NEVER_WAIT;

const NEVER = { beforeWrite: null, waits: false } as const;

/** Opens an absolute path, `stdout` or `stderr`. Throws LogFileError. */
export function openLogOutput(path: string): LogOutput {
  if (path === 'stdout' || path === 'stderr')
    return openNamed(path, () => openStream(path === 'stdout' ? 1 : 2));
  return openNamed(path, () => openFile(path));
}

/** Opens a file, by the bytes of its name. Throws LogFileError. */
export function openLogFile(name: Buffer): LogOutput {
  return openNamed(name.toString(), () => openFile(name));
}

function openNamed(path: string, open: () => LogOutput): LogOutput {
  try {
    return open();
  } catch (error) {
    throw new LogFileError(path, error);
  }
}

function openFile(path: string | Buffer): LogOutput {
  const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const stranger = link ? problemOfLink(path) : undefined;
  if (stranger !== undefined) throw new Error(stranger);
  const stream = link ? STREAM_LINKS.get(readlinkSync(path)) : undefined;
  if (stream !== undefined) return openStream(stream);
  // A FIFO is opened for reading too: without a reader it could not be opened for writing alone.
  const flags = isFifo(path) ? constants.O_RDWR | NEVER_WAIT : APPEND;
  // What is no link now must not become one before it is open.
  const fd = openSync(path, link ? flags : flags | constants.O_NOFOLLOW, 0o644);
  return { fd, atomicBytes: atomicBytes(fd, fstatSync(fd)), owned: true, ...NEVER };
}

/** Where links of an image's logs lead to. By its name a stream that is a socket, a service manager's for one, could not be opened. */
const STREAM_LINKS: ReadonlyMap<string, 1 | 2> = new Map([
  ['/dev/stdout', 1],
  ['/dev/fd/1', 1],
  ['/proc/self/fd/1', 1],
  ['/dev/stderr', 2],
  ['/dev/fd/2', 2],
  ['/proc/self/fd/2', 2],
]);

/**
 * Why a log is not written through a symbolic link: whoever made it chose what we append to. Links of our own and root's are followed, as
 * in nginx (an image's /var/log/nginx/access.log leads to /dev/stdout); the kernel's protected_symlinks asks the same in /tmp alone.
 */
export function problemOfLink(path: string | Buffer): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  const own = process.geteuid?.();
  if (stat?.isSymbolicLink() !== true || own === undefined || stat.uid === own || stat.uid === 0)
    return undefined;
  return (
    `it is a symbolic link that user ${stat.uid} made, who is neither root nor user ${own}, which lbproxy runs as: ` +
    'name the file that it leads to, or make the link anew'
  );
}

function isFifo(path: string | Buffer): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() ?? false;
}

function atomicBytes(fd: number, stat: Stats): number {
  return stat.isFIFO() || stat.isSocket() || isatty(fd) ? PIPE_BYTES : FILE_BYTES;
}

function openStream(fd: 1 | 2): LogOutput {
  const stat = fstatSync(fd);
  const common = { atomicBytes: atomicBytes(fd, stat), owned: false };
  if (stat.isFile()) return { fd, ...common, ...NEVER };
  const again = openAgain(fd);
  if (again !== null) return { fd: again, ...common, ...NEVER };
  return { fd, ...common, ...(isatty(fd) ? { beforeWrite: null, waits: true } : flagged(fd)) };
}

/**
 * A second description of the same pipe or terminal, so that a reader that stands still cannot hold one of Node's few I/O threads.
 * The flag of `fd` itself is shared with other processes and stays. Null where there is no /proc or no right to it, and for sockets.
 */
function openAgain(fd: 1 | 2): number | null {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | NEVER_WAIT);
  } catch {
    return null;
  }
}

/**
 * Of a pipe or socket the shared flag itself, as Node sets it for `process.stdout`. It is lost again whenever a process that shares
 * it starts or exits: libuv and Node put it back. A terminal keeps its flag: the shell reads through it.
 */
function flagged(fd: 1 | 2): Pick<LogOutput, 'beforeWrite' | 'waits'> {
  const stream = fd === 1 ? process.stdout : process.stderr;
  // Its errors are those of writes that nobody makes.
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  const { _handle: handle } = stream as { _handle?: { setBlocking?(wanted: boolean): number } | null };
  return { beforeWrite: () => void handle?.setBlocking?.(false), waits: false };
}

/** Why a log does not open, and what to do. */
export function reasonOf(path: string, cause: unknown): string {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return `the directory "${dirname(path)}" does not exist: create it or change the path`;
    case 'EACCES':
    case 'EPERM':
      return 'permission denied: let the user of this process write there or change the path';
    case 'EISDIR':
      return 'it is a directory: name a file in it';
    case 'ENAMETOOLONG':
      return 'the name is longer than the file system takes: choose a shorter one';
    case 'ELOOP':
      return 'symbolic links lead in a circle: change the path';
    case 'ENOTDIR':
      return `"${dirname(path)}" is not a directory: change the path`;
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
