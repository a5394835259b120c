// Opens a file of a root: open first, then look at what was opened (kind, size, time, real path), so that nothing can be
// exchanged in between. A file whose real path is outside of its root is refused.
import fs from 'node:fs';
import { sep } from 'node:path';
import { closeFile } from '../answer/file-transfer.ts';
import { failedCall } from '../shared/failed-call.ts';
import { toFsPath } from '../shared/fs-path.ts';
import type { MappedPath } from './file-path.ts';
import { checkLinks } from './symlinks.ts';

/** What answers tell of a file. */
export interface FileFacts {
  /** Bytes. */
  readonly size: number;
  /** Seconds since the epoch; negative before 1970. */
  readonly mtime: number;
}

/** What tells one content of a file from another: part of fs.Stats, times in ms since the epoch with their fraction. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** An open file; who gets it closes `fd`. Directories come open too. */
export interface OpenFile extends FileFacts {
  readonly fd: number;
  readonly kind: 'file' | 'directory' | 'other';
  readonly identity: FileIdentity;
}

/** Why there is no file: the status that it leads to, and a sentence for the log. */
export interface FileProblem {
  readonly status: 403 | 404 | 500;
  readonly message: string;
}

/** Exactly one of the two is not null. */
export type OpenCallback = (problem: FileProblem | null, file: OpenFile | null) => void;

/** A FIFO must not hold a thread until someone writes into it; the flag does not exist on Windows. */
const FLAGS = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);

/** Errors of the file system → status, as nginx has them; ENXIO is a socket in the place of a file. */
const STATUS: Readonly<Record<string, 403 | 404>> = {
  ENOENT: 404,
  ENOTDIR: 404,
  ENAMETOOLONG: 404,
  ENXIO: 404,
  EACCES: 403,
  EPERM: 403,
  ELOOP: 403,
};

export function problemOf(error: NodeJS.ErrnoException, call: string, path: string): FileProblem {
  return {
    status: STATUS[error.code ?? ''] ?? 500,
    message: failedCall(`${call}()`, path, error),
  };
}

/** Opens files; one for each file handler. Remembers the real path of the root it saw last. */
export class FileOpener {
  #rootPath = '';
  #rootReal = '';

  /** Opens `mapped.path`; the callback comes later, never during the call. The path has no NUL. */
  open(mapped: MappedPath, done: OpenCallback): void {
    const { links } = mapped;
    if (links === undefined || links === null) return this.#open(mapped, done);
    checkLinks(mapped.path, links, (error) => {
      if (error !== null) done(problemOf(error, 'open', mapped.path), null);
      else this.#open(mapped, done);
    });
  }

  #open(mapped: MappedPath, done: OpenCallback): void {
    fs.open(toFsPath(mapped.path), FLAGS, (error, fd) => {
      if (error !== null) return done(problemOf(error, 'open', mapped.path), null);
      const refuse = (problem: FileProblem): void => {
        closeFile(fd);
        done(problem, null);
      };
      fs.fstat(fd, { bigint: true }, (statError, stats) => {
        if (statError !== null) return refuse(problemOf(statError, 'fstat', mapped.path));
        realPathOf(fd, stats, mapped.path, (pathError, real) => {
          if (pathError !== null) return refuse(problemOf(pathError, 'realpath', mapped.path));
          this.#checkInside(real, mapped, (problem) => {
            if (problem !== null) refuse(problem);
            else done(null, describe(fd, stats));
          });
        });
      });
    });
  }

  /**
   * A root can be a link that is pointed elsewhere by a deployment. So a real path that is not inside of the root as it was
   * seen last is compared once more with the root as it is now.
   */
  #checkInside(real: string, mapped: MappedPath, done: (problem: FileProblem | null) => void): void {
    if (mapped.root === this.#rootPath && isInside(real, this.#rootReal)) {
      done(null);
      return;
    }
    fs.realpath.native(toFsPath(mapped.root), 'buffer', (error, buffer) => {
      if (error !== null) return done(problemOf(error, 'realpath', mapped.root));
      this.#rootPath = mapped.root;
      this.#rootReal = buffer.latin1Slice();
      if (isInside(real, this.#rootReal)) return done(null);
      done({
        status: 403,
        message: `"${mapped.path}" leads to "${real}", outside of its root "${mapped.root}"`,
      });
    });
  }
}

function describe(fd: number, stats: fs.BigIntStats): OpenFile {
  // Whole seconds from nanoseconds: the milliseconds of Stats are rounded, and .999999999 would become the next second.
  const mtime = secondsOf(stats.mtimeNs);
  return {
    fd,
    kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other',
    size: Number(stats.size),
    mtime,
    identity: {
      dev: Number(stats.dev),
      ino: Number(stats.ino),
      size: Number(stats.size),
      mtimeMs: toStatsMs(stats.mtimeNs),
      ctimeMs: toStatsMs(stats.ctimeNs),
    },
  };
}

/** Nanoseconds as fs.Stats gives them: with its steps, so that its rounding is the same. */
function toStatsMs(ns: bigint): number {
  const seconds = secondsOf(ns);
  return seconds * 1000 + Number(ns - BigInt(seconds) * NS_PER_SECOND) / 1_000_000;
}

const NS_PER_SECOND = 1_000_000_000n;

/** Whole seconds as the kernel counts them: half a second before 1970 is in second -1. */
function secondsOf(ns: bigint): number {
  const seconds = ns / NS_PER_SECOND;
  return Number(ns < 0n && seconds * NS_PER_SECOND !== ns ? seconds - 1n : seconds);
}

/** Whether a real path is `root` or below it. */
export function isInside(real: string, root: string): boolean {
  if (!real.startsWith(root)) return false;
  return real.length === root.length || root.endsWith(sep) || real.charAt(root.length) === sep;
}

type RealPathCallback = (error: NodeJS.ErrnoException | null, real: string) => void;

/** The real path of an open file. Linux tells it of the descriptor, from memory; elsewhere it is looked up by name. */
function realPathOf(fd: number, stats: fs.BigIntStats, path: string, done: RealPathCallback): void {
  const real = realPathByDescriptor(fd);
  if (real !== null) {
    done(null, real);
    return;
  }
  realPathByName(path, stats, done);
}

function realPathByDescriptor(fd: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`, 'buffer').latin1Slice();
  } catch {
    // No /proc here.
    return null;
  }
}

/** The real path by name, checked to be the file that `stats` describes: an exchange in between is refused. */
export function realPathByName(path: string, stats: fs.BigIntStats, done: RealPathCallback): void {
  fs.realpath.native(toFsPath(path), 'buffer', (error, real) => {
    if (error !== null) return done(error, '');
    fs.lstat(real, { bigint: true }, (statError, now) => {
      if (statError !== null) return done(statError, '');
      if (now.dev === stats.dev && now.ino === stats.ino) return done(null, real.latin1Slice());
      done(Object.assign(new Error('exchanged while it was opened'), { code: 'EACCES' }), '');
    });
  });
}
