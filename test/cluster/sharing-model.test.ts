// Several acceptors and the primary's copy, against a model that only counts: whatever begins, ends, fails, is abandoned, dies, joins or
// reloads, all of them agree on every counter, no limit is ever passed, and nothing is left over.
import { closeSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Group, Outcome } from '../../src/balance/group.ts';
import type { Peer } from '../../src/balance/peer.ts';
import { applyStates, GroupHub } from '../../src/cluster/group-hub.ts';
import { AcceptorSharing } from '../../src/cluster/group-sharing.ts';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';
import { SharedRotation } from '../../src/cluster/shared-rotation.ts';
import type { Model } from '../../src/config/model.ts';
import type { Discovery } from '../../src/upstream/discovery.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { processPort } from '../support/process-port.ts';
import { readModel } from '../support/proxy.ts';

const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});

function file(flags: 'wx+' | 'ax+'): number {
  const fd = openMemoryFile(flags);
  if (fd === undefined) throw new Error('no file');
  opened.push(fd);
  return fd;
}

/** Numbers that are the same in every run of a seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

const TEXTS = [
  'least_conn; server 127.0.0.1:1 fail_timeout=2ms weight=2; server 127.0.0.1:2 fail_timeout=2ms; server 127.0.0.1:3 max_fails=3 fail_timeout=1ms;',
  'server 127.0.0.1:1 max_conns=2 fail_timeout=1ms; server 127.0.0.1:2 max_conns=3 max_fails=2 fail_timeout=2ms; server 127.0.0.1:3 max_conns=1 backup;',
];

function modelOf(text: string): Model {
  const { model, remove } = readModel(
    `program p { command "true"; }
     http {
       upstream u { ${text} } upstream v { least_conn; server 127.0.0.1:9 max_conns=4; server 127.0.0.1:9; }
       upstream w { least_conn; program p; }
       server { listen 127.0.0.1:0; location / { proxy_pass http://u; } }
     }`,
  );
  remove();
  return model;
}

const programs = (up: readonly boolean[]): Discovery => ({
  hosts: {},
  programs: { p: up.map((isUp, i) => processPort(4000 + i, { up: isUp })) },
});

interface Open {
  readonly group: Group;
  readonly peer: Peer;
}

interface Acceptor {
  readonly id: number;
  readonly sharing: AcceptorSharing;
  set: UpstreamSet;
  readonly open: Open[];
}

class World {
  readonly random: (below: number) => number;
  readonly #logFds: readonly [number, number] = [file('ax+'), file('ax+')];
  readonly #rotationFd = file('wx+');
  readonly #models = TEXTS.map(modelOf);
  model = this.#models[0];
  found = programs([true, true]);
  acceptors: Acceptor[] = [];
  #lastId = 0;
  readonly hub: GroupHub;
  seals = 0;

  constructor(seed: number) {
    this.random = numbers(seed);
    this.hub = new GroupHub(this.#logFds, {
      joined: () => this.acceptors.map(({ id }) => id),
      onSealed: () => {
        this.seals++;
        for (const { sharing } of this.acceptors) sharing.catchUp();
      },
    });
    this.hub.use(this.model, this.found, true);
    for (let i = 0; i < 3; i++) this.join();
  }

  groups(set: UpstreamSet): Group[] {
    return [...set.all].map(({ group }) => group);
  }

  join(): void {
    const id = ++this.#lastId;
    const set = new UpstreamSet(this.model, this.found, null);
    const sharing = new AcceptorSharing(id, new SharedRotation(this.#rotationFd), this.#logFds, {
      onFull: (segment) => this.hub.seal(segment),
      onSwitched: () => setImmediate(() => this.hub.left(id)),
    });
    sharing.prepare(this.groups(set));
    // Its peers may become others before it is told the state: it hears of that as the others do.
    if (this.random(3) === 0) this.discover(this.anyPrograms(), [{ set, sharing }]);
    // Others go on while the state is on its way.
    const state = this.hub.state();
    for (let i = this.random(4); i > 0; i--) this.begin();
    applyStates(set, state.groups);
    sharing.join(this.groups(set), true, state.log);
    this.acceptors.push({ id, sharing, set, open: [] });
  }

  any(): Acceptor {
    return this.acceptors[this.random(this.acceptors.length)];
  }

  begin(): void {
    if (this.acceptors.length === 0) return;
    const acceptor = this.any();
    const groups = this.groups(acceptor.set);
    const group = groups[this.random(groups.length)];
    const peer = group.pick({ remoteAddress: '' }, [], performance.now());
    if (peer !== undefined) acceptor.open.push({ group, peer });
  }

  end(): void {
    const { open } = this.any();
    if (open.length === 0) return;
    const [{ group, peer }] = open.splice(this.random(open.length), 1);
    const outcomes: Outcome[] = ['ok', 'ok', 'ok', 'next', 'failed', 'abandoned'];
    group.release(peer, outcomes[this.random(outcomes.length)], performance.now());
  }

  die(): void {
    const [dead] = this.acceptors.splice(this.random(this.acceptors.length), 1);
    this.hub.forget(dead.id);
    this.join();
  }

  reload(): void {
    const model = this.#models[this.random(this.#models.length)];
    const prepared = this.acceptors.map((acceptor) => {
      const set = new UpstreamSet({ ...model }, this.found, acceptor.set);
      acceptor.sharing.prepare(this.groups(set));
      return set;
    });
    if (this.random(3) === 0) {
      const waiting = this.acceptors.map(({ sharing }, i) => ({ set: prepared[i], sharing }));
      this.discover(this.anyPrograms(), waiting);
    }
    if (this.random(3) === 0) {
      for (const [i, { sharing }] of this.acceptors.entries()) sharing.discard(this.groups(prepared[i]));
      return;
    }
    this.hub.use({ ...model }, this.found, true);
    this.model = model;
    for (const [i, acceptor] of this.acceptors.entries()) {
      const before = acceptor.set;
      acceptor.set = prepared[i];
      acceptor.sharing.use(this.groups(acceptor.set), true);
      before.retire(acceptor.set);
      // The first that switched work already while the others still have the old groups.
      this.begin();
      this.begin();
    }
  }

  anyPrograms(): boolean[] {
    return Array.from({ length: 1 + this.random(3) }, () => this.random(4) > 0);
  }

  /** `prepared` are those that were prepared and are not in use yet. */
  discover(up: readonly boolean[], prepared: readonly Pick<Acceptor, 'set' | 'sharing'>[] = []): void {
    this.found = programs(up);
    this.hub.discover(this.found);
    for (const acceptor of this.acceptors) acceptor.set.discover(this.found);
    for (const { set, sharing } of prepared) {
      set.discover(this.found);
      sharing.prepare(this.groups(set));
    }
  }

  step(): void {
    const n = this.random(1000);
    if (n < 480) this.begin();
    else if (n < 960) this.end();
    else if (n < 970) this.die();
    else if (n < 980) this.reload();
    else if (n < 995) this.discover(this.anyPrograms());
    else this.hub.seal(this.hub.state().log.segment);
  }

  /** Every counter of every copy, and what it should be. */
  check(): void {
    const expected = new Map<string, number>();
    for (const { set, open } of this.acceptors) {
      const present = new Set(this.groups(set));
      for (const { group, peer } of open) {
        // Of groups and peers that are gone nobody asks any more.
        if (!present.has(group) || group.peers[peer.index] !== peer) continue;
        const key = `${group.id} ${peer.index}`;
        expected.set(key, (expected.get(key) ?? 0) + 1);
      }
    }
    const { groups } = this.hub.state();
    for (const { set, sharing } of this.acceptors) {
      sharing.catchUp();
      for (const [g, group] of this.groups(set).entries()) {
        for (const [i, peer] of group.peers.entries()) {
          const limit = peer.config.maxConns;
          const state = groups[g].peers[i];
          const total = state.holders.reduce((sum, [, n]) => sum + n, 0);
          expect([peer.active, total, peer.fails]).toEqual([
            expected.get(`${group.id} ${i}`) ?? 0,
            peer.active,
            state.fails,
          ]);
          expect(limit === 0 || peer.active <= limit).toBe(true);
        }
      }
    }
  }
}

