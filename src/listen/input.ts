// Unread input of a connection: what was read and not used, with more behind it.

/**
 * The unread rest of `input` and `chunk` behind it. Room is doubled when the rest is large, so that a head or body that comes in
 * single bytes is not copied anew for each.
 */
export function joined(input: Buffer, from: number, chunk: Buffer): Buffer {
  if (from >= input.length) return chunk;
  const rest = input.length - from;
  const total = rest + chunk.length;
  const room =
    input.byteOffset + input.length + chunk.length <= input.buffer.byteLength
      ? growable.get(input.buffer)
      : undefined;
  if (room !== undefined && room === input.byteOffset + input.length) {
    const whole = Buffer.from(input.buffer as ArrayBuffer, input.byteOffset + from, total);
    chunk.copy(whole, rest);
    growable.set(input.buffer, whole.byteOffset + total);
    return whole;
  }
  const store = new ArrayBuffer(Math.max(total * 2, 1024));
  const whole = Buffer.from(store, 0, total);
  input.copy(whole, 0, from);
  chunk.copy(whole, rest);
  growable.set(store, total);
  return whole;
}

/** How much of a store made by `joined` is in use. */
const growable = new WeakMap<ArrayBufferLike, number>();
