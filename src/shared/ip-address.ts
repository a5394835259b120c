// IP addresses as numbers: what nginx takes for one (ngx_inet_addr, ngx_inet6_addr), and networks of them. No allocation where requests
// are asked; none of it throws.

const [DOT, COLON, ZERO, NINE] = [0x2e, 0x3a, 0x30, 0x39];

/** The number of an IPv4 address in `text[from, to)`, -1 where it is none. nginx takes 255.255.255.255 for none, and `1..2.3` for one. */
export function readIpv4(text: string, from: number, to: number): number {
  let [address, octet, dots] = [0, 0, 0];
  for (let p = from; p < to; p++) {
    const c = text.charCodeAt(p);
    if (c >= ZERO && c <= NINE) {
      octet = octet * 10 + c - ZERO;
      if (octet > 255) return -1;
    } else if (c === DOT) {
      address = address * 256 + octet;
      octet = 0;
      if (++dots > 3) return -1;
    } else return -1;
  }
  address = address * 256 + octet;
  return dots === 3 && address !== LAST_IPV4 ? address : -1;
}

export const LAST_IPV4 = 0xffff_ffff;

/** The eight groups of an IPv6 address in `text[from, to)`, written to `groups`; false where it is none. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one pass with its state, as in nginx; parts of it would share all of it.
export function readIpv6(text: string, from: number, to: number, groups: Uint16Array): boolean {
  let [count, zero, digits, nibbles, word] = [0, -1, -1, 0, 0];
  if (from === to) return false;
  for (let p = text.charCodeAt(from) === COLON ? from + 1 : from; p < to; p++) {
    const c = text.charCodeAt(p);
    if (c === COLON) {
      if (nibbles > 0 ? count === 7 : zero >= 0) return false;
      if (nibbles > 0) groups[count++] = word;
      else zero = count;
      digits = p + 1;
      nibbles = 0;
      word = 0;
    } else if (c === DOT && nibbles > 0) {
      const low = count > 6 || digits < 0 ? -1 : readIpv4(text, digits, to);
      if (low < 0) return false;
      groups[count++] = low >>> 16;
      word = low & 0xffff;
      break;
    } else {
      const value = hexOf(c);
      if (value < 0 || ++nibbles > 4) return false;
      word = word * 16 + value;
    }
  }
  if (nibbles === 0 && zero < 0) return false;
  groups[count++] = word;
  if (count === 8 || zero < 0) return count === 8 && zero < 0;
  groups.copyWithin(8 - (count - zero), zero, count);
  groups.fill(0, zero, 8 - (count - zero));
  return true;
}

function hexOf(c: number): number {
  if (c >= ZERO && c <= NINE) return c - ZERO;
  const low = c | 0x20;
  return low >= 0x61 && low <= 0x66 ? low - 0x57 : -1;
}

/** One address; the same object serves many readings. */
export class IpAddress {
  /** 0 = none, such as the client of a Unix socket. An IPv4 address that is written as IPv6 is IPv4. */
  family: 0 | 4 | 6 = 0;
  v4 = 0;
  readonly groups = new Uint16Array(8);

  /** Reads a text that is an address and nothing else; false where it is none, with the address as before. */
  read(text: string): boolean {
    return this.#read(text, 0, text.length);
  }

  /** As `read`; a port may follow: `1.2.3.4:80`, `[::1]:80` (ngx_parse_addr_port). */
  readWithPort(text: string): boolean {
    if (this.read(text)) return true;
    const bracket = text.startsWith('[') ? text.indexOf(']') : -1;
    if (text.startsWith('[') && (bracket < 0 || text.charCodeAt(bracket + 1) !== COLON)) return false;
    const colon = bracket < 0 ? text.indexOf(':') : bracket + 1;
    if (colon < 0 || !isPort(text.slice(colon + 1))) return false;
    return bracket < 0 ? this.#read(text, 0, colon) : this.#read(text, 1, bracket);
  }

  /** Of a socket: an address may have a zone, and whoever has none is nobody. */
  readClient(text: string): void {
    const zone = text.indexOf('%');
    if (!this.#read(text, 0, zone < 0 ? text.length : zone)) this.family = 0;
  }

  #read(text: string, from: number, to: number): boolean {
    const v4 = readIpv4(text, from, to);
    if (v4 >= 0) {
      this.family = 4;
      this.v4 = v4;
      return true;
    }
    const { groups } = scratch;
    if (!readIpv6(text, from, to, groups)) return false;
    this.groups.set(groups);
    this.family = isMapped(groups) ? 4 : 6;
    if (this.family === 4) this.v4 = groups[6] * 0x1_0000 + groups[7];
    return true;
  }
}

/** What is read before it is known whether it is one. */
const scratch = { groups: new Uint16Array(8) };

function isMapped(groups: Uint16Array): boolean {
  for (let i = 0; i < 5; i++) if (groups[i] !== 0) return false;
  return groups[5] === 0xffff;
}

function isPort(text: string): boolean {
  return /^0*[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

/** A network as its first and last address. */
export interface Network {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly prefix: number;
  /** False where the address had bits behind the prefix, which mean nothing. */
  readonly exact: boolean;
}

/** `10.0.0.0/8`, `::1`; undefined where it is none (ngx_ptocidr). */
export function readNetwork(text: string): Network | undefined {
  if (text === '255.255.255.255') return networkOf(4, BigInt(LAST_IPV4), 32);
  const slash = text.indexOf('/');
  const end = slash < 0 ? text.length : slash;
  const v4 = readIpv4(text, 0, end);
  const groups = new Uint16Array(8);
  if (v4 < 0 && !readIpv6(text, 0, end, groups)) return undefined;
  const bits = v4 < 0 ? 128 : 32;
  const given = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^\d+$/.test(given) || Number(given) > bits) return undefined;
  if (v4 >= 0) return networkOf(4, BigInt(v4), Number(given));
  const address = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
  return networkOf(6, address, Number(given));
}

function networkOf(family: 4 | 6, address: bigint, prefix: number): Network {
  const host = (1n << BigInt((family === 4 ? 32 : 128) - prefix)) - 1n;
  const last = address | host;
  const first = last ^ host;
  return { family, first, last, prefix, exact: first === address };
}
