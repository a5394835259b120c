// What the road needs of Buffer beyond its typed face.

declare global {
  interface Buffer {
    /** The bytes of a range, one character each; the fast form of `toString('latin1', start, end)`. */
    latin1Slice(start?: number, end?: number): string;
    hexSlice(start?: number, end?: number): string;
    utf8Slice(start?: number, end?: number): string;
    /** The fast form of `write(text, offset, length, 'latin1')`. */
    latin1Write(text: string, offset: number, length: number): number;
  }
}

/** How much one read of a socket takes at most. */
export const READ_BYTES = 65_536;

/** What all sockets on handles read into. */
export const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** The same bytes, to be looked at by words wherever they lie. */
export const readView = viewOf(readBuffer);

export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A body this small is sent in one write together with its head, as one string. */
export const INLINE_BODY_BYTES = 16_384;

/** The same latin1 text as one flat string of its own: for what is kept, and written often. */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').latin1Slice();
}

/** A copy that outlives the call in which a shared read buffer was lent. */
export function copyOf(buf: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from);
  buf.copy(copy, 0, from, to);
  return copy;
}
