// All caches of one configuration. Those that are the same as before a reload go on.
import { CachePlace, type CacheSpec } from './place.ts';
import { Tending } from './tending.ts';

interface Tended {
  readonly place: CachePlace;
  readonly tending: Tending;
}

export class CacheSet {
  readonly #byName = new Map<string, Tended>();
  #previous: CacheSet | null;

  constructor(specs: readonly CacheSpec[], previous: CacheSet | null) {
    this.#previous = previous;
    for (const spec of specs) {
      const before = previous === null ? undefined : previous.#byName.get(spec.name);
      const isSame = before !== undefined && identityOf(before.place.spec) === identityOf(spec);
      this.#byName.set(spec.name, isSame ? before : tended(spec));
    }
  }

  of(name: string): CachePlace | undefined {
    return this.#byName.get(name)?.place;
  }

  /** This set is replaced, or was made in vain: what the other one has not goes. */
  retire(other: CacheSet | null): void {
    const kept = new Set(other === null ? [] : other.#byName.values());
    for (const own of this.#byName.values()) if (!kept.has(own)) own.tending.stop();
    if (other !== null) other.#previous = null;
  }

  /** It will not be used: the one before it goes on. */
  discard(): void {
    this.retire(this.#previous);
  }
}

function tended(spec: CacheSpec): Tended {
  const place = new CachePlace(spec);
  return { place, tending: new Tending(place) };
}

function identityOf({ at: _at, maxBytes, ...spec }: CacheSpec): string {
  return JSON.stringify([spec, String(maxBytes)]);
}
