// The zone of limit_req: for each key how far it is ahead of its rate, as nginx counts it (ngx_http_limit_req_lookup, _account, _expire):
// thousandths of a request, whole milliseconds, divisions that drop the rest.
import { Slab } from './slab.ts';
import type { ZoneKind, ZoneRecord, ZoneSpec } from './zone-kind.ts';

/** Asks whether a request may pass, and counts nothing yet: other limits follow. `amount` is the burst, in requests. */
export const LOOK = 1;
/** The same for the last limit of a request: counts if it may pass. */
export const COUNT = 2;
/**
 * All limits let the request pass that looked here: counts it, unless others did meanwhile and there is no more room for it. (nginx counts
 * it in any case, so that processes that look at once go past the limit together.)
 */
export const SETTLE = 3;
/** Another limit refused it. */
export const UNLOOK = 4;
/** The rate is `amount` from now on. */
export const RATE = 5;
/** What a process knew before others joined it: at `atMs` the excess was `amount`. */
export const KNOWN = 6;

/** No room for a new key. Any other answer is the excess, in thousandths of a request. */
export const NO_ROOM = -1;

interface Entry {
  readonly key: string;
  readonly size: number;
  readonly page: number;
  lastMs: number;
  excess: number;
  /** Requests that looked and are neither settled nor refused. */
  looks: number;
  newer: Entry | null;
  older: Entry | null;
}

export interface ReqState {
  readonly bytes: number;
  rate: number;
  readonly slab: Slab;
  readonly entries: Map<string, Entry>;
  newest: Entry | null;
  oldest: Entry | null;
  /** Process → where it has looked last and not settled. No process looks twice at once. */
  readonly looking: Map<number, Entry>;
}

/** Of nginx's node besides the key, of its head, and of the text for its log. */
const NODE_BYTES = 80;
const HEAD_BYTES = 80;
const TEXT_BYTES = 22;
/** What is younger is kept as long as there is room. */
const KEPT_MS = 60_000;
const MAX_AMOUNT = 0xffff_ffff;

export const limitReqKind: ZoneKind<ReqState> = {
  empty({ bytes, name, rate }: ZoneSpec): ReqState {
    const state = emptyState(bytes, rate);
    state.slab.take(HEAD_BYTES);
    state.slab.take(TEXT_BYTES + Buffer.byteLength(name));
    return state;
  },
  apply,
  drop(state, gone) {
    for (const [process, entry] of state.looking) if (gone(process)) unlook(state, process, entry);
  },
  tell(state, by, nowMs) {
    const told: ZoneRecord[] = [];
    for (let entry = state.oldest; entry !== null; entry = entry.newer) {
      const { key, size, lastMs, excess } = entry;
      // The next request would find the same without it.
      if (excessAt(state, entry, nowMs) === 0) continue;
      told.push({ op: KNOWN, by, atMs: lastMs, amount: Math.min(excess, MAX_AMOUNT), size, key });
    }
    return told;
  },
  tellHeld: () => [],
  tune: (state, { rate }) => (state.rate === rate ? null : { op: RATE, amount: rate }),
  dump,
  load,
};

function emptyState(bytes: number, rate: number): ReqState {
  const slab = new Slab(bytes);
  return { bytes, rate, slab, entries: new Map(), newest: null, oldest: null, looking: new Map() };
}

function apply(state: ReqState, record: ZoneRecord): number {
  switch (record.op) {
    case LOOK:
    case COUNT:
      return look(state, record);
    case SETTLE:
      return settle(state, record);
    case UNLOOK: {
      const entry = state.looking.get(record.by);
      if (entry !== undefined) unlook(state, record.by, entry);
      return 0;
    }
    case RATE:
      state.rate = record.amount;
      return 0;
    case KNOWN:
      return know(state, record);
    default:
      return 0;
  }
}

function look(state: ReqState, record: ZoneRecord): number {
  const { op, by, atMs, amount } = record;
  const entry = state.entries.get(record.key);
  if (entry === undefined) {
    const made = make(state, record);
    if (made === null) return NO_ROOM;
    if (op === COUNT) made.lastMs = atMs;
    else lookAt(state, by, made);
    return 0;
  }
  bump(state, entry);
  const ms = passedMs(entry, atMs);
  const excess = excessAfter(state, entry, ms);
  if (excess > amount * 1000) return excess;
  if (op === LOOK) {
    lookAt(state, by, entry);
    return excess;
  }
  entry.excess = excess;
  if (ms > 0) entry.lastMs = atMs;
  return excess;
}

function settle(state: ReqState, { by, atMs, amount }: ZoneRecord): number {
  const entry = state.looking.get(by);
  if (entry === undefined) return 0;
  unlook(state, by, entry);
  const ms = passedMs(entry, atMs);
  const excess = excessAfter(state, entry, ms);
  if (excess > amount * 1000) return excess;
  entry.excess = excess;
  if (ms > 0) entry.lastMs = atMs;
  return excess;
}

