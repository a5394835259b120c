// Targets that came before: many requests ask for the same few pages. One that comes again is not cut out of the bytes anew, and what was
// found out of it need not be found out again.

/** The path as locations see it (route/uri.ts), and the query behind it. */
export interface NormalisedUri {
  readonly uri: string;
  readonly args: string;
  readonly hasArgs: boolean;
}

export interface KnownTarget {
  /** Latin1, as it came. */
  readonly text: string;
  /** Null until somebody has asked, and for ever where it depends on the server. */
  normalised: NormalisedUri | null;
}

/** A power of two. */
const SLOTS = 256;
/** To compare a longer one costs as much as to cut it out. */
const MAX_BYTES = 64;
/** Of so many bytes at its end, and of its length, its mark is made. */
const MARKED_BYTES = 8;

const targets: (KnownTarget | null)[] = new Array(SLOTS).fill(null);
/** By slot: the mark of what came there last and was not known. What comes for the second time in a row is kept. */
const missed = new Int32Array(SLOTS);

/** The target in `buf[from, to)` if it came before; null = it is to be cut out. */
export function knownTarget(buf: Buffer, from: number, to: number): KnownTarget | null {
  const length = to - from;
  if (length > MAX_BYTES) return null;
  let mark = length;
  for (let p = Math.max(from, to - MARKED_BYTES); p < to; p++) mark = (Math.imul(mark, 31) + buf[p]) | 0;
  const slot = (mark ^ (mark >>> 15)) & (SLOTS - 1);
  const target = targets[slot];
  if (target !== null && isAt(target.text, buf, from, length)) return target;
  if (missed[slot] === mark) {
    missed[slot] = 0;
    targets[slot] = { text: buf.latin1Slice(from, to), normalised: null };
    return targets[slot];
  }
  missed[slot] = mark;
  return null;
}

function isAt(text: string, buf: Buffer, from: number, length: number): boolean {
  if (text.length !== length) return false;
  // From its end: there targets differ.
  for (let i = length - 1; i >= 0; i--) if (text.charCodeAt(i) !== buf[from + i]) return false;
  return true;
}
