// Where pieces of an answer are put side by side so that they leave in one write. One buffer for the whole process: a write that the
// kernel takes at once leaves it free again; one that must wait takes it along and another takes its place.

/** A head, a read's worth of body and its framing. Larger ones get a buffer of their own. */
const OUT_BYTES = 98_304;

/** Spare buffers kept for writes that have to wait. */
const MAX_SPARE = 8;

/** Up to this length the view of what was put together is kept: most answers are as long as others before them. */
const MAX_VIEW_BYTES = 2048;

const spare: Buffer[] = [];
let out: Buffer = Buffer.allocUnsafeSlow(OUT_BYTES);
/** Of `out`, by their length. */
let views: Buffer[] = [];

/** `before`, `buf[from, to)` and `after` in a row; valid until the next call unless `takeAway` is called. */
export function framed(before: string, buf: Buffer, from: number, to: number, after: string): Buffer {
  const length = before.length + to - from + after.length;
  const into = length <= OUT_BYTES ? out : Buffer.allocUnsafeSlow(length);
  let at = before.length > 0 ? into.latin1Write(before, 0, before.length) : 0;
  if (from < to) {
    buf.copy(into, at, from, to);
    at += to - from;
  }
  if (after.length > 0) at += into.latin1Write(after, at, after.length);
  return into === out ? viewOf(at) : into;
}

/** A latin1 text alone. */
export function framedText(text: string): Buffer {
  return framed(text, NO_BYTES, 0, 0, '');
}

const NO_BYTES = Buffer.alloc(0);

function viewOf(length: number): Buffer {
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
  return taken;
}

export function giveBack(store: Buffer): void {
  if (store.length === OUT_BYTES && spare.length < MAX_SPARE) spare.push(store);
}
