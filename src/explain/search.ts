// Why the search for a location came to its result, and which others lost. What it came to is the road's own word.
import type { LocationMatch, LocationModel } from '../config/model.ts';
import type { LocationEntry } from '../route/locations.ts';
import { patternOf } from '../route/pattern.ts';
import { toBytes } from '../route/template.ts';
import type { LostLocation } from './trail.ts';

export interface SearchResult {
  /** As it is written; '' = none. */
  readonly location: string;
  readonly at: string;
  readonly why: string;
  readonly lost: readonly LostLocation[];
  readonly unmatched: number;
}

type Entries<T> = readonly LocationEntry<T>[];
type ModelOf<T> = (value: T) => LocationModel | undefined;

const SIGNS: Readonly<Record<LocationMatch['kind'], string>> = {
  prefix: '',
  exact: '= ',
  'prefix-final': '^~ ',
  regex: '~ ',
  named: '',
  limit_except: '',
};

/** `location ~* \.png$` */
export function written(match: LocationMatch): string {
  if (match.kind === 'limit_except') return `limit_except ${match.methods.join(' ')}`;
  const sign = match.kind === 'regex' && match.caseless ? '~* ' : SIGNS[match.kind];
  return `location ${sign}${match.text}`;
}

/** A location that fits the URI by itself. */
interface Candidate<T> {
  readonly entry: LocationEntry<T>;
  readonly depth: number;
  /** Its place in the order of search, within its level. */
  readonly order: number;
}

/** `found`: what the road's own search gave, undefined = no location. */
export function explainSearch<T>(
  locations: Entries<T>,
  uri: string,
  found: T | undefined,
  modelOf: ModelOf<T>,
): SearchResult {
  const candidates: Candidate<T>[] = [];
  const unmatched = collect(locations, uri, 0, candidates);
  const chosen = candidates.find(({ entry }) => entry.value === found);
  const lost = candidates
    .filter((one) => one !== chosen)
    .map((one) => ({ ...nameOf(one, modelOf), why: whyLost(one, chosen) }));
  if (chosen === undefined) return { location: '', at: '', why: 'no location fits', lost, unmatched };
  const source = modelOf(chosen.entry.value);
  const why =
    source !== undefined && source.match !== chosen.entry.match
      ? `made of "${written(source.match)}", which forwards: the slash is added`
      : whyChosen(chosen, candidates, unmatched);
  return { ...nameOf(chosen, modelOf), why, lost, unmatched };
}

function nameOf<T>({ entry }: Candidate<T>, modelOf: ModelOf<T>): { location: string; at: string } {
  return { location: written(entry.match), at: modelOf(entry.value)?.at ?? '' };
}

/** Those that fit, with the inner ones of each; gives how many regular expressions do not. */
function collect<T>(locations: Entries<T>, uri: string, depth: number, into: Candidate<T>[]): number {
  let unmatched = 0;
  for (const [order, entry] of locations.entries()) {
    if (fits(entry.match, uri)) {
      into.push({ entry, depth, order });
      unmatched += collect(entry.locations, uri, depth + 1, into);
    } else if (entry.match.kind === 'regex') unmatched++;
  }
  return unmatched;
}

function fits(match: LocationMatch, uri: string): boolean {
  switch (match.kind) {
    case 'exact':
      return uri === toBytes(match.text);
    case 'prefix':
    case 'prefix-final':
      return uri.startsWith(toBytes(match.text));
    case 'regex':
      return patternOf(match.text, match.caseless).exec(uri) !== null;
    default:
      return false;
  }
}

function whyChosen<T>(
  { entry: { match }, depth }: Candidate<T>,
  candidates: readonly Candidate<T>[],
  unmatched: number,
): string {
  const inner = depth > 0 ? ', inside of the one that fits' : '';
  const patterns = unmatched > 0 || candidates.some(({ entry }) => entry.match.kind === 'regex');
  switch (match.kind) {
    case 'exact':
      return `exact: nothing else is looked at${inner}`;
    case 'regex':
      return `the first regular expression that matches${inner}`;
    case 'prefix-final':
      return `the longest prefix, and ^~ keeps regular expressions away${inner}`;
    default:
      return `the longest prefix${patterns ? ', and no regular expression matches' : ''}${inner}`;
  }
}

function whyLost<T>(
  { entry: { match }, depth, order }: Candidate<T>,
  chosen: Candidate<T> | undefined,
): string {
  if (chosen === undefined) return 'an outer location came first';
  const winner = chosen.entry.match;
  if (chosen.depth > depth) return 'a location inside of it, or of another, is more specific';
  if (match.kind === 'regex') {
    if (winner.kind === 'exact') return 'not tried: "=" comes first';
    if (winner.kind === 'prefix-final') return 'not tried: "^~" keeps regular expressions away';
    if (winner.kind === 'regex')
      return order > chosen.order ? 'stands behind the one that matched' : 'its outer location lost';
    return 'its outer location lost';
  }
  if (winner.kind === 'exact') return '"=" comes before prefixes';
  if (winner.kind === 'regex') return 'a regular expression matches, which comes before a prefix without ^~';
  return 'a shorter prefix';
}
