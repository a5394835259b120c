// The head's half of sub_filter: which answers are worked on, and what becomes of their fields (ngx_http_sub_header_filter).
import { TypeSet } from '../../answer/content-type.ts';
import type { Exchange, Filter } from '../../exchange/exchange.ts';
import { JOIN, PASS } from '../../exchange/slots.ts';
import { compileTemplate, constantOf, type VariableLookup } from '../../route/template.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { Matcher } from './matcher.ts';
import { MAX_STRINGS, type SubEntry } from './rows.ts';
import { SubLink, type Substitution } from './sub-link.ts';

export const SUB: Feature = { name: 'sub', filter: createSubFilter };

function createSubFilter({ settings, lookup }: FeaturePlace): Filter | null {
  const { subFilters, subFilterOnce: once, subFilterLastModified: dated } = settings;
  if (subFilters.length === 0) return null;
  const types = new TypeSet(settings.subFilterTypes);
  const of = compileSubstitution(subFilters.slice(0, MAX_STRINGS), once, lookup);
  return {
    slot: 'sub',
    head(x, head) {
      if (head.length === 0 || !types.has(head) || of(x) === null) return PASS;
      if (!x.isSub) {
        head.length = -1;
        head.seek = null;
        head.segments = null;
        if (dated) head.weakenTag();
        else {
          head.remove('last-modified');
          head.dropTag();
        }
      }
      return JOIN;
    },
    join: (x, next) => new SubLink(x, next, of(x) ?? NONE),
  };
}

const NONE: Substitution = { matcher: new Matcher(['\0']), values: [], once: true };

/** What an exchange's answer is searched for; null = nothing. */
function compileSubstitution(
  entries: readonly SubEntry[],
  once: boolean,
  lookup: VariableLookup,
): (x: Exchange) => Substitution | null {
  const values = entries.map(({ value }) => compileValue(value, lookup));
  const constants = entries.map(({ match }) => constantOf(match));
  if (constants.every((text) => text !== undefined)) {
    const substitution = { matcher: new Matcher(constants), values, once };
    return () => substitution;
  }
  const matches = entries.map(({ match }) => compileTemplate(match, lookup));
  return (x) => {
    const strings = matches.map((match) => match(x));
    const kept = strings.flatMap((text, i) => (text === '' ? [] : [i]));
    if (kept.length === 0) return null;
    return { matcher: new Matcher(kept.map((i) => strings[i])), values: kept.map((i) => values[i]), once };
  };
}

function compileValue(value: string, lookup: VariableLookup): (x: Exchange) => Buffer {
  const constant = constantOf(value);
  if (constant !== undefined) {
    const bytes = Buffer.from(constant, 'latin1');
    return () => bytes;
  }
  const text = compileTemplate(value, lookup);
  return (x) => Buffer.from(text(x), 'latin1');
}
