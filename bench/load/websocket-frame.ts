// The WebSocket frames of the echo load (RFC 6455 section 5.2): small, final, in one piece.

const FINAL_BINARY = 0x82;
const MASKED = 0x80;
/** Larger payloads have a longer length field, which the load does not need. */
const MAX_PAYLOAD = 125;
const MASK_BYTES = 4;

/** A binary frame as a client sends it, masked. */
export function maskedFrame(payload: Buffer, mask: Buffer): Buffer {
  const frame = Buffer.concat([head(payload, MASKED), mask, payload]);
  applyMask(frame, 2, 2 + MASK_BYTES);
  return frame;
}

/** A binary frame as a server sends it. */
export function plainFrame(payload: Buffer): Buffer {
  return Buffer.concat([head(payload, 0), payload]);
}

function head(payload: Buffer, maskBit: number): Buffer {
  if (payload.length > MAX_PAYLOAD) throw new Error(`a payload of the load is at most ${MAX_PAYLOAD} bytes`);
  return Buffer.from([FINAL_BINARY, maskBit | payload.length]);
}

/** Length in bytes of the frame that begins at `at`, or 0 while its head or body is not all there. */
export function frameLength(bytes: Buffer, at: number): number {
  if (bytes.length - at < 2) return 0;
  const second = bytes[at + 1];
  const payload = second & 0x7f;
  if (payload > MAX_PAYLOAD) throw new Error('the load reads no frame with a long length field');
  const length = 2 + (second & MASKED ? MASK_BYTES : 0) + payload;
  return bytes.length - at < length ? 0 : length;
}

/** The payload of a complete frame, unmasked. */
export function payloadOf(frame: Buffer): Buffer {
  if ((frame[1] & MASKED) === 0) return frame.subarray(2);
  const copy = Buffer.from(frame);
  applyMask(copy, 2, 2 + MASK_BYTES);
  return copy.subarray(2 + MASK_BYTES);
}

function applyMask(frame: Buffer, maskAt: number, payloadAt: number): void {
  for (let i = payloadAt; i < frame.length; i++) frame[i] ^= frame[maskAt + ((i - payloadAt) & 3)];
}
