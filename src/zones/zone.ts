// A zone at run time: its state, which this process folds alone or along one log with others, and who is asked what becomes of a request.

import { machineNow } from '../shared/clock.ts';
import { sha256 } from '../shared/sha256.ts';
import { limitConnKind } from './limit-conn-zone.ts';
import { limitReqKind } from './limit-req-zone.ts';
import type { ZoneKind, ZoneKindName, ZoneRecord, ZoneSpec } from './zone-kind.ts';

const KINDS: Readonly<Record<ZoneKindName, ZoneKind<unknown>>> = {
  limit_req: limitReqKind,
  limit_conn: limitConnKind,
};

/** What a process asks of a zone; the rest of the record is who asks, and when. */
export type Question = Pick<ZoneRecord, 'op' | 'key' | 'size' | 'amount'>;

/** Puts a question among those of all acceptors, in one order for all; the answer is the fold's. */
export interface ZoneSharing {
  ask(zone: Zone, question: Question): number;
}

/** Bytes of a zone's name in records. */
export const ZONE_ID_BYTES = 8;

export class Zone {
  spec: ZoneSpec;
  /** The same in all processes. */
  readonly id: string;
  sharing: ZoneSharing | null = null;
  readonly #kind: ZoneKind<unknown>;
  /** What it is while nobody shares it. */
  #own: unknown;
  /** What the log says of it; null where the log says nothing. */
  #common: unknown = null;

  constructor(spec: ZoneSpec) {
    this.spec = spec;
    this.id = zoneId(spec);
    this.#kind = KINDS[spec.kind];
    this.#own = this.#kind.empty(spec);
  }

  /** A decision. On the request path. */
  ask(question: Question): number {
    const { sharing } = this;
    if (sharing !== null) return sharing.ask(this, question);
    return this.#kind.apply(this.#own, { ...question, by: ALONE, atMs: machineNow() });
  }

  /** From now on the log is about it, though this process may still act alone. */
  follow(): void {
    this.#common ??= this.#kind.empty(this.spec);
  }

  unfollow(): void {
    this.#common = null;
  }

  /** The log tells. */
  apply(record: ZoneRecord): number {
    return this.#common === null ? 0 : this.#kind.apply(this.#common, record);
  }

  drop(process: number): void {
    if (this.#common !== null) this.#kind.drop(this.#common, (one) => one === process);
  }

  /** From now on others share it; what this process alone knew, as records that tell them. */
  share(sharing: ZoneSharing, self: number): ZoneRecord[] {
    this.follow();
    const told = this.#kind.tell(this.#own, self, machineNow());
    this.sharing = sharing;
    // Nobody looks at it any more.
    this.#own = null;
    return told;
  }

  /** From now on this process acts alone: the others have ended, or do not know the zone. */
  keepAlone(self: number): void {
    if (this.sharing !== null) {
      this.sharing = null;
      const known = this.#common ?? this.#kind.empty(this.spec);
      const alone = this.#kind.empty(this.spec);
      this.#kind.drop(known, (process) => process !== self);
      for (const record of this.#kind.tell(known, ALONE, machineNow())) this.#kind.apply(alone, record);
      this.#own = alone;
    }
    this.unfollow();
  }

  /** What this process has under way, once more: records about it were lost. */
  held(self: number): ZoneRecord[] {
    return this.#common === null ? [] : this.#kind.tellHeld(this.#common, self);
  }

  /** A question that makes the state what `spec` says; null where it is. */
  tune(spec: ZoneSpec): Question | null {
    const change = this.#kind.tune(this.#common ?? this.#own, spec);
    return change === null ? null : { ...change, key: '', size: 0 };
  }

  /** The common state for one who joins. */
  dump(): Buffer {
    return this.#kind.dump(this.#common ?? this.#kind.empty(this.spec));
  }

  load(bytes: Buffer): void {
    this.#common = this.#kind.load(bytes);
  }
}

/** How a process that acts alone signs. */
const ALONE = 0;

function zoneId({ kind, name, bytes, key }: ZoneSpec): string {
  const identity = JSON.stringify([kind, name, bytes, key]);
  return sha256(identity).latin1Slice(0, ZONE_ID_BYTES);
}

/** The zones of a configuration; those that mean the same are those of the one before. */
export class ZoneSet {
  readonly all: readonly Zone[];
  readonly #specs: ReadonlyMap<Zone, ZoneSpec>;

  constructor(specs: readonly ZoneSpec[], previous: ZoneSet | null) {
    const before = new Map(previous?.all.map((zone) => [zone.id, zone]));
    this.#specs = new Map(specs.map((spec) => [before.get(zoneId(spec)) ?? new Zone(spec), spec]));
    this.all = [...this.#specs.keys()];
  }

  of(kind: ZoneKindName, name: string): Zone | undefined {
    return this.all.find(({ spec }) => spec.kind === kind && spec.name === name);
  }

  specOf(zone: Zone): ZoneSpec {
    return this.#specs.get(zone) ?? zone.spec;
  }
}
