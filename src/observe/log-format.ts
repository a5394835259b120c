// Compiles a log_format into a function from an exchange to its line, with nginx's three ways of escaping.
// ngx_http_log_module: ngx_http_log_escape, ngx_escape_json. Values are bytes as latin1.
import type { Exchange } from '../exchange/exchange.ts';
import { type Getter, parseTemplate, toBytes, type VariableLookup } from '../route/template.ts';
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

/** '"', '\' and everything outside of printable ASCII become \xXX; an unset variable is '-'. */
export function escapeDefault(value: string | undefined): string {
  if (value === undefined) return '-';
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

/** What a JSON string cannot hold as it is; bytes from 0x7f on pass, as in nginx. An unset variable is ''. */
export function escapeJson(value: string | undefined): string {
  if (value === undefined) return '';
  if (!JSON_UNSAFE.test(value)) return value;
  return value.replace(JSON_UNSAFE_ALL, (c) => JSON_SHORT[c] ?? `\\u00${HEX[c.charCodeAt(0)]}`);
}

const escapeNone = (value: string | undefined): string => value ?? '';

const ESCAPES: Readonly<Record<LogEscape, (value: string | undefined) => string>> = {
  default: escapeDefault,
  json: escapeJson,
  none: escapeNone,
};

/** The line of an exchange without its line end, bytes as latin1. Unknown variables were reported when the file was read. */
export function compileLogFormat(format: LogFormat, lookup: VariableLookup): (exchange: Exchange) => string {
  const parts = parseTemplate(format.text);
  if ('error' in parts) return () => toBytes(format.text);
  const escapeValue = ESCAPES[format.escape];
  const literals: string[] = [];
  const getters: Getter[] = [];
  let literal = '';
  for (const part of parts) {
    if ('literal' in part) {
      literal += toBytes(part.literal);
      continue;
    }
    literals.push(literal);
    literal = '';
    getters.push(lookup(part.variable) ?? (() => undefined));
  }
  const last = literal;
  return (exchange) => {
    let line = '';
    for (let i = 0; i < getters.length; i++) line += literals[i] + escapeValue(getters[i](exchange));
    return line + last;
  };
}
