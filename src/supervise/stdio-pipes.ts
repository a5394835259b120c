// Pipes for the streams of programs. What Node makes for a child are sockets: a program could not open /dev/stdout anew (nginx in an image,
// gunicorn's access log), and stdout and stderr could not share one. Node has no pipe(2); a FIFO that is unlinked once both its ends are
// open is one.
import { execFileSync } from 'node:child_process';
import { chownSync, closeSync, constants, mkdtempSync, openSync, rmSync, unlinkSync } from 'node:fs';
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

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;

export class PipeSource {
  #directory: string | null = null;
  #ready: string[] = [];
  #made = 0;
  #batch = FIRST_BATCH;
  /** There is no mkfifo(1), or nowhere to make one: asked once. */
  #impossible = process.platform === 'win32';

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
    this.#ready = [];
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = null;
  }

  #pipe(uid: number | null, open: (path: string) => PipeEnds): PipeEnds | null {
    const path = this.#next();
    if (path === undefined) return null;
    try {
      if (uid !== null) chownSync(path, uid, -1);
      return open(path);
    } finally {
      unlinkSync(path);
    }
  }

  #next(): string | undefined {
    if (this.#ready.length === 0 && !this.#impossible) this.#make();
    return this.#ready.pop();
  }

  #make(): void {
    try {
      this.#directory ??= mkdtempSync(join(tmpdir(), 'lbproxy-pipes-'));
      const directory = this.#directory;
      const paths = Array.from({ length: this.#batch }, () => join(directory, String(++this.#made)));
      execFileSync('mkfifo', ['-m', '600', ...paths], { stdio: 'ignore', timeout: 10_000 });
      this.#ready = paths;
      this.#batch = Math.min(MAX_BATCH, this.#batch * 2);
    } catch {
      // Node's own streams do: only what is said above does not work with them.
      this.close();
    }
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
