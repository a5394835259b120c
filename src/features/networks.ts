// Networks that addresses are compared with, as bytes: of allow and deny, of proxies that are believed. Pure.
import { binaryAddress } from '../route/binary-address.ts';

/** Bytes as latin1; '' = everybody. */
export interface Network {
  readonly mask: string;
  readonly net: string;
}

export const EVERYBODY: Network = { mask: '', net: '' };

/** The first `bits` of an address that stands as text. */
export function networkOf(text: string, bits: number): Network {
  const address = binaryAddress(text);
  const mask = Array.from(address, (_, i) => maskByte(bits - 8 * i)).join('');
  return { mask, net: masked(address, mask) };
}

function maskByte(bits: number): string {
  return String.fromCharCode(bits <= 0 ? 0 : bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff);
}

function masked(address: string, mask: string): string {
  let net = '';
  for (let i = 0; i < mask.length; i++)
    net += String.fromCharCode(address.charCodeAt(i) & mask.charCodeAt(i));
  return net;
}

/** `address` is of the network's own kind, or all are in it. */
export function fits({ mask, net }: Network, address: string): boolean {
  for (let i = 0; i < mask.length; i++)
    if ((address.charCodeAt(i) & mask.charCodeAt(i)) !== net.charCodeAt(i)) return false;
  return true;
}

const MAPPED = `${'\0'.repeat(10)}\xff\xff`;

/** The bytes of a client's address; an IPv4 address that stands in an IPv6 one is IPv4. Text where it is neither. */
export function bytesOf(address: string): string {
  const bytes = binaryAddress(address);
  return bytes.length === 16 && bytes.startsWith(MAPPED) ? bytes.slice(12) : bytes;
}
