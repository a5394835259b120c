// Log files as a control server reads them: pieces of a file, and what is added to it. Only regular files: a pipe would never end.
import type { Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

export type LogState =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'file'; readonly sizeBytes: number; readonly changedAtMs: number };

export interface LogReader {
  state(path: string): Promise<LogState>;
  /** Up to `length` bytes from `offset` on. Rejects where it cannot be read. */
  read(path: string, offset: number, length: number): Promise<Buffer>;
  /** The last `fromBytes` bytes of the file, then what is added to it, also after it was rotated. Resolves once the file is open. */
  follow(path: string, fromBytes: number, take: (added: Buffer) => Promise<void>): Promise<Follower>;
}

export interface Follower {
  close(): void;
}

const POLL_MS = 100;
const PIECE_BYTES = 65_536;
/** Supervisor's word for it, which `supervisorctl tail -f` prints. */
const TRUNCATED = Buffer.from('==> File truncated <==\n');

export const fileLogReader: LogReader = {
  async state(path) {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error)
      return { kind: found.code === 'ENOENT' || found.code === 'ENOTDIR' ? 'missing' : 'unreadable' };
    if (!found.isFile()) return { kind: 'unreadable' };
    return { kind: 'file', sizeBytes: found.size, changedAtMs: found.mtimeMs };
  },

  async read(path, offset, length) {
    const file = await openRegular(path);
    try {
      return await readPiece(file, offset, length);
    } finally {
      await file.close();
    }
  },

  async follow(path, fromBytes, take) {
    const following = new Following(path, take, await openRegular(path));
    await following.begin(fromBytes);
    return following;
  },
};

async function openRegular(path: string): Promise<FileHandle> {
  if (!(await stat(path)).isFile()) throw new Error(`${path} is not a regular file`);
  return open(path, 'r');
}

async function readPiece(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const wanted = Math.min(length, Math.max(0, (await file.stat()).size - offset));
  const buffer = Buffer.alloc(wanted);
  let filled = 0;
  while (filled < wanted) {
    const { bytesRead } = await file.read(buffer, filled, wanted - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Looks ten times a second, as Supervisor does; one look at a time, and none while what was taken is not yet sent. */
class Following implements Follower {
  readonly #path: string;
  readonly #take: (added: Buffer) => Promise<void>;
  #file: FileHandle;
  #atBytes = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, take: (added: Buffer) => Promise<void>, file: FileHandle) {
    this.#path = path;
    this.#take = take;
    this.#file = file;
  }

  async begin(fromBytes: number): Promise<void> {
    this.#atBytes = Math.max(0, (await this.#file.stat()).size - fromBytes);
    void this.#look();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#file.close().catch(() => {});
  }

  async #look(): Promise<void> {
    try {
      await this.#readOn();
      await this.#turnToNewFile();
    } catch {
      // Gone between two looks, or closed; the next look finds what is there then.
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#look(), POLL_MS);
  }

  async #readOn(): Promise<void> {
    const { size } = await this.#file.stat();
    if (size < this.#atBytes) {
      this.#atBytes = 0;
      await this.#take(TRUNCATED);
    }
    while (this.#atBytes < size && !this.#closed) {
      const piece = await readPiece(this.#file, this.#atBytes, Math.min(PIECE_BYTES, size - this.#atBytes));
      if (piece.length === 0) return;
      this.#atBytes += piece.length;
      await this.#take(piece);
    }
  }

  /** Rotated: the old file has been read to its end, the new one begins. */
  async #turnToNewFile(): Promise<void> {
    const [there, here]: Stats[] = await Promise.all([stat(this.#path), this.#file.stat()]);
    if (this.#closed || (there.ino === here.ino && there.dev === here.dev)) return;
    const next = await openRegular(this.#path);
    if (this.#closed) return next.close();
    const old = this.#file;
    this.#file = next;
    this.#atBytes = 0;
    await old.close();
    await this.#readOn();
  }
}
