// Log files as a control server reads them: pieces of a file, and what is added to it. Only regular files: a pipe would never end.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { followLog } from '../logs/follow-log.ts';

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
    if (!(await stat(path)).isFile()) throw new Error(`${path} is not a regular file`);
    return { close: followLog(path, take, fromBytes, () => void take(TRUNCATED)) };
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
