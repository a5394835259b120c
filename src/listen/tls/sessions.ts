// Sessions that clients come back with by their number (ssl_session_cache): where they are kept. Node's own cache keeps none.

/** A zone of ssl_session_cache. */
export interface Zone {
  readonly name: string;
  readonly bytes: number;
}

export interface SessionStore {
  /** Undefined where it is not kept, or no longer. */
  find(zone: Zone, id: Buffer): Buffer | undefined;
  keep(zone: Zone, id: Buffer, session: Buffer, lifeMs: number): void;
}

interface Kept {
  readonly session: Buffer;
  readonly until: number;
}

/** In the memory of this process; the oldest give way. */
export class MemorySessions implements SessionStore {
  readonly #max: number;
  readonly #sessions = new Map<string, Kept>();

  constructor(max: number) {
    this.#max = max;
  }

  find(zone: Zone, id: Buffer): Buffer | undefined {
    const kept = this.#sessions.get(keyOf(zone, id));
    return kept === undefined || kept.until < Date.now() ? undefined : kept.session;
  }

  keep(zone: Zone, id: Buffer, session: Buffer, lifeMs: number): void {
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= this.#max && oldest !== undefined) this.#sessions.delete(oldest);
    this.#sessions.set(keyOf(zone, id), { session, until: Date.now() + lifeMs });
  }
}

const keyOf = (zone: Zone, id: Buffer): string => `${id.latin1Slice()} ${zone.name}`;
