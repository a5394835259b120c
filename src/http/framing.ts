// Rules that requests and answers share: Content-Length, Connection, and what frames a body.
import type { Fields } from './fields.ts';

/** How the end of a body is known (RFC 9112 §6.3). Decided once per message. */
export type Framing = 'none' | 'length' | 'chunked' | 'until-close';

/** Digits only, at most 2^53 − 1 (JavaScript numbers lose digits beyond); -1 when it is none. RFC 9110 §8.6. */
export function parseContentLength(value: string): number {
  const n = value.length;
  if (n === 0 || n > 16) return -1;
  let length = 0;
  for (let i = 0; i < n; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

/** Most options that the Connection fields of a message may list: each is looked for among all its fields. */
const MAX_CONNECTION_OPTIONS = 64;

/** Compared one by one: cheaper than a Set, which a message with one option or two never needs. */
const FEW_NAMES = 4;

/** Lower-case names of fields that Connection lists: an array of few, a Set of many. */
export type ConnectionNames = string[] | Set<string>;

export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgradeRequested: boolean;
  /** Options of lists so far, empty ones among them. */
  optionCount: number;
  connectionNames: ConnectionNames | null;
}

/** Adds the options of one Connection field (RFC 9110 §7.6.1) to what is known; false where there are too many. */
export function readConnection(into: ConnectionOptions, value: string): boolean {
  // The three values that nearly every message has, without cutting the string up.
  if (value === 'keep-alive' || value === 'Keep-Alive') {
    into.keepAlive = true;
    return true;
  }
  if (value === 'close') {
    into.close = true;
    return true;
  }
  const options = value.split(',', MAX_CONNECTION_OPTIONS + 1);
  into.optionCount += options.length;
  if (into.optionCount > MAX_CONNECTION_OPTIONS) return false;
  for (const raw of options) {
    const option = raw.trim().toLowerCase();
    if (option === 'close') into.close = true;
    else if (option === 'keep-alive') into.keepAlive = true;
    else if (option === 'upgrade') into.upgradeRequested = true;
    else if (option !== '' && !END_TO_END.test(option)) addName(into, option);
  }
  return true;
}

function addName(into: ConnectionOptions, name: string): void {
  const names = into.connectionNames;
  if (names === null) into.connectionNames = [name];
  else if (names instanceof Set) names.add(name);
  else if (names.length < FEW_NAMES) names.push(name);
  else into.connectionNames = new Set([...names, name]);
}

/** Whether Connection lists the name of field `i`. */
export function isNamedBy(names: ConnectionNames, fields: Fields, i: number): boolean {
  if (names instanceof Set) return names.has(fields.name(i).toLowerCase());
  for (let k = 0; k < names.length; k++) {
    if (fields.named(i, names[k])) return true;
  }
  return false;
}

/** Fields that a client may not have removed by naming them in Connection: it would change what the request means. */
const END_TO_END =
  /^(?:host|content-.*|transfer-encoding|x-forwarded-.*|x-real-ip|x-scheme|forwarded|authorization|cookie|cache-control|date|server|set-cookie|location)$/;
