// PCRE patterns of a configuration as JavaScript regular expressions over bytes.
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

/** A pattern that was checked when the configuration was read. */
export function patternOf(source: string, caseless: boolean): RegExp {
  const compiled = compilePattern(source, caseless);
  if (compiled instanceof RegExp) return compiled;
  throw new Error(`pattern "${source}" was not checked: ${compiled.error}`);
}
