// Questions to name servers and what they answer (RFC 1035), as far as addresses need it. Pure; what is not as it should be is no answer.

export const A = 1;
export const AAAA = 28;
export type AddressType = typeof A | typeof AAAA;
const CNAME = 5;
const IN = 1;

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
/** A compressed name refers to what stands before; a circle has an end. */
const MAX_POINTERS = 128;

/** Codes of answers (RFC 1035 §4.1.1), as nginx says them. */
export const SAYS: Readonly<Record<number, string>> = {
  1: 'Format error',
  2: 'Server failure',
  3: 'Host not found',
  4: 'Unimplemented',
  5: 'Operation refused',
};
export const NO_SUCH_HOST = 3;

/** null: the name is none that could be asked for. */
export function encodeQuestion(id: number, name: string, type: AddressType): Buffer | null {
  const labels = name.split('.');
  if (name.length + 2 > MAX_NAME_BYTES) return null;
  if (labels.some((label) => label === '' || label.length > MAX_LABEL_BYTES)) return null;
  const bytes = Buffer.alloc(HEADER_BYTES + name.length + 2 + 4);
  bytes.writeUInt16BE(id, 0);
  // Recursion is desired.
  bytes.writeUInt16BE(0x0100, 2);
  bytes.writeUInt16BE(1, 4);
  let at = HEADER_BYTES;
  for (const label of labels) {
    bytes[at++] = label.length;
    at += bytes.write(label, at, 'latin1');
  }
  bytes.writeUInt16BE(type, at + 1);
  bytes.writeUInt16BE(IN, at + 3);
  return bytes;
}

export interface Answer {
  readonly id: number;
  /** In lower case. */
  readonly name: string;
  readonly type: number;
  readonly code: number;
  /** The rest is to be had by TCP. */
  readonly truncated: boolean;
  readonly records: number;
  readonly addresses: readonly string[];
  /** The last one; '' without. */
  readonly cname: string;
  /** Seconds, the least of all records. */
  readonly ttl: number;
}

/** null: it is no answer to a question of ours. */
export function decodeAnswer(bytes: Buffer): Answer | null {
  if (bytes.length < HEADER_BYTES) return null;
  const flags = bytes.readUInt16BE(2);
  // A response to a standard query.
  if ((flags & 0xf870) !== 0x8000 || bytes.readUInt16BE(4) !== 1) return null;
  const question = readName(bytes, HEADER_BYTES);
  if (question === null || question.end + 4 > bytes.length) return null;
  if (bytes.readUInt16BE(question.end + 2) !== IN) return null;
  const head = {
    id: bytes.readUInt16BE(0),
    name: question.name.toLowerCase(),
    type: bytes.readUInt16BE(question.end),
    code: flags & 0xf,
    truncated: (flags & 0x0200) !== 0,
    records: bytes.readUInt16BE(6),
  };
  const empty = { ...head, addresses: [], cname: '', ttl: 0 };
  if (head.code !== 0 || head.truncated) return empty;
  const read = readRecords(bytes, question.end + 4, head.records, head.type);
  return read === null ? null : { ...head, ...read };
}

interface Records {
  readonly addresses: string[];
  cname: string;
  ttl: number;
}

function readRecords(bytes: Buffer, from: number, count: number, wanted: number): Records | null {
  const records: Records = { addresses: [], cname: '', ttl: Number.MAX_SAFE_INTEGER };
  let at = from;
  for (let i = 0; i < count; i++) {
    at = readRecord(bytes, at, wanted, records);
    if (at < 0) return null;
  }
  return records;
}

/** Offset behind it; -1 where it is not as it should be. */
function readRecord(bytes: Buffer, from: number, wanted: number, into: Records): number {
  const owner = readName(bytes, from);
  if (owner === null || owner.end + 10 > bytes.length) return -1;
  const type = bytes.readUInt16BE(owner.end);
  const start = owner.end + 10;
  const end = start + bytes.readUInt16BE(owner.end + 8);
  if (end > bytes.length || bytes.readUInt16BE(owner.end + 2) !== IN) return -1;
  into.ttl = Math.min(into.ttl, Math.max(0, bytes.readInt32BE(owner.end + 4)));
  if (type === CNAME) {
    const name = readName(bytes, start);
    if (name === null) return -1;
    into.cname = name.name;
  } else if (type === A || type === AAAA) {
    if (type !== wanted || end - start !== (type === A ? 4 : 16)) return -1;
    into.addresses.push(type === A ? bytes.subarray(start, end).join('.') : ipv6(bytes, start));
  }
  return end;
}

function readName(bytes: Buffer, from: number): { readonly name: string; readonly end: number } | null {
  const labels: string[] = [];
  let at = from;
  let end = -1;
  let pointers = 0;
  let total = 0;
  for (;;) {
    if (at >= bytes.length) return null;
    const length = bytes[at];
    if (length === 0) break;
    if ((length & 0xc0) !== 0) {
      if (at + 1 >= bytes.length || ++pointers > MAX_POINTERS) return null;
      if (end < 0) end = at + 2;
      at = ((length & 0x3f) << 8) | bytes[at + 1];
      continue;
    }
    total += length + 1;
    if (at + 1 + length > bytes.length || total > MAX_NAME_BYTES) return null;
    labels.push(bytes.latin1Slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: end < 0 ? at + 1 : end };
}

/** As addresses are written: the longest run of zeros once as `::`. */
function ipv6(bytes: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(at + 2 * i));
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]/`).hostname.slice(1, -1);
}
