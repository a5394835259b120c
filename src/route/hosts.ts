// Virtual servers of one address: exact names, *.example.org, www.example.*, regular expressions, the default (nginx's order).
import type { ServerRuntime } from '../exchange/exchange.ts';
import { ignoresCase, matches, type Pattern, patternOf } from './pattern.ts';

export interface HostTable<T> {
  find(host: string): T;
}

/** A compiled server name that is a regular expression. */
interface PatternName<T> {
  readonly pattern: Pattern;
  readonly value: T;
}

/** `names` of each value in order; the first value whose name is given wins, as in nginx. */
export function createHostTable<T>(
  entries: readonly { names: readonly string[]; value: T }[],
  fallback: T,
): HostTable<T> {
  const exact = new Map<string, T>();
  const suffixes = new Map<string, T>();
  const prefixes = new Map<string, T>();
  const patterns: PatternName<T>[] = [];
  for (const { names, value } of entries) {
    for (const name of names) {
      const lower = name.toLowerCase();
      if (name.startsWith('~')) patterns.push({ pattern: patternOfName(name), value });
      else if (lower.startsWith('*.')) setFirst(suffixes, lower.slice(1), value);
      else if (lower.startsWith('.')) {
        setFirst(exact, lower.slice(1), value);
        setFirst(suffixes, lower, value);
      } else if (lower.endsWith('.*')) setFirst(prefixes, lower.slice(0, -1), value);
      else setFirst(exact, lower, value);
    }
  }
  const onlyExact = suffixes.size === 0 && prefixes.size === 0 && patterns.length === 0;
  const search = (name: string): T => {
    const hit = exact.get(name);
    if (hit !== undefined || onlyExact) return hit ?? fallback;
    return (
      longestSuffix(suffixes, name) ??
      longestPrefix(prefixes, name) ??
      patterns.find(({ pattern }) => pattern.exec(name) !== null)?.value ??
      fallback
    );
  };

  let lastHost = '';
  let lastValue = search('');

  return {
    find(host) {
      // Clients of one connection, and most of all clients, ask for the same host.
      if (host === lastHost) return lastValue;
      lastValue = search(bareName(host));
      lastHost = host;
      return lastValue;
    },
  };
}

/** A server as it is for the requests that come by this name of it: with the captures of a name that is a regular expression. */
export function serverByName(server: ServerRuntime, name: string): ServerRuntime {
  if (!name.startsWith('~') || !name.includes('(')) return server;
  const pattern = patternOfName(name);
  // Field by field: a server that is made later has none of its own.
  const { redirect, toNamed, refused } = server;
  return {
    name: server.name,
    root: server.root,
    redirect,
    toNamed,
    ...(refused === undefined ? {} : { refused }),
    dispatch: (exchange) => {
      matches(exchange, pattern, bareName(exchange.request.host));
      server.dispatch(exchange);
    },
  };
}

function patternOfName(name: string): Pattern {
  const pattern = name.slice(1);
  return patternOf(pattern, ignoresCase(pattern));
}

function setFirst<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value);
}

/** The name of a Host without port and final dot, in lower case: `$host`. */
export function bareName(host: string): string {
  let end = host.length;
  const colon = host.lastIndexOf(':');
  if (colon >= 0 && host.charCodeAt(end - 1) !== 93 && host.indexOf(']', colon) < 0) end = colon;
  if (end > 1 && host.charCodeAt(end - 1) === 46) end--;
  return host.slice(0, end).toLowerCase();
}

function longestSuffix<T>(map: Map<string, T>, name: string): T | undefined {
  if (map.size === 0) return undefined;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const value = map.get(name.slice(dot));
    if (value !== undefined) return value;
  }
  return undefined;
}

function longestPrefix<T>(map: Map<string, T>, name: string): T | undefined {
  if (map.size === 0) return undefined;
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    const value = map.get(name.slice(0, dot + 1));
    if (value !== undefined) return value;
  }
  return undefined;
}
