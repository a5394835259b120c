// What a location with a cache is compiled to.
import type { IfModifiedSince } from '../../answer/preconditions.ts';
import type { CacheSet } from '../../cache/cache-set.ts';
import type { CachePlace } from '../../cache/place.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { compileTemplate, constantOf, toBytes, type VariableLookup } from '../../route/template.ts';
import type { FamilyKeys } from '../family/rows.ts';
import type { StaleWord } from './rows.ts';

type Text = (x: Exchange) => string;

export interface CacheOptions {
  /** undefined: there is none of the name that variables gave; null: none is asked. */
  readonly placeOf: (x: Exchange) => CachePlace | null | undefined;
  readonly key: Text;
  /** Sets what variables of the key tell of the target. */
  readonly nameTarget: (x: Exchange) => void;
  readonly methods: ReadonlySet<string>;
  readonly bypass: readonly Text[];
  readonly noCache: readonly Text[];
  /** Seconds; 0 = it is not stored. */
  readonly validFor: (status: number) => number;
  readonly useStale: ReadonlySet<StaleWord>;
  readonly minUses: number;
  /** null = requests do not wait for each other. */
  readonly lock: { readonly timeoutMs: number; readonly ageMs: number } | null;
  readonly revalidates: boolean;
  readonly updatesBeside: boolean;
  readonly convertsHead: boolean;
  /** -1 = no bound. */
  readonly maxRangeOffset: number;
  readonly forcesRanges: boolean;
  readonly maxRanges: number;
  readonly ifModifiedSince: IfModifiedSince;
}

/** What only the family's compiler knows. */
export interface CacheTarget {
  /** The usual key. */
  readonly key: Text;
  /** Sets what variables of the key tell of the target. */
  readonly nameTarget: (x: Exchange) => void;
}

interface Ranges {
  readonly maxRanges: number;
  readonly ifModifiedSince: IfModifiedSince;
}

/** null where the location has no cache. */
export function compileCache(
  own: FamilyKeys,
  ranges: Ranges,
  target: CacheTarget,
  { lookup, caches }: { readonly lookup: VariableLookup; readonly caches: CacheSet },
): CacheOptions | null {
  if (own.Cache === null) return null;
  const texts = (lists: readonly (readonly string[])[]): Text[] =>
    lists.flat().map((template) => compileTemplate(template, lookup));
  const { zone } = own.Cache;
  const constant = constantOf(zone);
  const name = compileTemplate(zone, lookup);
  const only = constant === undefined ? undefined : caches.of(toBytes(constant));
  return {
    placeOf: constant === undefined ? (x) => placeNamed(name(x), caches) : () => only,
    key: own.CacheKey === null ? target.key : compileTemplate(own.CacheKey, lookup),
    nameTarget: target.nameTarget,
    methods: new Set(['GET', 'HEAD', ...own.CacheMethods]),
    bypass: texts(own.CacheBypass),
    noCache: texts(own.NoCache),
    validFor: (status) => {
      const entry = own.CacheValid.find(({ statuses }) => statuses.includes(0) || statuses.includes(status));
      return Math.ceil((entry?.ms ?? 0) / 1000);
    },
    useStale: new Set(own.CacheUseStale.includes('off') ? [] : own.CacheUseStale),
    minUses: own.CacheMinUses,
    lock: own.CacheLock ? { timeoutMs: own.CacheLockTimeoutMs, ageMs: own.CacheLockAgeMs } : null,
    revalidates: own.CacheRevalidate,
    updatesBeside: own.CacheBackgroundUpdate,
    convertsHead: own.CacheConvertHead,
    maxRangeOffset: own.CacheMaxRangeOffset,
    forcesRanges: own.ForceRanges,
    maxRanges: ranges.maxRanges,
    ifModifiedSince: ranges.ifModifiedSince,
  };
}

function placeNamed(name: string, caches: CacheSet): CachePlace | null | undefined {
  return name === '' || name === 'off' ? null : caches.of(name);
}

/** Any that is neither empty nor 0 (ngx_http_test_predicates). */
export function anyHolds(texts: readonly Text[], x: Exchange): boolean {
  return texts.some((text) => {
    const value = text(x);
    return value !== '' && value !== '0';
  });
}
