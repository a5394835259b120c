// A cache as explain reads it: what is stored answers, and nothing of it changes, not even its times.
import { statSync } from 'node:fs';
import { type Entry, openEntry } from '../cache/entry.ts';
import type { HeldLock } from '../cache/lock.ts';
import { CachePlace, USES } from '../cache/place.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { CacheOptions } from '../forward/cache/options.ts';

class DryPlace extends CachePlace {
  override open(path: string): Entry | null {
    return openEntry(path);
  }

  override use(path: string): number {
    const uses = statSync(path + USES, { throwIfNoEntry: false })?.size ?? 0;
    return uses + 1;
  }

  override lock(path: string): HeldLock {
    return { path, text: '' };
  }

  override unlock(): void {}
}

/** The same, from places that are only read. */
export function readOnly(cache: CacheOptions): CacheOptions {
  const places = new WeakMap<CachePlace, DryPlace>();
  const placeOf = (x: Exchange): ReturnType<CacheOptions['placeOf']> => {
    const place = cache.placeOf(x);
    if (place === null || place === undefined) return place;
    const dry = places.get(place) ?? new DryPlace(place.spec);
    places.set(place, dry);
    return dry;
  };
  return { ...cache, placeOf };
}
