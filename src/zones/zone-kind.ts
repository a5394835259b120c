// What a zone is: a state that all acceptors have, and a pure fold over records that all of them read in one order. Whoever applies the
// same records to the same state has the same state after it, and the same answer; no clock, no chance, no look at anything else.

/** What `*_zone` says of a zone. Zones of one kind, name, size and key are the same one over a reload. */
export interface ZoneSpec {
  readonly kind: ZoneKindName;
  readonly name: string;
  /** What nginx would give it; so many entries fit. */
  readonly bytes: number;
  /** The key as it was written: a template. */
  readonly key: string;
  /** Of `limit_req`: thousandths of a request a second. 0 for others. */
  readonly rate: number;
}

export type ZoneKindName = 'limit_req' | 'limit_conn';

/** One event in a zone. */
export interface ZoneRecord {
  /** What happened, in the words of its kind. */
  readonly op: number;
  /** The process that wrote it. */
  readonly by: number;
  /** Whole milliseconds of the machine's monotonic clock. */
  readonly atMs: number;
  /** A number that the word needs: a limit, a count. At most 32 bits. */
  readonly amount: number;
  /** Bytes of the key itself. */
  readonly size: number;
  /** See `zoneKey`. */
  readonly key: string;
}

export interface ZoneKind<S> {
  empty(spec: ZoneSpec): S;
  /** Changes the state in place; what it answers is for the one who wrote the record. */
  apply(state: S, record: ZoneRecord): number;
  /** These processes have ended: gives back what they held. */
  drop(state: S, gone: (process: number) => boolean): void;
  /** Records, to be written by the process `by`, that make of an empty state one that means the same from now on. */
  tell(state: S, by: number, nowMs: number): ZoneRecord[];
  /** As `tell`, only what the process itself holds. */
  tellHeld(state: S, by: number): ZoneRecord[];
  /** The record that makes the state what a changed configuration says; null where it is. */
  tune(state: S, spec: ZoneSpec): Pick<ZoneRecord, 'op' | 'amount'> | null;
  dump(state: S): Buffer;
  load(bytes: Buffer): S;
}
