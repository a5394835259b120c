// The share of a fresh process: small at first, and the whole in the end; nothing is in the way of groups without one.
import { describe, expect, it } from 'vitest';
import { Group } from '../../src/balance/group.ts';
import type { Peer, PeerConfig } from '../../src/balance/peer.ts';
import type { BalanceMethod } from '../../src/balance/table.ts';
import { processPort } from '../support/process-port.ts';

const SLOW_MS = 100_000;

function peer(n: number, own: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: `127.0.0.1:${n}`,
    address: { kind: 'tcp', host: '127.0.0.1', port: n },
    weight: 1,
    maxFails: 1,
    failTimeoutMs: 10_000,
    backup: false,
    down: false,
    maxConns: 0,
    process: processPort(n, {}),
    ...own,
  };
}

/** Up for so long. */
const fresh = (n: number, forMs = 0, own: Partial<PeerConfig> = {}): PeerConfig =>
  peer(n, { process: processPort(n, { upSinceMs: Date.now() - forMs, slowStartMs: SLOW_MS }), ...own });

const group = (peers: PeerConfig[], method: BalanceMethod = 'round_robin'): Group =>
  new Group({ name: 'g', id: 'g', method, peers });

/** How often each peer of the group was chosen in 1,000 requests one after the other. */
function shares(g: Group, now = performance.now(), address?: (i: number) => string): number[] {
  const counts = new Map<Peer, number>();
  for (let i = 0; i < 1000; i++) {
    const chosen = g.pick({ remoteAddress: address?.(i) ?? '192.0.2.1' }, [], now);
    if (chosen === undefined) throw new Error('nobody');
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    g.release(chosen, 'ok', now);
  }
  return g.peers.map((each) => counts.get(each) ?? 0);
}

describe.each(['round_robin', 'least_conn'] as const)('slow start with %s', (method) => {
  it('grows from a tenth to the whole', () => {
    // A tenth of its third, of which the others take over the rest.
    const atFirst = shares(group([peer(1), peer(2), fresh(3)], method))[2];
    expect(atFirst).toBeGreaterThan(28);
    expect(atFirst).toBeLessThan(40);
    const half = shares(group([peer(1), peer(2), fresh(3, SLOW_MS / 2)], method))[2];
    expect(half).toBeGreaterThan(165);
    expect(half).toBeLessThan(200);
    const atLast = shares(group([peer(1), peer(2), fresh(3)], method), performance.now() + SLOW_MS + 1);
    expect(Math.max(...atLast) - Math.min(...atLast)).toBeLessThanOrEqual(1);
  });

  it('keeps the weights among those that are equally fresh', () => {
    const [one, two] = shares(group([fresh(1, 0, { weight: 3 }), fresh(2)], method));
    expect(one).toBeGreaterThan(700);
    expect(two).toBeGreaterThan(200);
  });

  it('is nobody’s reason to go without a peer', () => {
    const g = group([peer(1, { down: true }), fresh(2)], method);
    expect(shares(g)).toEqual([0, 1000]);
  });

  it('begins when a process comes up', () => {
    const g = group([peer(1), peer(2, { down: true, process: processPort(2, { up: false }) })], method);
    g.follow(g.peers[1], fresh(2));
    g.tendFresh();
    expect(shares(g)[1]).toBeLessThan(120);
  });
});

it('a fresh process under least_conn is as busy as its share is', () => {
  const g = group([peer(1), fresh(2)], 'least_conn');
  const now = performance.now();
  const chosen = Array.from({ length: 44 }, () => g.pick({ remoteAddress: '' }, [], now));
  expect(chosen.filter((each) => each === g.peers[1]).length).toBeGreaterThan(2);
  expect(chosen.filter((each) => each === g.peers[1]).length).toBeLessThan(7);
});

it('ip_hash sends each client where it belongs, however fresh that is', () => {
  const address = (i: number): string => `10.${i % 250}.${i % 7}.1`;
  const warm = shares(group([peer(1), peer(2)], 'ip_hash'), 1, address);
  expect(shares(group([peer(1), fresh(2)], 'ip_hash'), performance.now(), address)).toEqual(warm);
});

it('whose turn it is among many stays known to others', () => {
  const g = group([...Array.from({ length: 99 }, (_, i) => peer(i + 1)), fresh(100)]);
  expect(g.turn).toBe(0);
  const counts = shares(g);
  expect(g.turn).toBeGreaterThan(0);
  expect(counts[99]).toBeLessThan(3);
});
