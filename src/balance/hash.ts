// hash, bit-exact with nginx: by a key of the request, over the summed weights of all peers, or with `consistent` over a ring of points, so
// that a peer which comes or goes moves only the keys of its own points (ketama).
import { nodeZlib } from '../shared/node-parts.ts';
import type { Balancer } from './balancer.ts';
import type { Peer } from './peer.ts';
import { roundRobin, smoothPick } from './round-robin.ts';

/** After so many misses nginx leaves the choice to round robin. */
const MAX_MISSES = 20;

export const hash = (peers: readonly Peer[]): Balancer => {
  const { crc32 } = nodeZlib();
  const fallback = roundRobin(peers);
  const totalWeight = peers.reduce((sum, peer) => sum + peer.weight, 0);
  return {
    pick(given, tried, now) {
      const key = given.hashKey ?? '';
      if (peers.length < 2 || key === '') return fallback.pick(given, tried, now);
      const bytes = Buffer.from(key, 'latin1');
      let sum = 0;
      // A further try goes on where the one before has ended: what that has met since is no miss.
      for (let turn = 0; turn <= MAX_MISSES + tried.length; turn++) {
        const hashed = turn === 0 ? crc32(bytes) : crc32(bytes, crc32(String(turn)));
        sum += (hashed >>> 16) & 0x7fff;
        const peer = peerAt(peers, sum % totalWeight);
        if (peer.isEligible(tried, now)) return peer;
      }
      return fallback.pick(given, tried, now);
    },
  };
};

function peerAt(peers: readonly Peer[], weight: number): Peer {
  let i = 0;
  let left = weight;
  while (left >= peers[i].weight) left -= peers[i++].weight;
  return peers[i];
}

/** Points of a server for each unit of its weight. */
const POINTS = 160;

export const hashConsistent = (peers: readonly Peer[]): Balancer => {
  const { crc32 } = nodeZlib();
  const fallback = roundRobin(peers);
  const ring = ringOf(peers);
  return {
    pick(given, tried, now) {
      const key = given.hashKey ?? '';
      if (peers.length < 2 || key === '') return fallback.pick(given, tried, now);
      const first = firstPoint(ring.hashes, crc32(Buffer.from(key, 'latin1')));
      for (let miss = 0; miss <= MAX_MISSES; miss++) {
        const at = ring.servers[(first + miss) % ring.servers.length];
        const peer = at.length === 1 && at[0].isEligible(tried, now) ? at[0] : smoothPick(at, 0, tried, now);
        if (peer !== undefined) return peer;
      }
      return fallback.pick(given, tried, now);
    },
  };
};

interface Ring {
  /** Ascending. */
  readonly hashes: Uint32Array;
  /** The peers of each point's server: several where its name has several addresses. */
  readonly servers: readonly (readonly Peer[])[];
}

function ringOf(peers: readonly Peer[]): Ring {
  const { crc32 } = nodeZlib();
  const byServer = Map.groupBy(peers, serverOf);
  const points = new Map<number, readonly Peer[]>();
  for (const peer of peers) {
    const server = serverOf(peer);
    const base = crc32(Buffer.from(hostAndPort(server), 'utf8'));
    const before = Buffer.alloc(4);
    for (let i = 0; i < peer.weight * POINTS; i++) {
      const point = crc32(before, base);
      if (!points.has(point)) points.set(point, byServer.get(server) ?? []);
      before.writeUInt32LE(point);
    }
  }
  const hashes = Uint32Array.from(points.keys()).sort();
  return { hashes, servers: Array.from(hashes, (point) => points.get(point) ?? []) };
}

/** As the `server` directive has it. */
function serverOf({ config }: Peer): string {
  return config.server ?? config.name;
}

/** What is hashed of a server's name. */
function hostAndPort(server: string): string {
  if (/^unix:/i.test(server)) return `${server.slice(5)}\0`;
  const m = /^(.*):(\d*)$/s.exec(server);
  return m === null ? `${server}\0` : `${m[1]}\0${m[2]}`;
}

/** Index of the first point that is not below. */
function firstPoint(hashes: Uint32Array, value: number): number {
  let [low, high] = [0, hashes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (hashes[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
