// Pipes for the streams of programs. What Node makes for a child are sockets: a program could not open /dev/stdout anew (nginx in an image,
// gunicorn's access log), and stdout and stderr could not share one. Node has no pipe(2); a FIFO that is unlinked once both its ends are
// open is one.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Two descriptors: ours does not block, the child's does. */
export interface PipeEnds {
  readonly ours: number;
  readonly child: number;
}

/** FIFOs are made many at once: each time costs a process. */
const FIRST_BATCH = 24;
const MAX_BATCH = 768;
const MKFIFO_LIMIT_MS = 10_000;

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;

export class PipeSource {
  #directory: string | null = null;
  #ready: string[] = [];
  #batch = FIRST_BATCH;
  /** There is no mkfifo(1): asked once. */
  #impossible = process.platform === 'win32';
  readonly #onDirectory: (path: string) => void;

  /** `onDirectory` hears of each directory that is made: it has to go when this process cannot remove it any more. */
  constructor(onDirectory: (path: string) => void = () => {}) {
    this.#onDirectory = onDirectory;
  }

  /** The child writes. `uid` may open it anew. Null where there are no FIFOs; throws where descriptors are used up. */
  output(uid: number | null): PipeEnds | null {
    return this.#pipe(uid, (path) => {
      const ours = openSync(path, O_RDONLY | O_NONBLOCK);
      return { ours, child: openAfter(path, O_WRONLY, ours) };
    });
  }

  /** The child reads. */
  input(uid: number | null): PipeEnds | null {
    return this.#pipe(uid, (path) => {
      // Neither end opens without the other one.
      const both = openSync(path, O_RDWR | O_NONBLOCK);
      try {
        const child = openSync(path, O_RDONLY);
        return { child, ours: openAfter(path, O_WRONLY | O_NONBLOCK, child) };
      } finally {
        closeSync(both);
      }
    });
  }

  /** Removes what was made and not used. */
  close(): void {
    this.#impossible = true;
    this.#forget();
  }

  #forget(): void {
    this.#ready = [];
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = null;
  }

  #pipe(uid: number | null, open: (path: string) => PipeEnds): PipeEnds | null {
    const first = this.#tryPipe(uid, open);
    if (first !== 'gone') return first;
    // Who tidies temporary directories has taken what lay there for days.
    this.#forget();
    const second = this.#tryPipe(uid, open);
    return second === 'gone' ? null : second;
  }

  #tryPipe(uid: number | null, open: (path: string) => PipeEnds): PipeEnds | 'gone' | null {
    const path = this.#next();
    if (path === undefined) return null;
    try {
      if (uid !== null) chownSync(path, uid, -1);
      return open(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
      throw error;
    } finally {
      rmSync(path, { force: true });
    }
  }

  #next(): string | undefined {
    if (this.#ready.length === 0 && !this.#impossible) this.#make();
    return this.#ready.pop();
  }

  /** Where that fails Node's own streams do, this time: only what is said above does not work with them. */
  #make(): void {
    const directory = this.#makeDirectory();
    if (directory === null) return;
    // Names that nobody can guess: whoever makes a directory of ours anew, once it was tidied away, has nothing that is opened here.
    const paths = Array.from({ length: this.#batch }, () => join(directory, randomBytes(9).toString('hex')));
    try {
      execFileSync('mkfifo', ['-m', '600', ...paths], { stdio: 'ignore', timeout: MKFIFO_LIMIT_MS });
      this.#ready = paths;
      this.#batch = Math.min(MAX_BATCH, this.#batch * 2);
    } catch (error) {
      this.#impossible = (error as NodeJS.ErrnoException).code === 'ENOENT';
      this.#forget();
    }
  }

  #makeDirectory(): string | null {
    if (this.#directory !== null) return this.#directory;
    try {
      this.#directory = mkdtempSync(join(tmpdir(), 'lbproxy-pipes-'));
      this.#onDirectory(this.#directory);
    } catch {
      // Nowhere to make one.
    }
    return this.#directory;
  }
}

function openAfter(path: string, flags: number, other: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    closeSync(other);
    throw error;
  }
}
