// One contract suite for all algorithms, then what is particular to each.
import { describe, expect, it } from 'vitest';
import { Group, type GroupSharing } from '../../src/balance/group.ts';
import { hashedBytes, ipv6Bytes } from '../../src/balance/ip-hash.ts';
import type { Peer, PeerConfig } from '../../src/balance/peer.ts';
import { smoothPick } from '../../src/balance/round-robin.ts';
import { applyStep } from '../../src/balance/steps.ts';
import { BALANCERS, type BalanceMethod } from '../../src/balance/table.ts';
import { fromMachineMs } from '../../src/shared/clock.ts';

const METHODS = Object.keys(BALANCERS) as BalanceMethod[];

function peer(name: string, more: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name,
    address: { kind: 'tcp', host: '127.0.0.1', port: 1 },
    weight: 1,
    maxFails: 1,
    failTimeoutMs: 10_000,
    backup: false,
    down: false,
    maxConns: 0,
    ...more,
  };
}

const group = (method: BalanceMethod, peers: PeerConfig[]): Group =>
  new Group({ name: 'g', id: 'g', method, peers });
const named = (g: Group, name: string): Peer => g.peers.find((p) => p.name === name) as Peer;
const key = (remoteAddress = '192.0.2.7') => ({ remoteAddress });

/** Names of n picks that each end well before the next. */
function sequence(g: Group, n: number, address?: string): string {
  let out = '';
  for (let i = 0; i < n; i++) {
    const p = g.pick(key(address), [], 1000);
    out += p?.name ?? '-';
    if (p !== undefined) g.release(p, 'ok', 1000);
  }
  return out;
}

describe.each(METHODS)('%s', (method) => {
  it('picks nobody from an empty group', () => {
    expect(group(method, []).pick(key(), [], 0)).toBeUndefined();
  });

  it('never picks a peer that is down, tried, full or failing', () => {
    const g = group(method, [
      peer('d', { down: true }),
      peer('t'),
      peer('f', { maxConns: 1 }),
      peer('x'),
      peer('a'),
    ]);
    const by = (name: string): Peer => named(g, name);
    by('f').active = 1;
    g.release(by('x'), 'failed', 1000);
    for (let i = 0; i < 20; i++) {
      const p = g.pick(key(`10.1.${i}.1`), [by('t')], 2000);
      expect(p?.name).toBe('a');
      if (p !== undefined) g.release(p, 'ok', 2000);
    }
  });

  it('tries every peer once and then has none', () => {
    const g = group(
      method,
      ['a', 'b', 'c', 'd'].map((n) => peer(n)),
    );
    const tried: Peer[] = [];
    for (let i = 0; i < 4; i++) {
      const p = g.pick(key(), tried, 0) as Peer;
      expect(tried).not.toContain(p);
      tried.push(p);
    }
    expect(g.pick(key(), tried, 0)).toBeUndefined();
  });

  it('takes backups only when no other peer is left', () => {
    const g = group(method, [peer('a'), peer('b', { backup: true })]);
    expect(sequence(g, 4)).toBe('aaaa');
    const a = g.pick(key(), [], 1000) as Peer;
    expect(g.pick(key(), [a], 1000)?.name).toBe('b');
    g.release(a, 'failed', 1000);
    expect(sequence(g, 2)).toBe('bb');
  });

  it('leaves a failed peer out for the rest of the second with fail_timeout=0, then tries it once a second', () => {
    const g = group(method, [peer('a', { failTimeoutMs: 0 }), peer('b', { weight: 2 })]);
    const a = named(g, 'a');
    // Seconds are those of the machine, the same for all processes.
    const second = fromMachineMs(5_000_000);
    const picks = (now: number): string[] =>
      Array.from({ length: 12 }, (_, i) => {
        const p = g.pick(key(`10.0.${i}.1`), [], now) as Peer;
        g.release(p, p === a ? 'failed' : 'ok', now);
        return p.name;
      });
    g.release(a, 'failed', second + 1200);
    expect(picks(second + 1200)).not.toContain('a');
    expect(picks(second + 1999)).not.toContain('a');
    expect(picks(second + 2000).filter((name) => name === 'a')).toHaveLength(1);
    expect(picks(second + 2999)).not.toContain('a');
    const again = Array.from({ length: 12 }, (_, i) => g.pick(key(`10.0.${i}.1`), [], second + 3500) as Peer);
    expect(again.filter((p) => p === a)).toHaveLength(1);
    g.release(a, 'ok', second + 3600);
    expect(a.fails).toBe(0);
  });

  it('gives all peers one more chance when failures put every one out', () => {
    const g = group(method, [peer('a'), peer('b')]);
    const now = 5000;
    const first = g.pick(key(), [], now) as Peer;
    g.release(first, 'failed', now);
    const second = g.pick(key(), [first], now) as Peer;
    g.release(second, 'failed', now);
    expect(g.pick(key(), [first, second], now)).toBeUndefined();
    expect(g.pick(key(), [], now + 1)).toBeDefined();
  });

  it('never takes the only peer out', () => {
    const g = group(method, [peer('a')]);
    for (let i = 0; i < 5; i++) {
      const a = g.pick(key(), [], i) as Peer;
      expect(a.name).toBe('a');
      g.release(a, 'failed', i);
    }
  });

  it('counts active exchanges up and down', () => {
    const g = group(method, [peer('a'), peer('b')]);
    const picked = [1, 2, 3, 4].map(() => g.pick(key(), [], 0) as Peer);
    expect(g.peers.reduce((n, p) => n + p.active, 0)).toBe(4);
    for (const p of picked) g.release(p, 'next', 0);
    expect(g.peers.map((p) => p.active)).toEqual([0, 0]);
  });

  it('learns nothing about a peer from a client that left', () => {
    const g = group(method, [peer('a'), peer('b')]);
    const a = named(g, 'a');
    g.release(a, 'failed', 1000);
    a.noteChance(20_000);
    g.release(a, 'abandoned', 20_001);
    expect(a.fails).toBe(1);
    g.release(a, 'ok', 20_002);
    expect(a.fails).toBe(0);
  });

  it('keeps the state of peers that a new list still has', () => {
    const g = group(method, [peer('a'), peer('b')]);
    const a = named(g, 'a');
    g.release(a, 'failed', 1000);
    g.setPeers([peer('c'), peer('a')]);
    expect(named(g, 'a')).toBe(a);
    expect(g.peers.map((p) => p.name)).toEqual(['c', 'a']);
    expect(a.fails).toBe(1);
  });

  it('takes a server that stands twice for two peers', () => {
    const g = group(method, [peer('a'), peer('a')]);
    const before = [...g.peers];
    expect(before[0]).not.toBe(before[1]);
    g.setPeers([peer('a'), peer('a')]);
    expect(g.peers).toEqual(before);
    expect(g.peers[0]).toBe(before[0]);
    expect(g.peers[1]).toBe(before[1]);
  });

  it('starts a peer anew that comes back up', () => {
    const g = group(method, [peer('a'), peer('b')]);
    const a = named(g, 'a');
    g.release(a, 'failed', 1000);
    g.setDown(a, true);
    expect(sequence(g, 2)).toBe('bb');
    g.setDown(a, false);
    expect(a.isEligible([], 1001)).toBe(true);
  });
});

