// What only the whole Model shows of caches: names that do not exist or are given twice, a key that is missing, what cannot stand together.
import { FAMILIES, type Family } from '../forward/family/rows.ts';
import { levelsOf } from './levels.ts';
import type { Model, Settings } from './model.ts';
import { positionOf } from './places.ts';
import type { Problems } from './problem.ts';
import { setsItself } from './settings.ts';

/** Without one of them there is nothing to look for. */
export const CACHE_KEYS: readonly (keyof Settings)[] = FAMILIES.flatMap((family) => [
  `${family}Cache` as const,
  `${family}CachePath` as const,
]);

export function checkCaches(model: Model, problems: Problems): void {
  const names = new Map<string, string>();
  for (const { name, at } of FAMILIES.flatMap((family) => model.settings[`${family}CachePath`])) {
    const first = names.get(name);
    if (first !== undefined)
      problems.error(
        positionOf(at),
        `there is a cache "${name}" already, at ${first}; give this one another name`,
      );
    names.set(name, at);
  }
  const levels = model.servers.flatMap((server) => levelsOf(server, true).map(({ settings }) => settings));
  const told = new Set<string>();
  for (const settings of [model.settings, ...levels])
    for (const family of FAMILIES) {
      const problem = problemOf(settings, family, names);
      const at = settings[`${family}Cache`]?.at ?? '';
      if (problem === '' || told.has(at)) continue;
      told.add(at);
      problems.error(positionOf(at), problem);
    }
}

/** Passes of a family whose caches have no usual key. */
const OF_FAMILY = { fastcgi: /^fastcgi:/, uwsgi: /^s?uwsgi:/, scgi: /^scgi:/ } as const;

/** '' where all is well. */
function problemOf(settings: Settings, family: Family, names: ReadonlyMap<string, string>): string {
  const cache = settings[`${family}Cache`];
  if (cache === null) return '';
  const { zone } = cache;
  if (!zone.includes('$') && !names.has(zone) && setsItself(settings, `${family}Cache`))
    return `"${family}_cache" zone "${zone}" is unknown; add ${family}_cache_path with keys_zone=${zone}:10m to the http block`;
  const pass = setsItself(settings, 'proxyPass') ? settings.proxyPass : null;
  const goes = family !== 'proxy' && pass !== null && OF_FAMILY[family].test(pass.url);
  if (goes && settings[`${family}CacheKey`] === null)
    return `no "${family}_cache_key" for "${family}_cache"; write ${family}_cache_key "$scheme$host$request_uri"`;
  return setsItself(settings, `${family}Store`) &&
    settings[`${family}Store`] !== '' &&
    setsItself(settings, `${family}Cache`)
    ? `"${family}_cache" is incompatible with "${family}_store"; take one of them away`
    : '';
}
