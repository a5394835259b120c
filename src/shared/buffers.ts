// What the road needs of Buffer beyond its typed face.

declare global {
  interface Buffer {
    /** The bytes of a range, one character each; the fast form of `toString('latin1', start, end)`. */
    latin1Slice(start?: number, end?: number): string;
    hexSlice(start?: number, end?: number): string;
  }
}

/** How much one read of a socket takes at most. */
export const READ_BYTES = 65_536;

/** A body this small is sent in one write together with its head, as one string. */
export const INLINE_BODY_BYTES = 16_384;

/** A copy that outlives the call in which a shared read buffer was lent. */
export function copyOf(buf: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from);
  buf.copy(copy, 0, from, to);
  return copy;
}