describe('round_robin', () => {
  it("is nginx's smooth weighted order", () => {
    expect(sequence(group('round_robin', [peer('a', { weight: 5 }), peer('b'), peer('c')]), 14)).toBe(
      'aabacaaaabacaa',
    );
    expect(
      sequence(
        group(
          'round_robin',
          ['a', 'b', 'c', 'd'].map((n) => peer(n)),
        ),
        8,
      ),
    ).toBe('abcdabcd');
  });

  it('lets a failed peer back after fail_timeout, one request at a time', () => {
    const g = group('round_robin', [peer('a'), peer('b')]);
    g.release(named(g, 'a'), 'failed', 1000);
    expect(sequence(g, 3)).toBe('bbb');
    const picks = [1, 2, 3].map(() => g.pick(key(), [], 11_002)?.name);
    expect(picks.filter((name) => name === 'a')).toHaveLength(1);
    g.release(named(g, 'a'), 'ok', 11_100);
    expect(named(g, 'a').fails).toBe(0);
  });
});

describe('round_robin with many peers of equal weight', () => {
  const many = Array.from({ length: 200 }, (_, i) => peer(`p${i} `));
  const names = (g: Group, n: number): string[] => sequence(g, n).trim().split(' ');

  it('takes the smooth order, which is each in turn', () => {
    const g = group('round_robin', many);
    const smooth = g.peers.map((p) => p);
    const expected = Array.from({ length: 450 }, () => smoothPick(smooth, 0, [], 0)?.name.trim());
    expect(names(g, 450)).toEqual(expected);
  });

  it('passes over those that are down, failing, full or tried, and takes them again later', () => {
    const g = group('round_robin', many);
    const by = (name: string): Peer => named(g, name);
    g.setDown(by('p1 '), true);
    g.release(by('p2 '), 'failed', 1000);
    expect(names(g, 3)).toEqual(['p0', 'p3', 'p4']);
    expect(g.pick(key(), [by('p5 '), by('p6 ')], 1000)?.name).toBe('p7 ');
    g.setDown(by('p1 '), false);
    const later = Array.from({ length: 200 }, () => g.pick(key(), [], 100_000)?.name);
    expect(new Set(later).size).toBe(200);
  });

  it('goes on from where another process is', () => {
    const left = group('round_robin', many);
    const right = group('round_robin', many);
    names(left, 7);
    right.turn = left.turn;
    expect(names(right, 2)).toEqual(['p7', 'p8']);
    const few = group('round_robin', many.slice(0, 3));
    few.turn = 2;
    expect(few.turn).toBe(-1);
    expect(names(few, 2)).toEqual(['p0', 'p1']);
  });
});

