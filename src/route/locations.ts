// Finds the location of a URI by nginx's rules: exact; else the longest prefix, nested ones inside it; regular expressions in their
// order unless the prefix says ^~. Cost: one map look-up per distinct prefix length.
import type { LocationMatch } from '../config/model.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { matches, type Pattern, patternOf } from './pattern.ts';
import { toBytes } from './template.ts';

export interface LocationEntry<T> {
  readonly match: LocationMatch;
  readonly value: T;
  readonly locations: readonly LocationEntry<T>[];
}

/** The location's value, or undefined; captures of a regular expression are the exchange's then. */
export type LocationFinder<T> = (uri: string, exchange: Exchange) => T | undefined;

interface Prefix<T> {
  readonly value: T;
  readonly final: boolean;
  readonly nested: Level<T> | null;
}

interface Level<T> {
  readonly exact: ReadonlyMap<string, T>;
  readonly prefixes: ReadonlyMap<string, Prefix<T>>;
  /** Lengths of the prefixes, longest first. */
  readonly lengths: readonly number[];
  readonly patterns: readonly {
    readonly pattern: Pattern;
    readonly value: T;
    readonly nested: Level<T> | null;
  }[];
}

export function createLocationFinder<T>(entries: readonly LocationEntry<T>[]): LocationFinder<T> {
  const level = createLevel(entries);
  if (level === null) return () => undefined;
  const flat = level.patterns.length === 0 && [...level.prefixes.values()].every((p) => p.nested === null);
  if (flat)
    return (uri) => (level.exact.size > 0 ? level.exact.get(uri) : undefined) ?? longest(level, uri)?.value;
  return (uri, exchange) => search(level, uri, exchange).value;
}

function createLevel<T>(entries: readonly LocationEntry<T>[]): Level<T> | null {
  if (entries.length === 0) return null;
  const exact = new Map<string, T>();
  const prefixes = new Map<string, Prefix<T>>();
  const patterns: { pattern: Pattern; value: T; nested: Level<T> | null }[] = [];
  for (const { match, value, locations } of entries) {
    const nested = createLevel(locations);
    if (match.kind === 'named' || match.kind === 'limit_except') continue;
    const text = toBytes(match.text);
    if (match.kind === 'regex')
      patterns.push({ pattern: patternOf(match.text, match.caseless), value, nested });
    else if (match.kind === 'exact') exact.set(text, value);
    else prefixes.set(text, { value, final: match.kind === 'prefix-final', nested });
  }
  const lengths = [...new Set([...prefixes.keys()].map((p) => p.length))].sort((a, b) => b - a);
  return { exact, prefixes, lengths, patterns };
}

/** What a search came to: `settled` = no regular expression of an outer level may override it. */
interface Found<T> {
  readonly value: T | undefined;
  readonly settled: boolean;
}

function search<T>(level: Level<T>, uri: string, exchange: Exchange): Found<T> {
  const exact = level.exact.size > 0 ? level.exact.get(uri) : undefined;
  if (exact !== undefined) return { value: exact, settled: true };
  const prefix = longest(level, uri);
  let value = prefix?.value;
  if (prefix?.nested) {
    const inner = search(prefix.nested, uri, exchange);
    if (inner.settled) return inner;
    value = inner.value ?? value;
  }
  if (prefix?.final !== true) {
    for (const { pattern, value: own, nested } of level.patterns) {
      if (!matches(exchange, pattern, uri)) continue;
      const inner = nested === null ? undefined : search(nested, uri, exchange).value;
      return { value: inner ?? own, settled: true };
    }
  }
  return { value, settled: false };
}

function longest<T>(level: Level<T>, uri: string): Prefix<T> | undefined {
  for (const length of level.lengths) {
    if (length > uri.length) continue;
    const prefix = level.prefixes.get(length === uri.length ? uri : uri.slice(0, length));
    if (prefix !== undefined) return prefix;
  }
  return undefined;
}
