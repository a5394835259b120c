// What somebody writes into a named pipe, such as a passphrase that shall stand in no file: waited for, but not for ever.
import { closeSync, constants, openSync, readSync } from 'node:fs';

/** Nobody does anything else meanwhile: a start waits for it, and a reload. */
const WAIT_MS = 5000;
/** Where nobody has it open to write. */
const ALONE_MS = 500;
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
  let limitMs = ALONE_MS;
  for (let waitedMs = 0; waitedMs < limitMs; ) {
    const count = readSome(fd, chunk);
    if (count > 0) {
      total += count;
      if (total > maxBytes) throw new Error('it is a named pipe, and more comes out of it than is read');
      chunks.push(Buffer.from(chunk.subarray(0, count)));
    } else if (count === 0 && total > 0) return Buffer.concat(chunks);
    else {
      // Somebody is there.
      if (count < 0) limitMs = WAIT_MS;
      sleep(STEP_MS);
      waitedMs += STEP_MS;
    }
  }
  throw new Error('it is a named pipe, and nobody writes into it, or not to the end: name a file');
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
