// Regular expressions of a configuration: refused where they are wrong or mean nothing here, and what they make known.
import { compilePattern } from '../route/pattern.ts';
import type { Problems } from './problem.ts';
import type { Position, Word } from './tree.ts';

/** Where a pattern's problems and named captures go. */
export interface PatternReader {
  readonly problems: Problems;
  makeVariable(name: string, at: Position): void;
}

/** Whether `pattern`, which stands in `word`, is one. Its named captures are variables from here on. */
export function checkPattern(
  { at }: Word,
  pattern: string,
  caseless: boolean,
  reader: PatternReader,
): boolean {
  const compiled = compilePattern(pattern, caseless);
  if ('error' in compiled) {
    reader.problems.error(at, `invalid regular expression: ${compiled.error}`);
    return false;
  }
  if (compiled.doubles) {
    reader.problems.warn(
      at,
      'a repeated group reads the same bytes in more than one way ("nested quantifiers"): nginx could be held up by one request; here it costs time, so let the parts begin differently',
    );
  }
  for (const [name] of compiled.names) reader.makeVariable(name, at);
  return true;
}
