// Reads the head of the PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): bytes in; a head, "need more", or broken out. Pure.
import { SocketAddress } from 'node:net';

/** Whose connection a proxy in front of us has passed on. Addresses are text. */
export interface ProxyHead {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Of version 2: type, length and value of each, as they came; latin1. */
  readonly tlvs: string;
}

export type ProxyOutcome =
  | { readonly kind: 'head'; readonly end: number; readonly head: ProxyHead | null }
  | { readonly kind: 'more' }
  | { readonly kind: 'broken' };

const MORE: ProxyOutcome = { kind: 'more' };
const BROKEN: ProxyOutcome = { kind: 'broken' };

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The longest line of version 1, and what nginx reads of version 2. */
const LONGEST_LINE = 107;
const LONGEST_HEAD = 4096;

const HEADER_BYTES = 16;

/** `head` is null where the proxy speaks for itself, or of what is no TCP. `end` is an offset into `buf`. */
export function readProxyHead(buf: Buffer, from: number, to: number): ProxyOutcome {
  const begin = buf.subarray(from, Math.min(to, from + SIGNATURE.length));
  if (begin.equals(SIGNATURE.subarray(0, begin.length)))
    return begin.length < SIGNATURE.length || to - from < HEADER_BYTES ? MORE : readBinary(buf, from, to);
  return readLine(buf, from, to);
}

const LINE = /^PROXY (?:UNKNOWN.*|TCP[46] ([0-9a-fA-F:.]*) ([0-9a-fA-F:.]*) (\d{1,6}) (\d{1,6}))$/s;

function readLine(buf: Buffer, from: number, to: number): ProxyOutcome {
  const text = buf.latin1Slice(from, Math.min(to, from + LONGEST_LINE));
  const length = text.indexOf('\r\n');
  if (length < 0) {
    const may = text.length < LONGEST_LINE && text.startsWith('PROXY '.slice(0, text.length));
    return may ? MORE : BROKEN;
  }
  const found = LINE.exec(text.slice(0, length));
  if (found === null) return BROKEN;
  const end = from + length + 2;
  const [, sourceAddress, destinationAddress, source, destination] = found;
  if (sourceAddress === undefined) return { kind: 'head', end, head: null };
  const [sourcePort, destinationPort] = [Number(source), Number(destination)];
  if (sourcePort > 65_535 || destinationPort > 65_535) return BROKEN;
  const head = { sourceAddress, sourcePort, destinationAddress, destinationPort, tlvs: '' };
  return { kind: 'head', end, head };
}

const PROXY_COMMAND = 0x21;
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 17: 4, 33: 16 };

function readBinary(buf: Buffer, from: number, to: number): ProxyOutcome {
  const command = buf[from + 12];
  if (command >> 4 !== 2) return BROKEN;
  const length = buf.readUInt16BE(from + 14);
  if (HEADER_BYTES + length > LONGEST_HEAD) return BROKEN;
  const start = from + HEADER_BYTES;
  const end = start + length;
  if (to < end) return MORE;
  const size = ADDRESS_BYTES[buf[from + 13]];
  if (command !== PROXY_COMMAND || size === undefined) return { kind: 'head', end, head: null };
  const ports = start + 2 * size;
  if (ports + 4 > end) return BROKEN;
  const head = {
    sourceAddress: addressText(buf.subarray(start, start + size)),
    destinationAddress: addressText(buf.subarray(start + size, ports)),
    sourcePort: buf.readUInt16BE(ports),
    destinationPort: buf.readUInt16BE(ports + 2),
    tlvs: buf.latin1Slice(ports + 4, end),
  };
  return { kind: 'head', end, head };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

/** The value of the first of a type; undefined without. */
export function tlvOf(tlvs: string, type: number): string | undefined {
  for (let at = 0; at + 3 <= tlvs.length; ) {
    const length = tlvs.charCodeAt(at + 1) * 256 + tlvs.charCodeAt(at + 2);
    const end = at + 3 + length;
    if (end > tlvs.length) return undefined;
    if (tlvs.charCodeAt(at) === type) return tlvs.slice(at + 3, end);
    at = end;
  }
  return undefined;
}
