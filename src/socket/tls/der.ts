// DER as far as certificates and sessions need it (X.690 §8, §10): one element after the other, nothing interpreted. Bytes that are none
// give no elements; nothing throws.

export interface Element {
  /** Class, constructed and number, as the first byte; numbers above 30 are not used here. */
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

export const SEQUENCE = 0x30;
export const SET = 0x31;
export const INTEGER = 0x02;
export const OCTETS = 0x04;
export const OBJECT_ID = 0x06;

/** The elements that stand in `bytes`, as far as they are whole. */
export function elementsOf(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = bytes[at + 1];
    const more = short & 0x80 ? short & 0x7f : 0;
    if (more > 4 || at + 2 + more > bytes.length) break;
    const length = more === 0 ? short : bytes.readUIntBE(at + 2, more);
    const from = at + 2 + more;
    const to = from + length;
    if (to > bytes.length || (more === 0 && short === 0x80)) break;
    found.push({ tag: bytes[at], whole: bytes.subarray(at, to), content: bytes.subarray(from, to) });
    at = to;
  }
  return found;
}

/** Longer ones do not exist, and numbers of any length take time that grows with its square. */
const MAX_ID_BYTES = 128;

/** `1.2.840.113549.1.9.1` */
export function objectId(content: Buffer): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content.subarray(0, MAX_ID_BYTES)) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first = 0n, ...others] = arcs;
  const top = first < 80n ? first / 40n : 2n;
  return [top, first - top * 40n, ...others].join('.');
}
