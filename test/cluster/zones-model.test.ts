// Zones along the log: several acceptors and the primary's copy, whatever takes, gives, dies, joins, is reloaded or left alone. No limit is
// ever passed, nothing is lost or left over, and all have the same state.
import { closeSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { GroupHub } from '../../src/cluster/group-hub.ts';
import { AcceptorSharing } from '../../src/cluster/group-sharing.ts';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';
import { SharedRotation } from '../../src/cluster/shared-rotation.ts';
import type { Model } from '../../src/config/model.ts';
import { zoneSpecs } from '../../src/features/zone-specs.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { FULL, GIVE, TAKE } from '../../src/zones/limit-conn-zone.ts';
import { COUNT } from '../../src/zones/limit-req-zone.ts';
import { type Zone, ZoneSet } from '../../src/zones/zone.ts';
import { readModel } from '../support/proxy.ts';
import { numbers } from '../zones/records.ts';

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

function modelOf(zones: string): Model {
  const { model, remove } = readModel(`http { ${zones} server { listen 127.0.0.1:0; } }`);
  remove();
  return model;
}

/** The same zones with another rate, and one zone more. */
const TEXTS = [
  'limit_conn_zone $arg_k zone=c:64k; limit_req_zone $arg_k zone=r:64k rate=1r/m;',
  'limit_conn_zone $arg_k zone=c:64k; limit_req_zone $arg_k zone=r:64k rate=2r/m; limit_conn_zone $uri zone=d:32k;',
];

interface Acceptor {
  readonly id: number;
  readonly sharing: AcceptorSharing;
  set: ZoneSet;
  /** Zone and key of what is under way. */
  readonly open: (readonly [Zone, string])[];
}

const LIMIT = 3;

class World {
  readonly random: (below: number) => number;
  readonly #logFds: readonly [number, number] = [file('ax+'), file('ax+')];
  readonly #rotationFd = file('wx+');
  readonly #models = TEXTS.map(modelOf);
  model = this.#models[0];
  acceptors: Acceptor[] = [];
  #lastId = 0;
  readonly hub: GroupHub;
  seals = 0;

  constructor(seed: number, count = 3) {
    this.random = numbers(seed);
    this.hub = new GroupHub(this.#logFds, {
      joined: () => this.acceptors.map(({ id }) => id),
      onSealed: () => {
        this.seals++;
        for (const { sharing } of this.acceptors) sharing.catchUp();
      },
    });
    this.hub.use(this.model, NOTHING_DISCOVERED, count > 1);
    for (let i = 0; i < count; i++) this.join(count > 1);
  }

  join(shared = true): void {
    const id = ++this.#lastId;
    const set = new ZoneSet(zoneSpecs(this.model), null);
    const sharing = new AcceptorSharing(id, new SharedRotation(this.#rotationFd), this.#logFds, {
      onFull: (segment) => this.hub.seal(segment),
      onSwitched: () => setImmediate(() => this.hub.left(id)),
    });
    if (shared) sharing.zones.prepare(set);
    const state = this.hub.state();
    for (let i = this.random(4); i > 0; i--) this.begin();
    sharing.zones.load(set, state.zones);
    sharing.join([], shared, state.log);
    sharing.zones.use(set, shared);
    this.acceptors.push({ id, sharing, set, open: [] });
  }

  begin(acceptor = this.acceptors[this.random(this.acceptors.length)]): void {
    if (acceptor === undefined) return;
    const zones = acceptor.set.all;
    const zone = zones[this.random(zones.length)];
    const key = `k${this.random(4)}`;
    const question = { key, size: key.length, amount: LIMIT };
    if (zone.spec.kind === 'limit_req') zone.ask({ ...question, op: COUNT });
    else if (zone.ask({ ...question, op: TAKE }) !== FULL) acceptor.open.push([zone, key]);
  }

  end(): void {
    const { open } = this.acceptors[this.random(this.acceptors.length)];
    if (open.length === 0) return;
    const [[zone, key]] = open.splice(this.random(open.length), 1);
    zone.ask({ op: GIVE, key, size: key.length, amount: 0 });
  }

  die(): void {
    const [dead] = this.acceptors.splice(this.random(this.acceptors.length), 1);
    this.stop(dead);
    this.join();
  }

  stop({ id, sharing, set }: Acceptor): void {
    // Its timer is this process's.
    sharing.zones.use(new ZoneSet([], set), false);
    this.hub.forget(id);
  }

  /** A reload, for several acceptors or for one alone; those too many go, and those that lack come, as in the primary. */
  reload(count: number): void {
    const model = this.#models[this.random(this.#models.length)];
    const shared = count > 1;
    const prepared = this.acceptors.map(({ sharing, set }) => {
      const next = new ZoneSet(zoneSpecs(model), set);
      if (shared) sharing.zones.prepare(next);
      return next;
    });
    // It goes on until it hears that all agree.
    this.begin();
    if (this.random(4) === 0) {
      for (const [i, { sharing }] of this.acceptors.entries()) sharing.zones.discard(prepared[i]);
      return;
    }
    this.model = model;
    this.hub.use(model, NOTHING_DISCOVERED, shared);
    for (const [i, acceptor] of this.acceptors.entries()) {
      acceptor.sharing.use([], shared);
      acceptor.sharing.zones.use(prepared[i], shared);
      acceptor.set = prepared[i];
      this.begin(acceptor);
    }
    for (const gone of this.acceptors.splice(count)) this.stop(gone);
    while (this.acceptors.length < count) this.join(shared);
  }

  step(): void {
    const n = this.random(1000);
    if (n < 500) this.begin();
    else if (n < 960) this.end();
    else if (n < 970 && this.acceptors.length > 1) this.die();
    else if (n < 980) this.reload(this.random(4) === 0 ? 1 : 2 + this.random(3));
    else if (n < 984 && this.acceptors.length > 1) this.hub.seal(this.hub.state().log.segment);
  }

  /** Counts of all acceptors' zones, as they are and as they should be. */
  check(): void {
    const wanted = new Map<string, number>();
    const present = new Set(this.acceptors.flatMap(({ set }) => set.all));
    for (const { open } of this.acceptors)
      for (const [zone, key] of open) {
        if (!present.has(zone)) continue;
        const name = `${zone.spec.name} ${key}`;
        wanted.set(name, (wanted.get(name) ?? 0) + 1);
      }
    const states = this.acceptors.map(({ sharing, set }) => {
      sharing.catchUp();
      return JSON.stringify(set.all.map((zone) => [zone.id, zone.dump().toString()]));
    });
    if (this.acceptors.length === 1) return;
    expect(new Set(states).size).toBe(1);
    const hub = this.hub.state().zones.map(({ id, state }) => [id, Buffer.from(state, 'base64').toString()]);
    const byId = (a: readonly string[], b: readonly string[]): number => (a[0] < b[0] ? -1 : 1);
    expect(hub.sort(byId)).toEqual((JSON.parse(states[0]) as string[][]).sort(byId));
    const counted = new Map<string, number>();
    for (const zone of this.acceptors[0].set.all) {
      if (zone.spec.kind !== 'limit_conn') continue;
      const { entries } = JSON.parse(zone.dump().toString()) as {
        entries: [string, number, number, [number, number][]][];
      };
      for (const [key, , , holders] of entries) {
        const count = holders.reduce((sum, [, n]) => sum + n, 0);
        counted.set(`${zone.spec.name} ${key}`, count);
      }
    }
    expect(new Map([...counted].sort())).toEqual(new Map([...wanted].sort()));
  }
}

describe('acceptors that share zones', () => {
  it.each([1, 2, 3, 4])(
    'have one state after each of 4,000 random events, and no count is wrong (seed %i)',
    async (seed) => {
      const world = new World(seed);
      for (let i = 0; i < 4000; i++) {
        world.step();
        if (i % 11 === 0) world.check();
        if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(world.seals).toBeGreaterThan(2);
      for (const acceptor of world.acceptors) world.stop(acceptor);
    },
    60_000,
  );
});
