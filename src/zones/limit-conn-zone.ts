// The zone of limit_conn: for each key how many requests are under way, and in which processes, so that those of one that died are given
// back.
import { Slab } from './slab.ts';
import type { ZoneKind, ZoneRecord, ZoneSpec } from './zone-kind.ts';

/** A request begins, if fewer than `amount` are under way. */
export const TAKE = 1;
export const GIVE = 2;
/** So many as `amount` says are under way in the process, whatever the limit is. */
export const HOLD = 3;

export const TAKEN = 1;
export const FULL = 0;
/** No room for a new key. */
export const NO_PLACE = -1;

interface Entry {
  readonly size: number;
  readonly page: number;
  count: number;
  /** Process → how many of them. */
  readonly holders: Map<number, number>;
}

export interface ConnState {
  readonly bytes: number;
  readonly slab: Slab;
  readonly entries: Map<string, Entry>;
}

/** Of nginx's node besides the key, of its head, and of the text for its log. */
const NODE_BYTES = 36;
const HEAD_BYTES = 64;
const TEXT_BYTES = 23;

export const limitConnKind: ZoneKind<ConnState> = {
  empty({ bytes, name }: ZoneSpec): ConnState {
    const slab = new Slab(bytes);
    slab.take(HEAD_BYTES);
    slab.take(TEXT_BYTES + Buffer.byteLength(name));
    return { bytes, slab, entries: new Map() };
  },
  apply(state, record) {
    switch (record.op) {
      case TAKE: {
        const entry = state.entries.get(record.key);
        return entry !== undefined && entry.count >= record.amount ? FULL : hold(state, record, 1);
      }
      case GIVE:
        release(state, record.key, record.by, 1);
        return 0;
      case HOLD:
        return hold(state, record, record.amount);
      default:
        return 0;
    }
  },
  drop(state, gone) {
    for (const [key, { holders }] of state.entries)
      for (const [process, count] of holders) if (gone(process)) release(state, key, process, count);
  },
  tell(state, by) {
    return [...state.entries].map(([key, { size, count }]) => held(by, key, size, count));
  },
  tellHeld(state, by) {
    return [...state.entries].flatMap(([key, { size, holders }]) => {
      const count = holders.get(by) ?? 0;
      return count === 0 ? [] : [held(by, key, size, count)];
    });
  },
  tune: () => null,
  dump(state) {
    const entries = [...state.entries].map(([key, e]) => [key, e.size, e.page, [...e.holders]]);
    return Buffer.from(JSON.stringify({ bytes: state.bytes, slab: state.slab.dump(), entries }));
  },
  load,
};

function held(by: number, key: string, size: number, amount: number): ZoneRecord {
  return { op: HOLD, by, atMs: 0, amount, size, key };
}

function hold(state: ConnState, { key, size, by }: ZoneRecord, count: number): number {
  let entry = state.entries.get(key);
  if (entry === undefined) {
    const page = state.slab.take(NODE_BYTES + size);
    if (page < 0) return NO_PLACE;
    entry = { size, page, count: 0, holders: new Map() };
    state.entries.set(key, entry);
  }
  entry.count += count;
  entry.holders.set(by, (entry.holders.get(by) ?? 0) + count);
  return TAKEN;
}

/** Never more than the process holds: what was taken back when it was thought dead is gone. */
function release(state: ConnState, key: string, by: number, count: number): void {
  const entry = state.entries.get(key);
  const own = entry?.holders.get(by) ?? 0;
  if (entry === undefined || own === 0) return;
  const given = Math.min(own, count);
  if (own === given) entry.holders.delete(by);
  else entry.holders.set(by, own - given);
  entry.count -= given;
  if (entry.count > 0) return;
  state.entries.delete(key);
  state.slab.give(entry.page);
}

interface ConnDump {
  readonly bytes: number;
  readonly slab: ReturnType<Slab['dump']>;
  readonly entries: readonly (readonly [
    key: string,
    size: number,
    page: number,
    holders: readonly (readonly [number, number])[],
  ])[];
}

function load(bytes: Buffer): ConnState {
  const whole = JSON.parse(bytes.toString()) as ConnDump;
  const slab = new Slab(whole.bytes);
  slab.restore(whole.slab);
  const entries = new Map<string, Entry>();
  for (const [key, size, page, holders] of whole.entries) {
    const count = holders.reduce((sum, [, n]) => sum + n, 0);
    entries.set(key, { size, page, count, holders: new Map(holders) });
  }
  return { bytes: whole.bytes, slab, entries };
}
