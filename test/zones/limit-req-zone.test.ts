// The fold of limit_req against nginx's arithmetic, written down once more in the plainest way: whole numbers without end, and lists.
import { describe, expect, it } from 'vitest';
import {
  COUNT,
  KNOWN,
  LOOK,
  limitReqKind,
  NO_ROOM,
  RATE,
  SETTLE,
  UNLOOK,
} from '../../src/zones/limit-req-zone.ts';
import type { ZoneRecord, ZoneSpec } from '../../src/zones/zone-kind.ts';
import { foldThreeTimes, numbers, sameStates } from './records.ts';

const spec = (bytes: number, rate: number): ZoneSpec => ({
  kind: 'limit_req',
  name: 'z',
  bytes,
  key: '$arg_k',
  rate,
});

interface Node {
  readonly key: string;
  last: bigint;
  excess: bigint;
  count: number;
}

/** ngx_http_limit_req_module with memory for `room` keys; the newest key is the first. */
class Reference {
  nodes: Node[] = [];
  rate: bigint;
  readonly room: number;
  readonly looking = new Map<number, Node>();
  constructor(room: number, rate: number) {
    this.room = room;
    this.rate = BigInt(rate);
  }

  #passed(node: Node, now: bigint): bigint {
    const ms = now - node.last;
    return ms < -60_000n ? 1n : ms < 0n ? 0n : ms;
  }

  #excess(node: Node, ms: bigint): bigint {
    const excess = node.excess - (this.rate * ms) / 1000n + 1000n;
    return excess < 0n ? 0n : excess;
  }

  lookup({ op, key, by, amount, atMs }: ZoneRecord): number {
    const now = BigInt(atMs);
    const node = this.nodes.find((one) => one.key === key);
    if (node === undefined) return this.#create(op === COUNT, key, by, now);
    this.nodes = [node, ...this.nodes.filter((one) => one !== node)];
    const ms = this.#passed(node, now);
    const excess = this.#excess(node, ms);
    if (excess > BigInt(amount) * 1000n) return Number(excess);
    if (op === COUNT) {
      node.excess = excess;
      if (ms !== 0n) node.last = now;
    } else {
      node.count++;
      this.looking.set(by, node);
    }
    return Number(excess);
  }

  #create(account: boolean, key: string, by: number, now: bigint): number {
    this.#expire(1, now);
    if (this.nodes.length >= this.room) this.#expire(0, now);
    if (this.nodes.length >= this.room) return NO_ROOM;
    const node = { key, last: account ? now : 0n, excess: 0n, count: account ? 0 : 1 };
    this.nodes.unshift(node);
    if (!account) this.looking.set(by, node);
    return 0;
  }

  #expire(from: number, now: bigint): void {
    for (let n = from; n < 3; n++) {
      const node = this.nodes.at(-1);
      if (node === undefined || node.count > 0) return;
      if (n !== 0) {
        let ms = now - node.last;
        if (ms < 0n) ms = -ms;
        if (ms < 60_000n || node.excess - (this.rate * ms) / 1000n > 0n) return;
      }
      this.nodes.pop();
    }
  }

  /** nginx's, but that the limit holds against those who looked at once. */
  account({ by, atMs, amount }: ZoneRecord): number {
    const node = this.looking.get(by);
    if (node === undefined) return 0;
    this.unlock(by);
    const now = BigInt(atMs);
    const ms = this.#passed(node, now);
    const excess = this.#excess(node, ms);
    if (excess > BigInt(amount) * 1000n) return Number(excess);
    node.excess = excess;
    if (ms !== 0n) node.last = now;
    return Number(excess);
  }

  unlock(by: number): number {
    const node = this.looking.get(by);
    if (node !== undefined) node.count--;
    this.looking.delete(by);
    return 0;
  }

  apply(record: ZoneRecord): number {
    if (record.op === SETTLE) return this.account(record);
    if (record.op === UNLOOK) return this.unlock(record.by);
    if (record.op !== RATE) return this.lookup(record);
    this.rate = BigInt(record.amount);
    return 0;
  }
}

/** Of 32 KB seven pages: one for the head, with 31 places left, one for the text, five with 32 each. */
const ROOM = 31 + 5 * 32;
const RATES = [16, 1000, 7000, 250_000, 4_294_967_295];

