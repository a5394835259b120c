// What it is to give a variable a value: by `set`, or by whoever else may (auth_request_set). Some of nginx's own take theirs in another way.
import { parseSize } from '../config/units.ts';
import type { Exchange } from '../exchange/exchange.ts';

/** '' = done; else why the value was not taken. */
export type Assign = (x: Exchange, value: string) => string;

export function assignmentOf(name: string): Assign {
  if (name === 'args') return setArgs;
  if (name === 'limit_rate') return setRate;
  return (x, value) => {
    x.variables ??= new Map();
    x.variables.set(name, value);
    return '';
  };
}

/** The arguments themselves change. */
function setArgs(x: Exchange, value: string): string {
  x.args = value;
  x.hasArgs = value !== '';
  x.argsChanged = true;
  return '';
}

/** Where it is no size the rate stays what it was. */
function setRate(x: Exchange, value: string): string {
  const bytes = parseSize(value);
  if (bytes === undefined) return `invalid $limit_rate "${value}"`;
  x.limitRate = bytes;
  return '';
}
