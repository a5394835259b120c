// PCRE patterns of a configuration as JavaScript regular expressions over bytes.
import type { Exchange } from '../exchange.ts';
import { toBytes } from './template.ts';

/** The compiled pattern, or what is wrong with it. */
export function compilePattern(source: string, caseless: boolean): RegExp | { readonly error: string } {
  const translated = toBytes(source)
    .replace(/\(\?P</g, '(?<')
    .replace(/^\(\?i\)/, '');
  const flags = caseless || source.startsWith('(?i)') ? 'i' : '';
  try {
    return new RegExp(translated, flags);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Whether a pattern matches. When it does, its captures are the exchange's: numbered ones in place of those of the match before,
 * named ones as variables, which stay until something sets them again (ngx_http_regex_exec).
 */
export function matches(exchange: Exchange, regex: RegExp, text: string): boolean {
  const found = regex.exec(text);
  if (found === null) return false;
  exchange.captures = found;
  if (found.groups !== undefined) keepNamed(exchange, found.groups);
  return true;
}

function keepNamed(exchange: Exchange, groups: Readonly<Record<string, string | undefined>>): void {
  exchange.variables ??= new Map();
  // A group that took no part in the match is set as well: to nothing.
  for (const name in groups) exchange.variables.set(name, groups[name] ?? '');
}

/** A pattern that was checked when the configuration was read. */
export function patternOf(source: string, caseless: boolean): RegExp {
  const compiled = compilePattern(source, caseless);
  if (compiled instanceof RegExp) return compiled;
  throw new Error(`pattern "${source}" was not checked: ${compiled.error}`);
}