/** What processes that take turns do: each looks once at most before it settles. */
function randomRecords(seed: number, count: number): ZoneRecord[] {
  const random = numbers(seed);
  const keys = 5 + random(2 * ROOM);
  const looking = new Set<number>();
  let atMs = 1_000_000 + random(1000);
  return Array.from({ length: count }, () => {
    atMs += [0, 0, 1, random(30), random(2000), random(90_000), -random(50), -70_000][random(8)];
    const by = 1 + random(4);
    let op = [COUNT, COUNT, LOOK, LOOK, RATE][random(200) === 0 ? 4 : random(4)];
    if (looking.has(by) && op !== RATE) op = random(3) === 0 ? UNLOOK : SETTLE;
    if (op === LOOK) looking.add(by);
    else if (op !== RATE && op !== COUNT) looking.delete(by);
    const amount = op === RATE ? RATES[random(RATES.length)] : [0, 1, 3, 50][random(4)];
    return { op, by, atMs, amount, size: 4, key: `k${random(keys)}` };
  });
}

describe('the zone of limit_req', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'answers what nginx would, for 4,000 records (seed %i)',
    (seed) => {
      const rate = RATES[seed % 4];
      const state = limitReqKind.empty(spec(32_768, rate));
      const reference = new Reference(ROOM, rate);
      const records = randomRecords(seed, 4000);
      // One who was refused looks at nothing: what it says next is said of nothing, in both.
      const answers = records.map((record) => [record, limitReqKind.apply(state, record)]);
      expect(answers).toEqual(records.map((record) => [record, reference.apply(record)]));
      expect([...state.entries.keys()].sort()).toEqual(reference.nodes.map(({ key }) => key).sort());
    },
  );

  it.each([1, 2, 3, 4])('is the same in all who fold it, also in those who join (seed %i)', (seed) => {
    const records = randomRecords(seed, 3000);
    const start = limitReqKind.empty(spec(32_768, 1000));
    const { states, answers } = foldThreeTimes(limitReqKind, start, records, numbers(seed));
    expect(sameStates(limitReqKind, states)).toBe(true);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0].slice(answers[0].length - answers[2].length));
  });

  it('gives back what one that died had looked at: its key may be forgotten again', () => {
    const state = limitReqKind.empty(spec(32_768, 1000));
    const record = { op: COUNT, by: 1, atMs: 0, amount: 9, size: 4, key: '' };
    for (const by of [1, 2]) limitReqKind.apply(state, { ...record, op: LOOK, by, key: 'held' });
    const fill = (name: string): number[] =>
      Array.from({ length: ROOM }, (_, i) =>
        limitReqKind.apply(state, { ...record, atMs: 1, key: `${name}${i}` }),
      );
    // The oldest one is held: nothing is forgotten, and there is no room for the last.
    expect(fill('a')).toEqual([...Array(ROOM - 1).fill(0), NO_ROOM]);
    limitReqKind.drop(state, (process) => process === 1);
    expect(fill('b')[0]).toBe(NO_ROOM);
    limitReqKind.drop(state, (process) => process === 2);
    expect(fill('c')).toEqual(Array(ROOM).fill(0));
    expect(state.entries.has('held')).toBe(false);
  });

  it('counts keys of any length by what they take, and gives it back', () => {
    const state = limitReqKind.empty(spec(32_768, 1000));
    const add = (key: string, size: number): number =>
      limitReqKind.apply(state, { op: COUNT, by: 1, atMs: 0, amount: 0, size, key });
    // 65,535 bytes and the node are seventeen pages: more than there are, whatever is forgotten for it, which is one key a time.
    expect(add('a', 4)).toBe(0);
    expect(add('long', 65_535)).toBe(NO_ROOM);
    expect(state.entries.has('a')).toBe(false);
    // Three pages, then a chunk of half a page: the rest is there for short ones.
    expect(add('three', 9000)).toBe(0);
    expect(add('half', 1900)).toBe(0);
    expect(Array.from({ length: 63 }, (_, i) => add(`k${i}`, 4))).toEqual(Array(63).fill(0));
    expect(state.entries.size).toBe(65);
    add('one more', 4);
    expect(state.entries.has('three')).toBe(false);
    expect(state.entries.size).toBe(65);
  });

  it('is told to those who join one that was alone: whatever comes next is answered as before', () => {
    for (const seed of [1, 2, 3]) {
      const state = limitReqKind.empty(spec(1_048_576, 1000));
      const records = randomRecords(seed, 2000).filter(({ op }) => op === COUNT);
      for (const record of records) limitReqKind.apply(state, record);
      const nowMs = Math.max(...records.map(({ atMs }) => atMs));
      const joined = limitReqKind.empty(spec(1_048_576, 1000));
      for (const record of limitReqKind.tell(state, 1, nowMs)) {
        expect(record.op).toBe(KNOWN);
        limitReqKind.apply(joined, record);
      }
      for (const key of state.entries.keys()) {
        const next = { op: COUNT, by: 2, atMs: nowMs + 3, amount: 5, size: 4, key };
        expect([key, limitReqKind.apply(joined, next)]).toEqual([key, limitReqKind.apply(state, next)]);
      }
    }
  });
});
