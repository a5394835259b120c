// ip_hash, bit-exact with nginx: the first three octets of an IPv4 address or all sixteen of an IPv6 one, over the summed weights of
// all peers, down ones included, so that marking a peer down moves only its own clients.
import { isIPv4 } from 'node:net';
import type { Balancer } from './balancer.ts';
import type { Peer } from './peer.ts';
import { roundRobin } from './round-robin.ts';

/** After so many misses nginx leaves the choice to round robin. */
const MAX_MISSES = 20;

export const ipHash = (peers: readonly Peer[]): Balancer => {
  const fallback = roundRobin(peers);
  const totalWeight = peers.reduce((sum, peer) => sum + peer.weight, 0);
  return {
    pick(key, tried, now) {
      if (peers.length < 2) return fallback.pick(key, tried, now);
      const bytes = hashedBytes(key.remoteAddress);
      let hash = 89;
      for (let misses = 0; misses <= MAX_MISSES; misses++) {
        for (let i = 0; i < bytes.length; i++) hash = (hash * 113 + bytes[i]) % 6271;
        const peer = peerAt(peers, hash % totalWeight);
        if (peer.isEligible(tried, now)) return peer;
      }
      return fallback.pick(key, tried, now);
    },
  };
};

function peerAt(peers: readonly Peer[], weight: number): Peer {
  let i = 0;
  let left = weight;
  while (left >= peers[i].weight) left -= peers[i++].weight;
  return peers[i];
}

/** What nginx hashes of an address: 3 or 16 bytes; three zero bytes for a Unix-socket client. */
export function hashedBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.', 3), Number);
  if (address.startsWith('unix:') || !address.includes(':')) return new Uint8Array(3);
  return ipv6Bytes(address);
}

/** The sixteen bytes of an IPv6 address as Node prints it (compressed, lower case, maybe an embedded IPv4 or a zone). */
export function ipv6Bytes(address: string): Uint8Array {
  const [text] = address.split('%', 1);
  const bytes = new Uint8Array(16);
  const [left, right] = text.split('::', 2);
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
