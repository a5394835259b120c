// Zones as the shared log names them, and their records in its form.
import { machineNow } from '../shared/clock.ts';
import { type Question, ZONE_ID_BYTES, type Zone } from '../zones/zone.ts';
import type { ZoneRecord } from '../zones/zone-kind.ts';
import type { LogEntry, LogRecord } from './shared-log.ts';

/** From here on a record's word is one of a zone. */
const ZONE_WORDS = 128;
/** The last word is the log's own. */
const ZONE_WORDS_END = 200;

export class ZoneIndex {
  readonly #zones = new Map<string, Zone>();

  get all(): Iterable<Zone> {
    return this.#zones.values();
  }

  add(zone: Zone): void {
    this.#zones.set(zone.id, zone);
  }

  remove(zone: Zone): void {
    if (this.has(zone)) this.#zones.delete(zone.id);
  }

  has(zone: Zone): boolean {
    return this.#zones.get(zone.id) === zone;
  }

  get(id: string): Zone | undefined {
    return this.#zones.get(id);
  }

  isAbout({ word }: LogRecord): boolean {
    return word >= ZONE_WORDS && word < ZONE_WORDS_END;
  }

  apply({ word, by, key, count, extra, atMs }: LogRecord): number {
    const zone = this.#zones.get(key.slice(0, ZONE_ID_BYTES));
    if (zone === undefined) return 0;
    return zone.apply({
      op: word - ZONE_WORDS,
      by,
      atMs,
      amount: count,
      size: extra,
      key: key.slice(ZONE_ID_BYTES),
    });
  }
}

/** What is asked now. */
export function entryOf({ id }: Zone, { op, key, size, amount }: Question): LogEntry {
  return { word: ZONE_WORDS + op, key: id + key, count: amount, extra: size, atMs: machineNow() };
}

/** What was so at its time. */
export function pastEntryOf(zone: Zone, record: ZoneRecord): LogEntry {
  return { ...entryOf(zone, record), atMs: record.atMs };
}
