// In an acceptor that has company: its zones, agreed with the others along the shared log.
import type { Question, Zone, ZoneSet, ZoneSharing } from '../zones/zone.ts';
import type { ZoneState } from './messages.ts';
import type { SharedLog } from './shared-log.ts';
import { entryOf, pastEntryOf, ZoneIndex } from './zone-index.ts';

/** Who has nothing to do reads the log so often: what the others wrote meanwhile is never much. */
const IDLE_MS = 50;

export class AcceptorZones implements ZoneSharing {
  readonly index = new ZoneIndex();
  readonly #self: number;
  readonly #log: SharedLog;
  /** Applies what was written so far, about what is known now. */
  readonly #read: () => void;
  #inUse: ReadonlySet<Zone> = new Set();
  #timer: NodeJS.Timeout | null = null;

  constructor(self: number, log: SharedLog, read: () => void) {
    this.#self = self;
    this.#log = log;
    this.#read = read;
  }

  /** The log may be about them from now on. */
  prepare({ all }: ZoneSet): void {
    this.#read();
    for (const zone of all) {
      zone.follow();
      this.index.add(zone);
    }
  }

  /** What the others have made of them, for a process that joins. */
  load({ all }: ZoneSet, states: readonly ZoneState[]): void {
    const byId = new Map(states.map(({ id, state }) => [id, state]));
    for (const zone of all) {
      const state = byId.get(zone.id);
      if (state !== undefined) zone.load(Buffer.from(state, 'base64'));
    }
  }

  /** These are in use now, shared with others or not; those before are forgotten. */
  use(zones: ZoneSet, shared: boolean): void {
    this.#read();
    const inUse = new Set(zones.all);
    for (const zone of new Set([...this.index.all, ...this.#inUse])) {
      if (inUse.has(zone) && shared) continue;
      zone.keepAlone(this.#self);
      this.index.remove(zone);
    }
    for (const zone of zones.all) {
      // The rate of a shared one is told by the primary, to all at once.
      if (!shared) tuneAlone(zone, zones);
      else if (zone.sharing !== this) this.#share(zone);
      zone.spec = zones.specOf(zone);
    }
    this.#inUse = inUse;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = shared && inUse.size > 0 ? setInterval(this.#read, IDLE_MS).unref() : null;
  }

  #share(zone: Zone): void {
    this.index.add(zone);
    const told = zone.share(this, this.#self);
    // Of a zone that is new here others may have news already, and this process has none.
    if (this.#inUse.has(zone)) for (const record of told) this.#log.put(pastEntryOf(zone, record));
  }

  /** Forgets zones that were prepared in vain. */
  discard({ all }: ZoneSet): void {
    this.#read();
    for (const zone of all) {
      if (zone.sharing !== null) continue;
      zone.unfollow();
      this.index.remove(zone);
    }
  }

  /** What this process has under way, after all it had was taken back. */
  heldEntries(): ReturnType<typeof entryOf>[] {
    return [...this.index.all].flatMap((zone) =>
      zone.held(this.#self).map((record) => entryOf(zone, record)),
    );
  }

  ask(zone: Zone, question: Question): number {
    return this.#log.put(entryOf(zone, question));
  }
}

function tuneAlone(zone: Zone, zones: ZoneSet): void {
  const change = zone.tune(zones.specOf(zone));
  if (change !== null) zone.ask(change);
}
