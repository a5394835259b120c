// The file behind the one rotation: what a process stores, the others load; what does not belong to the group is left alone.
import { closeSync, openSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Group } from '../../src/balance/group.ts';
import type { Peer, PeerConfig } from '../../src/balance/peer.ts';
import { AcceptorSharing } from '../../src/cluster/group-sharing.ts';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';
import { SharedRotation } from '../../src/cluster/shared-rotation.ts';

const fds: number[] = [];
afterEach(() => {
  for (const fd of fds.splice(0)) closeSync(fd);
});

function rotationFile(): number {
  const fd = openMemoryFile('wx+');
  if (fd === undefined) throw new Error('no file');
  fds.push(fd);
  return fd;
}

const peer = (name: string, weight = 1): PeerConfig => ({
  address: { kind: 'tcp', host: name, port: 80 },
  name,
  weight,
  maxFails: 1,
  failTimeoutMs: 10_000,
  backup: false,
  down: false,
  maxConns: 0,
});

/** A group as one acceptor has it, sharing its turns through the file. */
function acceptor(fd: number, peers: readonly PeerConfig[], id = 'g') {
  const group = new Group({ name: 'g', id, method: 'round_robin', peers });
  // The log is not what is tried here: nothing is read of it.
  const nowhere = openSync('/dev/null', 'r+');
  fds.push(nowhere);
  const events = { onFull: () => {}, onSwitched: () => {} };
  const sharing = new AcceptorSharing(1, new SharedRotation(fd), [nowhere, nowhere], events);
  sharing.prepare([group]);
  sharing.use([group], true);
  return {
    group,
    pick: () => group.pick({ remoteAddress: '127.0.0.1' }, [], 0) as Peer,
    /** A request from beginning to end. */
    request(): string {
      const picked = this.pick();
      group.release(picked, 'ok', 0);
      return picked.name;
    },
  };
}

const ABC = [peer('a', 3), peer('b', 2), peer('c')];

describe('the shared rotation', () => {
  it('is the same for all, whoever takes the next request', () => {
    const fd = rotationFile();
    const three = [acceptor(fd, ABC), acceptor(fd, ABC), acceptor(fd, ABC)];
    const alone = new Group({ name: 'g', id: 'g', method: 'round_robin', peers: ABC });
    const expected = Array.from({ length: 90 }, () => alone.pick({ remoteAddress: '' }, [], 0)?.name);
    // No process takes every third.
    const seen = expected.map((_, i) => three[(i * i + (i >> 2)) % 3].request());
    expect(seen).toEqual(expected);
  });

  it('is the same for all with more peers than have room for their weights', () => {
    const fd = rotationFile();
    const many = Array.from({ length: 3000 }, (_, i) => peer(`p${i}`));
    const two = [acceptor(fd, many), acceptor(fd, many)];
    const seen = Array.from({ length: 50 }, (_, i) => two[(i * i + (i >> 2)) % 2].request());
    expect(seen).toEqual(many.slice(0, 50).map(({ name }) => name));
  });

  it('does not end while exchanges last', () => {
    const fd = rotationFile();
    const [left, right] = [acceptor(fd, ABC.slice(0, 2)), acceptor(fd, ABC.slice(0, 2))];
    const names = [left.pick().name, left.pick().name];
    for (let i = 0; i < 40; i++) names.push([left, right][((i * 7) % 3) & 1].request());
    const alone = new Group({ name: 'g', id: 'g', method: 'round_robin', peers: ABC.slice(0, 2) });
    expect(names).toEqual(names.map(() => alone.pick({ remoteAddress: '' }, [], 0)?.name));
  });

  it('leaves each process to itself in a crowd, and joins them when it is over', () => {
    const fd = rotationFile();
    const [left, right] = [acceptor(fd, ABC), acceptor(fd, ABC)];
    const crowd = Array.from({ length: 60 }, () => left.pick());
    expect(crowd.filter((p) => p.name === 'a')).toHaveLength(30);
    expect(crowd.filter((p) => p.name === 'c')).toHaveLength(10);
    for (const p of crowd) left.group.release(p, 'ok', 0);
    const after = Array.from({ length: 12 }, (_, i) => [left, right][i % 2].request());
    expect(after.filter((name) => name === 'a')).toHaveLength(6);
    expect(after.filter((name) => name === 'c')).toHaveLength(2);
  });

  it.each([
    ['weights', ABC],
    ['peers that take turns', Array.from({ length: 70 }, (_, i) => peer(`p${i}`))],
  ])('gives each peer its share when crowds come and go: %s', (_what, peers) => {
    const total = peers.reduce((sum, { weight }) => sum + weight, 0);
    const fd = rotationFile();
    const two = [acceptor(fd, peers), acceptor(fd, peers)];
    const counts = new Map<string, number>();
    let requests = 0;
    for (let wave = 0; wave < 3000; wave++) {
      // No order in how many come, and where.
      const open = Array.from({ length: (wave * wave * 7919) % 41 }, (_, i) => {
        const one = two[(i * i + wave * 31 + (i >> 2)) % 2];
        return { peer: one.pick(), group: one.group };
      });
      requests += open.length;
      for (const one of open) {
        counts.set(one.peer.name, (counts.get(one.peer.name) ?? 0) + 1);
        one.group.release(one.peer, 'ok', 0);
      }
    }
    // Three orders, the shared one and one of each acceptor, none of which is more than a little ahead or behind.
    const ahead = peers.map(({ name, weight }) => (counts.get(name) ?? 0) - (requests * weight) / total);
    expect(Math.max(...ahead.map(Math.abs))).toBeLessThan(4);
  });

  it('is not taken from another list of peers that had the region before', () => {
    const fd = rotationFile();
    acceptor(fd, ABC).request();
    const other = acceptor(fd, [peer('x'), peer('y')], 'h');
    expect([other.request(), other.request(), other.request()]).toEqual(['x', 'y', 'x']);
    const shrunk = acceptor(fd, ABC);
    shrunk.group.setPeers(ABC.slice(0, 2));
    expect(shrunk.request()).toBe('a');
  });

  it('carries the weight that a failure took', () => {
    const fd = rotationFile();
    const weights = [peer('a', 2), peer('b', 2)];
    const [left, right] = [acceptor(fd, weights), acceptor(fd, weights)];
    left.group.release(left.pick(), 'failed', 0);
    expect(left.group.peers[0].effectiveWeight).toBe(0);
    right.request();
    expect(right.group.peers[0].effectiveWeight).toBe(1);
  });

  it('turns by itself where there is no file', () => {
    const nowhere = openSync('/dev/null', 'r+');
    fds.push(nowhere);
    const alone = acceptor(nowhere, [peer('x'), peer('y')]);
    expect([alone.request(), alone.request(), alone.request()]).toEqual(['x', 'y', 'x']);
  });
});
