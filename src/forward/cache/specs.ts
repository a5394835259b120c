// The caches that a configuration has, of whichever family of peers.
import type { CacheSpec } from '../../cache/place.ts';
import type { Settings } from '../../config/model.ts';
import { toBytes } from '../../route/template.ts';
import { FAMILIES } from '../family/rows.ts';

export function cacheSpecs(settings: Settings): CacheSpec[] {
  return FAMILIES.flatMap((family) => settings[`${family}CachePath`]).map(({ name, maxBytes, ...entry }) => ({
    ...entry,
    name: toBytes(name),
    maxBytes: maxBytes < 0 ? Number.POSITIVE_INFINITY : maxBytes,
  }));
}
