// Readers of the blocks whose contents are not directives or whose arguments make a match: types, location.

import type { ScriptReader } from './build-script.ts';
import { checkPattern } from './check-pattern.ts';
import type { Level } from './level.ts';
import type { LocationMatch } from './model.ts';
import { formatPosition, type Problems } from './problem.ts';
import type { Directive, Position } from './tree.ts';

/** `text/html html htm;` → extension and type, pair by pair: an extension may be called as any property of an object is. */
export function readTypes(entries: readonly Directive[], problems: Problems): [string, string][] {
  const types: [string, string][] = [];
  for (const entry of entries) {
    if (!/^[^\s/]+\/[^\s/]+$/.test(entry.name)) {
      problems.error(entry.at, `"${entry.name}" is no MIME type; a line of "types" is: text/html html htm;`);
    }
    if (entry.args.length === 0) problems.error(entry.at, `"${entry.name}" names no file extension`);
    for (const word of entry.args) types.push([word.text.toLowerCase(), entry.name]);
  }
  return types;
}

const MODIFIERS: ReadonlyMap<string, 'exact' | 'prefix-final' | 'regex'> = new Map([
  ['=', 'exact'],
  ['^~', 'prefix-final'],
  ['~', 'regex'],
  ['~*', 'regex'],
]);

export function readLocation(directive: Directive, reader: ScriptReader): LocationMatch | undefined {
  const [first, second] = directive.args;
  let modifier = second === undefined ? '' : first.text;
  let word = second ?? first;
  if (second === undefined) {
    // nginx also takes the modifier without a space: location =/x, ~\.php$
    const m = /^(=|\^~|~\*|~)(.+)$/s.exec(first.text);
    if (m !== null) {
      modifier = m[1];
      word = { text: m[2], at: { ...first.at, column: first.at.column + m[1].length } };
    }
  }
  if (modifier === '' && word.text.startsWith('@')) return { kind: 'named', text: word.text };
  if (modifier === '') return prefix(directive, word.text, 'prefix', reader);
  const kind = MODIFIERS.get(modifier);
  if (kind === undefined) {
    return reader.problems.error(
      first.at,
      `invalid location modifier "${modifier}"; there are =, ~, ~* and ^~`,
    );
  }
  if (kind !== 'regex') return prefix(directive, word.text, kind, reader);
  const caseless = modifier === '~*';
  if (!checkPattern(word, word.text, caseless, reader)) return undefined;
  return { kind, text: word.text, caseless };
}

function prefix(
  directive: Directive,
  text: string,
  kind: 'prefix' | 'exact' | 'prefix-final',
  reader: ScriptReader,
): LocationMatch {
  const { at } = directive.args[0];
  if (!text.startsWith('/')) {
    const form = kind === 'prefix' ? pathMeant(text) : '';
    reader.problems.warn(at, `location "${text}" matches no request: paths begin with "/"${form}`);
  } else if (kind !== 'exact' && text.endsWith('/*')) {
    const what = `"*" stands for itself in location "${text}"; it begins with its path in any case`;
    reader.problems.warn(at, `${what}: write location ${text.slice(0, -1)}`);
  }
  return { kind, text };
}

/** What a location that begins with no slash was to be. */
function pathMeant(text: string): string {
  const ending = /^\*(\.\w+)$/.exec(text)?.[1];
  if (ending !== undefined) return `; for an ending write location ~ \\${ending}$`;
  if (/[\\^$(|]/.test(text)) return `; a regular expression has a ~ before it: location ~ ${text}`;
  return /^\w/.test(text) ? `; write location /${text}` : '';
}

/** The methods that nginx knows by name. */
const METHODS: readonly string[] = 'GET HEAD POST PUT DELETE MKCOL COPY MOVE OPTIONS'
  .split(' ')
  .concat('PROPFIND PROPPATCH LOCK UNLOCK PATCH'.split(' '));

/** `limit_except GET POST`: GET means HEAD too. */
export function readMethods({ args }: Directive, problems: Problems): readonly string[] {
  const methods = args.map(({ text }) => text.toUpperCase());
  for (const [i, method] of methods.entries()) {
    if (METHODS.includes(method)) continue;
    problems.error(
      args[i].at,
      `"limit_except": invalid method "${args[i].text}"; there are ${METHODS.join(', ')}`,
    );
  }
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}

/**
 * Of two locations for the same paths the second would never be found. nginx refuses them, but for regular expressions, which are
 * tried in turn, and for names. `^~` says what happens next, not what matches.
 */
export function checkTwin(
  match: LocationMatch,
  { at }: Directive,
  places: Map<string, Position>,
  problems: Problems,
): void {
  if (match.kind === 'named' || match.kind === 'limit_except') return;
  const name = nameOf(match);
  const first = places.get(name);
  if (first === undefined) places.set(name, at);
  else if (match.kind === 'regex') {
    const where = `the one at ${formatPosition(first)} takes its requests`;
    problems.warn(at, `location "${name}" is never reached: ${where}`);
  } else problems.error(at, `location "${name}" exists already in this block, at ${formatPosition(first)}`);
}

function nameOf(match: Exclude<LocationMatch, { kind: 'named' | 'limit_except' }>): string {
  if (match.kind === 'regex') return `${match.caseless ? '~*' : '~'} ${match.text}`;
  return match.kind === 'exact' ? `= ${match.text}` : match.text;
}

/** What of a named location only its place shows. */
export function checkNamed(name: string, { at }: Directive, level: Level, problems: Problems): void {
  if (level.parent?.context !== 'server') {
    const where = 'can only stand in a server; move it out of the location around it';
    problems.error(at, `location "${name}" ${where}`);
  }
  const root = level.setBy.get('fileRoot');
  if (root?.name === 'alias')
    problems.error(root.at, '"alias" has no prefix to replace in a named location; use root');
}