function know(state: ReqState, record: ZoneRecord): number {
  const entry = state.entries.get(record.key) ?? make(state, record);
  if (entry === null) return NO_ROOM;
  entry.lastMs = record.atMs;
  entry.excess = record.amount;
  return entry.excess;
}

/** Clocks that disagree a little count as none; one that was set back far as one millisecond. */
function passedMs({ lastMs }: Entry, nowMs: number): number {
  const ms = nowMs - lastMs;
  if (ms < -KEPT_MS) return 1;
  return ms < 0 ? 0 : ms;
}

function excessAfter(state: ReqState, entry: Entry, ms: number): number {
  const excess = entry.excess - Math.floor((state.rate * ms) / 1000) + 1000;
  return excess < 0 ? 0 : excess;
}

const excessAt = (state: ReqState, entry: Entry, nowMs: number): number =>
  excessAfter(state, entry, passedMs(entry, nowMs));

function lookAt(state: ReqState, by: number, entry: Entry): void {
  // A record of its end was lost.
  const before = state.looking.get(by);
  if (before !== undefined) before.looks--;
  entry.looks++;
  state.looking.set(by, entry);
}

function unlook(state: ReqState, by: number, entry: Entry): void {
  entry.looks--;
  state.looking.delete(by);
}

/** A new key. One or two that are long over make room for it each time; by force the oldest if there is none. */
function make(state: ReqState, { key, size, atMs }: ZoneRecord): Entry | null {
  const bytes = NODE_BYTES + size;
  expire(state, atMs, 1);
  let page = state.slab.take(bytes);
  if (page < 0) {
    expire(state, atMs, 0);
    page = state.slab.take(bytes);
    if (page < 0) return null;
  }
  const entry: Entry = { key, size, page, lastMs: 0, excess: 0, looks: 0, newer: null, older: null };
  state.entries.set(key, entry);
  insert(state, entry);
  return entry;
}

function expire(state: ReqState, nowMs: number, first: 0 | 1): void {
  for (let n = first; n < 3; n++) {
    const entry = state.oldest;
    if (entry === null || entry.looks > 0) return;
    if (n > 0) {
      const ms = Math.abs(nowMs - entry.lastMs);
      if (ms < KEPT_MS || entry.excess - Math.floor((state.rate * ms) / 1000) > 0) return;
    }
    unlink(state, entry);
    state.entries.delete(entry.key);
    state.slab.give(entry.page);
  }
}

function bump(state: ReqState, entry: Entry): void {
  if (state.newest === entry) return;
  unlink(state, entry);
  insert(state, entry);
}

function insert(state: ReqState, entry: Entry): void {
  entry.older = state.newest;
  entry.newer = null;
  if (state.newest === null) state.oldest = entry;
  else state.newest.newer = entry;
  state.newest = entry;
}

function unlink(state: ReqState, entry: Entry): void {
  if (entry.newer === null) state.newest = entry.older;
  else entry.newer.older = entry.older;
  if (entry.older === null) state.oldest = entry.newer;
  else entry.older.newer = entry.newer;
}

type Dumped = readonly [
  key: string,
  size: number,
  page: number,
  lastMs: number,
  excess: number,
  looks: number,
];

interface ReqDump {
  readonly bytes: number;
  readonly rate: number;
  readonly slab: ReturnType<Slab['dump']>;
  /** From the oldest. */
  readonly entries: readonly Dumped[];
  readonly looking: readonly (readonly [process: number, key: string])[];
}

function dump(state: ReqState): Buffer {
  const entries: Dumped[] = [];
  for (let e = state.oldest; e !== null; e = e.newer)
    entries.push([e.key, e.size, e.page, e.lastMs, e.excess, e.looks]);
  const looking = [...state.looking].map(([process, { key }]): [number, string] => [process, key]);
  const whole: ReqDump = {
    bytes: state.bytes,
    rate: state.rate,
    slab: state.slab.dump(),
    entries,
    looking,
  };
  return Buffer.from(JSON.stringify(whole));
}

function load(bytes: Buffer): ReqState {
  const whole = JSON.parse(bytes.toString()) as ReqDump;
  const state = emptyState(whole.bytes, whole.rate);
  state.slab.restore(whole.slab);
  for (const [key, size, page, lastMs, excess, looks] of whole.entries) {
    const entry: Entry = { key, size, page, lastMs, excess, looks, newer: null, older: null };
    state.entries.set(key, entry);
    insert(state, entry);
  }
  for (const [process, key] of whole.looking) {
    const entry = state.entries.get(key);
    if (entry !== undefined) state.looking.set(process, entry);
  }
  return state;
}
