// What somebody writes into a named pipe, such as a passphrase that shall stand in no file: waited for, but not for ever.
import { closeSync, constants, openSync, readSync } from 'node:fs';

/** Nobody does anything else meanwhile: a start waits for it, and a reload. */
const WAIT_MS = 5000;
const STEP_MS = 5;

/** Throws why nothing came. */
export function readPipe(path: string, maxBytes: number): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readAll(fd, maxBytes);
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  const chunk = Buffer.allocUnsafe(4096);
  let total = 0;
  for (let waitedMs = 0; waitedMs < WAIT_MS; ) {
    const count = readSome(fd, chunk);
    if (count > 0) {
      total += count;
      if (total > maxBytes) throw new Error('more came out of the pipe than is read');
      chunks.push(Buffer.from(chunk.subarray(0, count)));
    } else if (count === 0 && total > 0) return Buffer.concat(chunks);
    else {
      sleep(STEP_MS);
      waitedMs += STEP_MS;
    }
  }
  throw new Error(`nobody has written into the pipe, or not to its end, within ${WAIT_MS / 1000} s`);
}

/** 0 = nobody has it open to write; -1 = somebody has, and writes nothing yet. */
function readSome(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return -1;
    throw error;
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