describe('acceptors that share groups', () => {
  it.each([1, 2, 3, 4])(
    'agree on all counters after each of 5,000 random events (seed %i)',
    async (seed) => {
      const world = new World(seed);
      for (let i = 0; i < 5000; i++) {
        world.step();
        if (i % 9 === 0) world.check();
        // Messages between processes arrive between events.
        if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(world.seals).toBeGreaterThan(5);
      for (const { open } of world.acceptors) {
        for (const { group, peer } of open.splice(0)) group.release(peer, 'ok', performance.now());
      }
      world.check();
      for (const { set } of world.acceptors)
        for (const group of world.groups(set))
          expect(group.peers.map((peer) => peer.active)).toEqual(group.peers.map(() => 0));
      // Equal peers have equal shares of what comes now, whichever acceptor takes it.
      world.discover([false, false]);
      world.discover([true, true]);
      const picked: Open[] = [];
      for (let i = 0; i < 40; i++) {
        const group = world.acceptors[i % world.acceptors.length].set.of('w', '').group;
        const peer = group.pick({ remoteAddress: '' }, [], performance.now());
        if (peer !== undefined) picked.push({ group, peer });
      }
      expect([0, 1].map((index) => picked.filter(({ peer }) => peer.index === index).length)).toEqual([
        20, 20,
      ]);
    },
    60_000,
  );
});
