// A stored answer: one file with what is known of it, the head that came, and the body. Reading it is one call where it is small.
import fs from 'node:fs';

/** What a stored answer is, once and for all. */
export interface EntryFacts {
  /** The whole key, bytes as latin1: two keys may have one digest. */
  readonly key: string;
  /** Fields of the request that the answer depends on, as Vary lists them; '' = none. */
  readonly vary: string;
  /** Digest of those fields' values, see `variantOf`. */
  readonly variant: string;
  /** Seconds since the epoch, -1 = not known. */
  readonly lastModified: number;
  readonly etag: string;
  /** Not 0: there is no answer, only this status. */
  readonly error: number;
  /** Bytes of the body that the head announces; -1 = it says nothing of them. */
  readonly length: number;
}

/** Until when it holds. Seconds since the epoch, and seconds beyond. */
export interface EntryTimes {
  readonly validSec: number;
  /** So long it may serve while it is fetched anew, and while the peer fails. */
  readonly updatingSec: number;
  readonly errorSec: number;
}

/** Open: whoever gets it closes `fd`. */
export interface Entry {
  readonly facts: EntryFacts;
  times: EntryTimes;
  /** The head in the form of HTTP/1.1, latin1. */
  readonly head: string;
  readonly fd: number;
  /** Where the body is. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Which file it is, should its name lead to another one by now. */
  readonly ino: number;
  readonly mtimeMs: number;
}

const MAGIC = 'lbcache1';
const TIMES_AT = MAGIC.length;
const TIMES_BYTES = 24;
const LENGTHS_AT = TIMES_AT + TIMES_BYTES;
const PREFIX_BYTES = LENGTHS_AT + 8;
/** Larger than any head that is taken from peers. */
const MAX_HEAD_BYTES = 1 << 20;
/** Read at once: nearly always all but the body. */
const FIRST_BYTES = 4096;

/** A pipe that somebody put there must not hold up the process. */
const NOT_BLOCKING = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

const first = Buffer.allocUnsafeSlow(FIRST_BYTES);

/** What stands before the body. */
export function encodeEntry(facts: EntryFacts, times: EntryTimes, head: string): Buffer {
  const described = Buffer.from(JSON.stringify(facts));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, 'latin1');
  writeTimes(prefix, TIMES_AT, times);
  prefix.writeUInt32LE(described.length, LENGTHS_AT);
  prefix.writeUInt32LE(head.length, LENGTHS_AT + 4);
  return Buffer.concat([prefix, described, Buffer.from(head, 'latin1')]);
}

function writeTimes(into: Buffer, at: number, { validSec, updatingSec, errorSec }: EntryTimes): void {
  into.writeDoubleLE(validSec, at);
  into.writeDoubleLE(updatingSec, at + 8);
  into.writeDoubleLE(errorSec, at + 16);
}

/** null where there is none, or none that can be read. */
export function openEntry(path: string): Entry | null {
  let fd: number;
  try {
    fd = fs.openSync(path, NOT_BLOCKING);
  } catch {
    return null;
  }
  try {
    const entry = readEntry(fd);
    if (entry !== null) return entry;
  } catch {
    // As good as none.
  }
  fs.closeSync(fd);
  return null;
}

function readEntry(fd: number): Entry | null {
  const { size, ino, mtimeMs } = fs.fstatSync(fd);
  const got = fs.readSync(fd, first, 0, FIRST_BYTES, 0);
  if (got < PREFIX_BYTES || first.latin1Slice(0, MAGIC.length) !== MAGIC) return null;
  const headAt = PREFIX_BYTES + first.readUInt32LE(LENGTHS_AT);
  const bodyStart = headAt + first.readUInt32LE(LENGTHS_AT + 4);
  if (bodyStart > size || bodyStart > MAX_HEAD_BYTES) return null;
  let bytes = first;
  if (bodyStart > got) {
    bytes = Buffer.allocUnsafe(bodyStart);
    if (fs.readSync(fd, bytes, 0, bodyStart, 0) < bodyStart) return null;
  }
  const facts: unknown = JSON.parse(bytes.toString('utf8', PREFIX_BYTES, headAt));
  if (!areFacts(facts)) return null;
  return {
    facts,
    times: {
      validSec: bytes.readDoubleLE(TIMES_AT),
      updatingSec: bytes.readDoubleLE(TIMES_AT + 8),
      errorSec: bytes.readDoubleLE(TIMES_AT + 16),
    },
    head: bytes.latin1Slice(headAt, bodyStart),
    fd,
    bodyStart,
    bodyEnd: size,
    ino,
    mtimeMs,
  };
}

const TEXTS = ['key', 'vary', 'variant', 'etag'] as const;
const NUMBERS = ['lastModified', 'error', 'length'] as const;

function areFacts(read: unknown): read is EntryFacts {
  if (typeof read !== 'object' || read === null) return false;
  const facts = read as Readonly<Record<string, unknown>>;
  if (!TEXTS.every((name) => typeof facts[name] === 'string')) return false;
  if (!NUMBERS.every((name) => Number.isSafeInteger(facts[name]))) return false;
  return facts.error === 0 || isErrorStatus(Number(facts.error));
}

function isErrorStatus(status: number): boolean {
  return status >= 300 && status < 600;
}

/** It holds for longer, unless the file is another one by now. */
export function renewEntry(path: string, entry: Entry, times: EntryTimes): void {
  const fd = fs.openSync(path, 'r+');
  try {
    if (fs.fstatSync(fd).ino !== entry.ino) return;
    const bytes = Buffer.alloc(TIMES_BYTES);
    writeTimes(bytes, 0, times);
    fs.writeSync(fd, bytes, 0, TIMES_BYTES, TIMES_AT);
    entry.times = times;
  } finally {
    fs.closeSync(fd);
  }
}
