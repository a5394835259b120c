// Who is let go when, of those that wait for a process.
import { afterEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../src/balance/peer.ts';
import type { Discovery } from '../../src/upstream/discovery.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { type Waiter, WaitingRoom, waitingRequests } from '../../src/upstream/waiting-room.ts';
import { until } from '../support/http-client.ts';
import { processPort } from '../support/process-port.ts';
import { readModel } from '../support/proxy.ts';

const sets: UpstreamSet[] = [];
afterEach(() => {
  for (const set of sets.splice(0)) set.retire(null);
  expect(waitingRequests()).toBe(0);
});

/** Which of the ports are up; all others are coming, or gone for good. */
const found = (ports: readonly number[], up: readonly number[], coming = true): Discovery => ({
  hosts: {},
  programs: {
    web: ports.map((port) =>
      processPort(port, { up: up.includes(port), coming: coming && !up.includes(port) }),
    ),
  },
});

function open(ports: readonly number[], more = ''): { set: UpstreamSet; upstream: Upstream } {
  const servers = ports.map((port) => `server 127.0.0.1:${port} ${more};`).join(' ');
  const { model, remove } = readModel(
    `http { upstream u { ${servers} } server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`,
  );
  remove();
  const set = new UpstreamSet(model, found(ports, []), null);
  sets.push(set);
  return { set, upstream: set.of('u', '') };
}

/** So many that wait; what became of each, in the order in which it did. */
function crowd(upstream: Upstream, n: number): { readonly log: string[]; readonly peers: Peer[] } {
  const log: string[] = [];
  const peers: Peer[] = [];
  for (let i = 0; i < n; i++) {
    let at = upstream;
    const enter = (): void => {
      at.waiting ??= new WaitingRoom(at);
      at.waiting.enter(waiter);
    };
    const waiter: Waiter = {
      eager: true,
      goOn() {
        const peer = at.group.pick({ remoteAddress: '' }, [], performance.now());
        if (peer === undefined) return false;
        at.waiting?.leave(waiter);
        peers.push(peer);
        log.push(String(i));
        return true;
      },
      giveUp() {
        at.waiting?.leave(waiter);
        log.push(`${i} in vain`);
      },
      onNews() {},
      moveOn() {
        at = at.present;
        enter();
      },
    };
    enter();
  }
  return { log, peers };
}

describe('those that wait', () => {
  it('go in the order in which they came, all at once where nothing else is on its way', () => {
    const { set, upstream } = open([1, 2]);
    const { log, peers } = crowd(upstream, 6);
    expect(waitingRequests()).toBe(6);
    set.discover(found([1, 2], [1, 2]));
    expect(log).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(new Set(peers).size).toBe(2);
    expect(upstream.waiting).toBeNull();
  });

  it('do not all go to the first that is up', async () => {
    const { set, upstream } = open([1, 2, 3, 4]);
    const { log } = crowd(upstream, 100);
    set.discover(found([1, 2, 3, 4], [1]));
    expect(log).toHaveLength(25);
    await until(() => log.length > 25, 10_000, 'the next few');
    expect(log.length).toBeLessThan(80);
    set.discover(found([1, 2, 3, 4], [1, 2, 3, 4]));
    expect(log).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
  });

  it('keep to max_conns: the next goes when there is room', () => {
    const { set, upstream } = open([1], 'max_conns=2');
    const { log, peers } = crowd(upstream, 4);
    set.discover(found([1], [1]));
    expect(log).toEqual(['0', '1']);
    upstream.group.release(peers[0], 'ok', 1);
    upstream.waiting?.onRoom();
    expect(log).toEqual(['0', '1', '2']);
  });

  it('end a moment after nothing is on its way any more', async () => {
    const { set, upstream } = open([1]);
    const { log } = crowd(upstream, 2);
    set.discover(found([1], [], false));
    expect(log).toEqual([]);
    await expect.poll(() => log).toEqual(['0 in vain', '1 in vain']);
  });

  it('go over to the group that has the name after a reload, and end where there is none', () => {
    const { set, upstream } = open([1]);
    const { log, peers } = crowd(upstream, 2);
    const { model, remove } = readModel(
      `http { upstream u { server 127.0.0.1:7; } server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`,
    );
    remove();
    const next = new UpstreamSet(model, found([1], []), set);
    sets.push(next);
    set.retire(next);
    expect(log).toEqual(['0', '1']);
    expect(peers[0].name).toBe('127.0.0.1:7');
    const other = open([1]);
    const left = crowd(other.upstream, 1);
    other.set.retire(null);
    expect(left.log).toEqual(['0 in vain']);
  });
});
