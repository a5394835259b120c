// Compiles a log_format into a function from an exchange to its line, with nginx's three ways of escaping.
// ngx_http_log_module: ngx_http_log_escape, ngx_escape_json. Values are bytes as latin1.
import type { Exchange } from '../exchange/exchange.ts';
import { type Getter, parseTemplate, toBytes, type VariableLookup } from '../route/template.ts';
import { ownText } from '../shared/buffers.ts';
import type { LineSink } from './line-store.ts';
import type { LogEscape, LogFormat } from './rows.ts';

/** nginx's predefined format. */
export const COMBINED: LogFormat = {
  name: 'combined',
  escape: 'default',
  text: '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
};

/** The format that an access_log names, compared without case as nginx does; undefined for the built-in `json`. */
export function findFormat(name: string, formats: readonly LogFormat[]): LogFormat | undefined {
  const lower = name.toLowerCase();
  return [COMBINED, ...formats].find((format) => format.name.toLowerCase() === lower);
}

const HEX = Array.from({ length: 256 }, (_, code) => code.toString(16).toUpperCase().padStart(2, '0'));

const UNSAFE = /[^ !#-[\]-~]/;
const UNSAFE_ALL = /[^ !#-[\]-~]/g;

/** '"', '\' and everything outside of printable ASCII become \xXX. */
export function escapeDefault(value: string): string {
  if (!UNSAFE.test(value)) return value;
  return value.replace(UNSAFE_ALL, (c) => `\\x${HEX[c.charCodeAt(0) & 0xff]}`);
}

const JSON_UNSAFE = /["\\\x00-\x1f]/;
const JSON_UNSAFE_ALL = /["\\\x00-\x1f]/g;
const JSON_SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** What a JSON string cannot hold as it is; bytes from 0x7f on pass, as in nginx. */
export function escapeJson(value: string): string {
  if (!JSON_UNSAFE.test(value)) return value;
  return value.replace(JSON_UNSAFE_ALL, (c) => JSON_SHORT[c] ?? `\\u00${HEX[c.charCodeAt(0)]}`);
}

/** How values of a format are written. */
interface Escaping {
  /** By byte: 1 = as it is. */
  readonly plain: Uint8Array;
  /** The most bytes that one becomes. */
  readonly most: number;
  /** What stands for an unset variable. */
  readonly unset: string;
  readonly text: (value: string) => string;
}

const plainBytes = (unsafe: RegExp): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, code) => (unsafe.test(String.fromCharCode(code)) ? 0 : 1));

const ESCAPES: Readonly<Record<LogEscape, Escaping>> = {
  default: { plain: plainBytes(UNSAFE), most: 4, unset: '-', text: escapeDefault },
  json: { plain: plainBytes(JSON_UNSAFE), most: 6, unset: '', text: escapeJson },
  none: { plain: new Uint8Array(256).fill(1), most: 1, unset: '', text: (value) => value },
};

/** Shorter ones cost less written one by one than a call. */
const SHORT_BYTES = 16;

/** Writes a value to `bytes` from `at` on, and gives where it ends. */
function putValue(bytes: Buffer, at: number, value: string, { plain, text }: Escaping): number {
  const { length } = value;
  if (length > SHORT_BYTES) {
    const end = at + bytes.latin1Write(value, at, length);
    for (let p = at; p < end; p++) if (plain[bytes[p]] === 0) return putText(bytes, at, text(value));
    return end;
  }
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    // There is no entry for what is no byte: it is escaped, too.
    if (plain[code] !== 1) return putText(bytes, at, text(value));
    bytes[at + i] = code;
  }
  return at + length;
}

function putText(bytes: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > SHORT_BYTES) return at + bytes.latin1Write(text, at, length);
  for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + length;
}

/** A format's literals and getters in turn, a literal first, the last one with the line end. Values that have pieces are taken in these. */
interface Pieces {
  readonly literals: readonly string[];
  readonly getters: readonly Getter[];
}

function piecesOf(format: LogFormat, lookup: VariableLookup): Pieces {
  const parts = parseTemplate(format.text);
  const literals: string[] = [];
  const getters: Getter[] = [];
  let literal = '';
  for (const part of 'error' in parts ? [{ literal: format.text }] : parts) {
    if ('literal' in part) {
      literal += toBytes(part.literal);
      continue;
    }
    const getter: Getter = lookup(part.variable) ?? (() => undefined);
    for (const piece of getter.pieces ?? [getter]) {
      literals.push(ownText(literal));
      literal = '';
      getters.push(piece);
    }
  }
  return { literals: [...literals, ownText(`${literal}\n`)], getters };
}

/**
 * What writes the line of an exchange to a sink, with its line end and no string made of it. Unknown variables were reported when the file was
 * read.
 */
export function compileLogFormat(
  format: LogFormat,
  lookup: VariableLookup,
  sink: LineSink,
): (exchange: Exchange) => void {
  const { literals, getters } = piecesOf(format, lookup);
  const escaping = ESCAPES[format.escape];
  const fixedBytes = literals.reduce((sum, { length }) => sum + length, 0);
  const count = getters.length;
  // All before the first byte is written: what gives a value may have something to say in this very log.
  const values: (string | undefined)[] = new Array(count).fill(undefined);
  return (exchange) => {
    let most = fixedBytes;
    for (let i = 0; i < count; i++) {
      const value = getters[i](exchange);
      values[i] = value;
      most += value === undefined ? 1 : value.length * escaping.most;
    }
    let at = sink.room(most);
    const { bytes } = sink;
    for (let i = 0; i < count; i++) {
      at = putText(bytes, at, literals[i]);
      const value = values[i];
      at = value === undefined ? putText(bytes, at, escaping.unset) : putValue(bytes, at, value, escaping);
    }
    sink.end(putText(bytes, at, literals[count]));
  };
}