describe('acceptors that share a group', () => {
  /** Says what is asked of it, and refuses what `refuse` names. */
  function sharing(heard: string[], refuse: (peer: Peer) => boolean = () => false): GroupSharing {
    const words = ['', 'take', 'give', 'chance', 'failed', 'lived', 'reset'];
    return {
      onPicking: () => void heard.push('picking'),
      onPicked: () => void heard.push('picked'),
      onReleased: () => void heard.push('released'),
      onWeights: () => void heard.push('weights'),
      onPeers: () => void heard.push('peers'),
      agree(p, step) {
        heard.push(`${words[step]} ${p.name}`);
        return !refuse(p) && applyStep(p, step, 1, 1000);
      },
    };
  }

  it('are asked before what concerns them, and of nothing else', () => {
    const heard: string[] = [];
    const g = group('round_robin', [peer('a'), peer('b')]);
    g.share(sharing(heard), 1);
    const a = g.pick(key(), [], 1000) as Peer;
    g.release(a, 'failed', 1000);
    const b = g.pick(key(), [a], 1000) as Peer;
    g.release(b, 'ok', 1000);
    expect(heard).toEqual([
      'picking',
      'picked',
      'released',
      'failed a',
      'weights',
      'picking',
      'picked',
      'released',
    ]);
  });

  it('agree on every exchange where counts matter', () => {
    const heard: string[] = [];
    const g = group('least_conn', [peer('a'), peer('b')]);
    g.share(sharing(heard), 1);
    g.release(g.pick(key(), [], 1000) as Peer, 'ok', 1000);
    expect(heard).toEqual(['picking', 'take a', 'picked', 'give a', 'released']);
  });

  it('choose another peer where one was taken meanwhile, and none where all were', () => {
    const g = group(
      'least_conn',
      ['a', 'b', 'c'].map((n) => peer(n, { maxConns: 1 })),
    );
    // Another acceptor has the place in the moment in which it is asked for.
    const taken = new Set(['a']);
    g.share(
      sharing([], (p) => {
        if (taken.has(p.name)) p.hold(2, 1);
        return taken.has(p.name);
      }),
      1,
    );
    expect(g.pick(key(), [], 1000)?.name).toBe('b');
    taken.add('c');
    expect(g.pick(key(), [], 1000)).toBeUndefined();
    expect(g.peers.map((p) => p.active)).toEqual([1, 1, 1]);
  });

  it('keep only their own exchanges when they part', () => {
    const g = group('least_conn', [peer('a'), peer('b')]);
    g.share(sharing([]), 1);
    g.pick(key(), [], 1000);
    named(g, 'a').hold(2, 5);
    g.share(null, 1);
    expect(g.peers.map((p) => p.active)).toEqual([1, 0]);
  });
});

describe('least_conn', () => {
  it('takes the least loaded for its weight, and turns among equals', () => {
    const g = group('least_conn', [peer('a', { weight: 2 }), peer('b')]);
    const picks = Array.from({ length: 6 }, () => g.pick(key(), [], 0)?.name).join('');
    expect(picks.match(/a/g)).toHaveLength(4);
    expect(
      sequence(
        group(
          'least_conn',
          ['a', 'b', 'c'].map((n) => peer(n)),
        ),
        6,
      ),
    ).toBe('abcabc');
  });
});

describe('ip_hash', () => {
  it('sends one network to one peer, and only the first three octets count', () => {
    const g = group(
      'ip_hash',
      ['a', 'b', 'c', 'd'].map((n) => peer(n)),
    );
    const choice = sequence(g, 1, '198.51.100.1');
    expect(sequence(g, 3, '198.51.100.254')).toBe(choice.repeat(3));
  });

  it('moves only the clients of a peer that goes down', () => {
    const names = ['a', 'b', 'c', 'd'];
    const g = group(
      'ip_hash',
      names.map((n) => peer(n)),
    );
    const down = group(
      'ip_hash',
      names.map((n) => peer(n, { down: n === 'b' })),
    );
    for (let i = 0; i < 200; i++) {
      const address = `10.${i}.${(i * 7) % 256}.1`;
      const before = sequence(g, 1, address);
      if (before !== 'b') expect(sequence(down, 1, address)).toBe(before);
    }
  });

  it('reads the bytes of any address', () => {
    expect([...hashedBytes('203.0.113.9')]).toEqual([203, 0, 113]);
    expect([...ipv6Bytes('2001:db8::1')]).toEqual([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect([...ipv6Bytes('::')]).toEqual(new Array(16).fill(0));
    expect([...ipv6Bytes('fe80::1%eth0')].slice(0, 2)).toEqual([0xfe, 0x80]);
    expect([...ipv6Bytes('64:ff9b::192.0.2.33')].slice(12)).toEqual([192, 0, 2, 33]);
    expect([...hashedBytes('unix:')]).toEqual([0, 0, 0]);
  });
});
