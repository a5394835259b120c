// Unread input of a connection: what was read and not used, with more behind it.

/**
 * The unread rest of `input` and `chunk[0, length)` behind it, in a store of its own. Room is doubled when the rest is large, so that a head or body that comes in
 * single bytes is not copied anew for each.
 */
export function joined(input: Buffer, from: number, chunk: Buffer, length: number): Buffer {
  const rest = input.length - from;
  const total = rest + length;
  const room =
    input.byteOffset + input.length + length <= input.buffer.byteLength
      ? growable.get(input.buffer)
      : undefined;
  if (room !== undefined && room === input.byteOffset + input.length) {
    const whole = Buffer.from(input.buffer as ArrayBuffer, input.byteOffset + from, total);
    chunk.copy(whole, rest, 0, length);
    growable.set(input.buffer, whole.byteOffset + total);
    return whole;
  }
  const store = new ArrayBuffer(Math.max(total * 2, 1024));
  const whole = Buffer.from(store, 0, total);
  input.copy(whole, 0, from);
  chunk.copy(whole, rest, 0, length);
  growable.set(store, total);
  return whole;
}

/** How much of a store made by `joined` is in use. */
const growable = new WeakMap<ArrayBufferLike, number>();
