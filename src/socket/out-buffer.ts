// Where pieces of an answer are put side by side so that they leave in one write. One buffer for the whole process: a write that the
// kernel takes at once leaves it free again; one that must wait takes it along and another takes its place.
import { readBuffer, readView, viewOf } from '../shared/buffers.ts';

/** A head, a read's worth of body and its framing. Larger ones get a buffer of their own. */
const OUT_BYTES = 98_304;

/** Spare buffers kept for writes that have to wait. */
const MAX_SPARE = 8;

/** Up to this length the view of what was put together is kept: most answers are as long as others before them. */
const MAX_VIEW_BYTES = 2048;

/** So many are copied here: to ask for a copy costs more. */
const FEW_BYTES = 128;
const WORD = 4;

const spare: Buffer[] = [];
let out: Buffer = Buffer.allocUnsafeSlow(OUT_BYTES);
let outView = viewOf(out);
/** The bytes that `out` begins with; null = others. */
let begins: Buffer | null = null;
/** Of `out`, by their length. */
let views: Buffer[] = [];

/**
 * `before` (bytes, or a latin1 text), `buf[from, to)` and `after` (a latin1 text) in a row; valid until the next call unless `takeAway` is
 * called.
 */
export function framed(
  before: string | Buffer,
  buf: Buffer,
  from: number,
  to: number,
  after: string,
): Buffer {
  const length = before.length + to - from + after.length;
  const into = length <= OUT_BYTES ? out : Buffer.allocUnsafeSlow(length);
  putBefore(into, before);
  let at = before.length;
  if (from < to) {
    if (buf === readBuffer && into === out && to - from <= FEW_BYTES) putFew(at, from, to);
    else buf.copy(into, at, from, to);
    at += to - from;
  }
  if (after.length > 0) at += into.latin1Write(after, at, after.length);
  return into === out ? outUpTo(at) : into;
}

/** The same bytes are often there from the last time: what follows them never lies in their place. */
function putBefore(into: Buffer, before: string | Buffer): void {
  if (begins === before && into === out) return;
  begins = null;
  if (typeof before === 'string') {
    if (before.length > 0) into.latin1Write(before, 0, before.length);
    return;
  }
  into.set(before, 0);
  if (into === out) begins = before;
}

/** `readBuffer[from, to)` to `out[at, …)`, by words. */
function putFew(at: number, from: number, to: number): void {
  const view = outView;
  const words = to - ((to - from) & (WORD - 1));
  let q = at;
  for (let p = from; p < words; p += WORD, q += WORD) view.setInt32(q, readView.getInt32(p, true), true);
  for (let p = words; p < to; p++, q++) view.setUint8(q, readView.getUint8(p));
}

/** A latin1 text alone. */
export function framedText(text: string): Buffer {
  return framed(text, NO_BYTES, 0, 0, '');
}

const NO_BYTES = Buffer.alloc(0);

function outUpTo(length: number): Buffer {
  if (length > MAX_VIEW_BYTES) return out.subarray(0, length);
  views[length] ??= out.subarray(0, length);
  return views[length];
}

/** The bytes that `framed` returned belong to a write under way; the store to be given back after it. */
export function takeAway(bytes: Buffer): Buffer {
  if (bytes.buffer !== out.buffer) return bytes;
  const taken = out;
  views = [];
  out = spare.pop() ?? Buffer.allocUnsafeSlow(OUT_BYTES);
  outView = viewOf(out);
  begins = null;
  return taken;
}

export function giveBack(store: Buffer): void {
  if (store.length === OUT_BYTES && spare.length < MAX_SPARE) spare.push(store);
}
