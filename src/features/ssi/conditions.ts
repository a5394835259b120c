// The expressions of `if` and `elif`: text, text = text, text != text, and with /regular expressions/ (ngx_http_ssi_if).
import { compilePattern } from '../../route/pattern.ts';
import type { SsiShared } from './shared.ts';
import { evaluate, SsiError, type SsiLookup } from './strings.ts';

/** What may stand on the left; its letters have no case. */
const LEFT = /^[A-Za-z0-9${}_"']*/;

export function holds(expression: string, lookup: SsiLookup, shared: SsiShared): boolean {
  const [raw] = LEFT.exec(expression) ?? [''];
  const left = evaluate(raw.toLowerCase(), lookup);
  const rest = expression.slice(raw.length).replace(/^ +/, '');
  if (rest === '') return left !== '';
  const operator = /^!?=/.exec(rest);
  if (operator === null) throw new SsiError(`invalid expression in "${expression}"`);
  const right = rest.slice(operator[0].length).replace(/^ +/, '');
  return compare(left, right, expression, { lookup, shared }) === (operator[0] === '=');
}

interface Tools {
  readonly lookup: SsiLookup;
  readonly shared: SsiShared;
}

function compare(left: string, right: string, expression: string, { lookup, shared }: Tools): boolean {
  if (right.length > 1 && right.startsWith('/')) {
    if (!right.endsWith('/')) throw new SsiError(`invalid expression in "${expression}"`);
    return matches(left, evaluate(right.slice(1, -1), lookup), shared);
  }
  const text = right.length > 2 && right.startsWith('\\/') ? right.slice(1) : right;
  return left === evaluate(text, lookup);
}

function matches(text: string, source: string, shared: SsiShared): boolean {
  const pattern = compilePattern(Buffer.from(source, 'latin1').toString('utf8'), false);
  if ('error' in pattern) throw new SsiError(`"${source}": ${pattern.error}`);
  const found = pattern.exec(text);
  if (found === null) return false;
  const last = found.findLastIndex((group) => group !== undefined);
  shared.captures = [...found].slice(0, last + 1);
  for (const [name, group] of pattern.names) shared.variables.set(name, found[group] ?? '');
  return true;
}
