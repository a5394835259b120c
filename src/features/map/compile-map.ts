// A map as the road asks it: one look-up in a table, then wildcards and regular expressions, if there are any.
import type { Exchange } from '../../exchange/exchange.ts';
import { matches, type Pattern, patternOf } from '../../route/pattern.ts';
import { compileTemplate, type Getter, toBytes, type VariableLookup } from '../../route/template.ts';
import { lowerCase } from './host-key.ts';
import { HostTree } from './host-tree.ts';
import type { MapModel } from './rows.ts';

/** A text, or what makes one of the exchange. */
type Value = string | ((exchange: Exchange) => string);

export function compileMap(model: MapModel, lookup: VariableLookup): Getter {
  const valueFor = createValues(lookup);
  const source = compileTemplate(model.source, lookup);
  const fallback = valueFor(model.fallback);
  const exact = new Map(model.exact.map(([key, value]) => [toBytes(key), valueFor(value)]));
  const more = compileMore(model, valueFor);
  if (more === null) {
    return (x) => {
      const value = exact.get(lowerCase(source(x))) ?? fallback;
      return typeof value === 'string' ? value : value(x);
    };
  }
  const { hostnames } = model;
  return (x) => {
    let text = source(x);
    if (hostnames && text.endsWith('.')) text = text.slice(0, -1);
    const low = lowerCase(text);
    const value = exact.get(low) ?? more(x, text, low) ?? fallback;
    return typeof value === 'string' ? value : value(x);
  };
}

/** Equal templates are one: many lines have few values. */
function createValues(lookup: VariableLookup): (template: string) => Value {
  const known = new Map<string, Value>();
  return (template) => {
    const value =
      known.get(template) ?? (template.includes('$') ? compileTemplate(template, lookup) : toBytes(template));
    known.set(template, value);
    return value;
  };
}

type Find = (exchange: Exchange, text: string, low: string) => Value | undefined;

/** What is asked where no key is the text itself; null when there is nothing. The empty text is nothing to any of it. */
function compileMore(model: MapModel, valueFor: (template: string) => Value): Find | null {
  const { hostnames, regexes } = model;
  if (!hostnames && regexes.length === 0) return null;
  const names = new HostTree<Value>();
  for (const [name, value] of model.suffixes) names.addSuffix(toBytes(name), valueFor(value), false);
  for (const [name, value] of model.domains) names.addSuffix(toBytes(name), valueFor(value), true);
  for (const [name, value] of model.prefixes) names.addPrefix(toBytes(name), valueFor(value));
  const patterns = regexes.map(({ pattern, caseless, value }) => ({
    pattern: patternOf(pattern, caseless),
    value: valueFor(value),
  }));
  return (x, text, low) => {
    if (text === '') return undefined;
    return names.find(low) ?? firstMatch(x, patterns, text);
  };
}

function firstMatch(
  x: Exchange,
  patterns: readonly { readonly pattern: Pattern; readonly value: Value }[],
  text: string,
): Value | undefined {
  for (const { pattern, value } of patterns) if (matches(x, pattern, text)) return value;
  return undefined;
}
