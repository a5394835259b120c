// Reads log files as Supervisor's readFile and tailFile do, off the event loop and in bounded memory.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Names of Supervisor's faults. */
export type ReadFault = 'BAD_ARGUMENTS' | 'NO_FILE' | 'FAILED';

export type ReadResult =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly fault: ReadFault };

export interface LogTail {
  readonly text: Buffer;
  /** Size of the file: where the next call goes on. */
  readonly offset: number;
  /** There was more than was asked for. */
  readonly overflow: boolean;
}

/** Most bytes of one answer; who wants more asks again with a larger offset. */
export const MAX_READ_BYTES = 64 * 1024 * 1024;

/** Between two names of a rotation there is no file for a moment. */
const ROTATION_MS = 20;

const { O_NONBLOCK, O_NOCTTY, O_RDONLY } = constants;

/**
 * `length` bytes from `offset` on, all where `length` is 0. A negative offset is that many bytes at the end, and takes no length. A path
 * of null stands for no log.
 */
export async function readLog(path: string | null, offset: number, length: number): Promise<ReadResult> {
  return withFile<ReadResult>(path, fail, async (file, size) => {
    if (!isWhole(offset) || !isWhole(length) || length < 0 || (offset < 0 && length !== 0))
      return fail('BAD_ARGUMENTS');
    if (offset < 0) return { ok: true, bytes: await readAt(file, Math.max(0, size + offset), -offset, size) };
    return { ok: true, bytes: await readAt(file, offset, length === 0 ? size : length, size) };
  });
}

/** The last `length` bytes, or fewer where the file has not grown so much since `offset`. Nothing where it cannot be read. */
export async function tailLog(path: string | null, offset: number, length: number): Promise<LogTail> {
  const none = (fault: ReadFault): LogTail => ({
    text: NOTHING,
    offset: fault === 'NO_FILE' ? 0 : offset,
    overflow: false,
  });
  return withFile<LogTail>(path, none, async (file, size) => {
    const overflow = size > offset + length;
    let from = overflow ? size - 1 : offset;
    let wanted = length;
    if (from + wanted > size) {
      if (from > size - 1) wanted = 0;
      from = size - wanted;
    }
    const text = await readAt(file, Math.max(0, from), Math.max(0, wanted), size);
    return { text, offset: size, overflow };
  });
}

const NOTHING = Buffer.alloc(0);
const fail = (fault: ReadFault): ReadResult => ({ ok: false, fault });
const isWhole = (value: number): boolean => Number.isSafeInteger(value);

async function withFile<R>(
  path: string | null,
  failed: (fault: ReadFault) => R,
  use: (file: FileHandle, size: number) => Promise<R>,
): Promise<R> {
  if (path === null) return failed('NO_FILE');
  let file: FileHandle | undefined;
  try {
    file = await openSoon(path);
    const stat = await file.stat();
    return stat.isFile() ? await use(file, stat.size) : failed('FAILED');
  } catch (error) {
    return failed((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'NO_FILE' : 'FAILED');
  } finally {
    await file?.close().catch(() => undefined);
  }
}

async function openSoon(path: string): Promise<FileHandle> {
  // Neither a FIFO nor a terminal may hold us.
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  try {
    return await open(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await new Promise((resolve) => setTimeout(resolve, ROTATION_MS));
    return open(path, flags);
  }
}

async function readAt(file: FileHandle, from: number, length: number, size: number): Promise<Buffer> {
  const wanted = Math.min(length, Math.max(0, size - from), MAX_READ_BYTES);
  if (wanted === 0) return NOTHING;
  const bytes = Buffer.allocUnsafe(wanted);
  let done = 0;
  while (done < wanted) {
    const { bytesRead } = await file.read(bytes, done, wanted - done, from + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
