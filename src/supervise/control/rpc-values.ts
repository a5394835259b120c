// What a caller can send in XML-RPC, with Python's kinds of values kept apart, and how Python turns one into text or a number: the texts
// and faults that Supervisor's clients know come from there.
import { FAULTS, PythonError, RpcFault } from './rpc-faults.ts';

/** A number is Python's int; null is what `<nil/>` becomes. */
export type RpcValue = null | boolean | number | string | RpcDouble | RpcDateTime | RpcValue[] | RpcStruct;
export type RpcStruct = Map<string, RpcValue>;

/** Python's float. */
export class RpcDouble {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export class RpcDateTime {
  /** Year, month, day, hour, minute, second. */
  readonly parts: readonly number[];
  constructor(parts: readonly number[]) {
    this.parts = parts;
  }
}

export function typeOf(value: RpcValue): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'string') return 'str';
  if (value instanceof RpcDouble) return 'float';
  if (value instanceof RpcDateTime) return 'datetime.datetime';
  return Array.isArray(value) ? 'list' : 'dict';
}

/** str(value) */
export function asText(value: RpcValue): string {
  if (typeof value === 'string') return value;
  if (!(value instanceof RpcDateTime)) return asSource(value);
  const [year, ...rest] = value.parts;
  const [month, day, hour, minute, second] = rest.map((n) => String(n).padStart(2, '0'));
  return `${String(year).padStart(4, '0')}-${month}-${day} ${hour}:${minute}:${second}`;
}

/** repr(value) */
function asSource(value: RpcValue): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quoted(value);
  if (value instanceof RpcDouble) return floatText(value.value);
  if (value instanceof RpcDateTime) {
    const parts = value.parts[5] === 0 ? value.parts.slice(0, 5) : value.parts;
    return `datetime.datetime(${parts.join(', ')})`;
  }
  if (Array.isArray(value)) return `[${value.map(asSource).join(', ')}]`;
  return `{${[...value].map(([key, v]) => `${quoted(key)}: ${asSource(v)}`).join(', ')}}`;
}

export function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
  const body = text.replace(/[\\\x00-\x1f\x7f-\xa0\xad]|['"]/g, (c) => {
    if (c === "'" || c === '"') return c === quote ? `\\${c}` : c;
    return escapes[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return quote + body + quote;
}

function floatText(n: number): string {
  if (Number.isNaN(n)) return 'nan';
  if (!Number.isFinite(n)) return n < 0 ? '-inf' : 'inf';
  if (Object.is(n, -0)) return '-0.0';
  const size = Math.abs(n);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) return n.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  return Number.isInteger(n) ? `${n}.0` : String(n);
}

/** What is used as a name: anything but a string has no `split`, which Supervisor does not expect. */
export function nameOf(value: RpcValue): string {
  if (typeof value === 'string') return value;
  throw new PythonError('AttributeError', `'${typeOf(value)}' object has no attribute 'split'`);
}

/** What is looked up in a dictionary; null where it can be looked up but is nowhere. */
export function keyOf(value: RpcValue): string | null {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) || value instanceof Map) throw new RpcFault(FAULTS.INCORRECT_PARAMETERS);
  return null;
}

/** bool(value) */
export function isTrue(value: RpcValue): boolean {
  if (value instanceof RpcDouble) return value.value !== 0;
  if (value instanceof RpcDateTime) return true;
  if (value instanceof Map) return value.size > 0;
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** int(value). Throws a fault for what is no number at all, PythonError for a text that is none. */
export function asInteger(value: RpcValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof RpcDouble) {
    if (Number.isNaN(value.value)) throw new PythonError('ValueError', 'cannot convert float NaN to integer');
    if (!Number.isFinite(value.value))
      throw new PythonError('OverflowError', 'cannot convert float infinity to integer');
    return Math.trunc(value.value);
  }
  if (typeof value !== 'string') throw new RpcFault(FAULTS.INCORRECT_PARAMETERS);
  const found = parseInteger(value);
  if (found !== undefined) return found;
  throw new PythonError('ValueError', `invalid literal for int() with base 10: ${quoted(value)}`);
}

export function parseInteger(text: string): number | undefined {
  const trimmed = text.trim();
  return /^[+-]?\d+(?:_\d+)*$/.test(trimmed) ? Number(trimmed.replaceAll('_', '')) : undefined;
}

// os.constants has no real-time signals; the rest are constants beside the signals in Python's module.
const EXTRA: readonly (readonly [string, number])[] = [
  ['SIGCLD', 17],
  ['SIGRTMIN', 34],
  ['SIGRTMAX', 64],
  ['SIG_DFL', 0],
  ['SIG_BLOCK', 0],
  ['SIG_IGN', 1],
  ['SIG_UNBLOCK', 1],
  ['SIG_SETMASK', 2],
];

/** Number of a signal as `HUP`, `sighup`, `1` or 1; undefined for none. `known` are the system's own. */
export function signalNumber(value: RpcValue, known: Readonly<Record<string, number>>): number | undefined {
  const signals = new Map([...Object.entries(known), ...EXTRA]);
  const number = typeof value === 'string' ? parseInteger(value) : plainNumber(value);
  if (number !== undefined) return [...signals.values()].includes(number) ? number : undefined;
  if (typeof value !== 'string')
    throw new PythonError('AttributeError', `'${typeOf(value)}' object has no attribute 'strip'`);
  const name = value.trim().toUpperCase();
  return signals.get(name.startsWith('SIG') ? name : `SIG${name}`);
}

function plainNumber(value: RpcValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof RpcDouble && Number.isFinite(value.value) ? Math.trunc(value.value) : undefined;
}
