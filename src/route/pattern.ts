// The patterns of a configuration: location, rewrite, if, server_name, proxy_redirect. They mean what PCRE says they mean (pcre/), over
// bytes, and no subject makes one of them run for long.
import type { Exchange } from '../exchange/exchange.ts';
import { checkReferences, isNative } from './pcre/check.ts';
import { PatternError } from './pcre/cursor.ts';
import { nativeSource } from './pcre/native.ts';
import { compileProgram, type Program } from './pcre/program.ts';
import { readPattern } from './pcre/read.ts';
import { search } from './pcre/search.ts';
import { contains, type Tree } from './pcre/tree.ts';
import { weigh } from './pcre/weigh.ts';
import { toBytes } from './template.ts';

type Captures = readonly (string | undefined)[];

/** Steps that a backtracking match may come to: a few milliseconds. */
const MOST_STEPS = 2_000_000;
/** Ways to read a part that no subject of a request makes long: 2,000,000 steps come with 64 KB. */
const FEW_WAYS = 32;

/** No string is longer: a small integer, as lengths are. */
const ANY_LENGTH = 2 ** 30 - 1;

/** Patterns are matched by JavaScript's own matcher where it cannot take long, else by the one that remembers (pcre/search.ts). */
export class Pattern {
  /** Name and number of each named group. */
  readonly names: readonly (readonly [string, number])[];
  /** A loop inside a loop reads the same bytes in many ways: nginx, which tries them all, could be held up by a request. */
  readonly doubles: boolean;
  /** JavaScript's, for subjects of up to so many bytes: who asks many patterns asks it without a call between. */
  readonly native: RegExp;
  readonly nativeLength: number;
  readonly #tree: Tree;
  #program: Program | undefined;

  constructor(tree: Tree, native: RegExp, exponent: number, nativeLength: number) {
    this.#tree = tree;
    // Variables have no case (ngx_http_get_variable_index).
    this.names = tree.names.map(([name, group]) => [name.toLowerCase(), group]);
    this.doubles = exponent === Infinity;
    this.native = native;
    this.nativeLength = nativeLength;
  }

  /** Whole match and groups of the first match in `text` (bytes, one a character), or null. */
  exec(text: string): Captures | null {
    return text.length <= this.nativeLength ? this.native.exec(text) : this.#search(text);
  }

  #search(text: string): Captures | null {
    this.#program ??= compileProgram(this.#tree.root, this.#tree.groups);
    if (this.#program === undefined) throw new Error('the pattern was not checked');
    return search(this.#program, text);
  }
}

/** Virtual servers have the same few patterns: so many are kept. */
const KEPT = 500;
const kept = new Map<string, Pattern>();

/** The pattern, or why it is refused. `source` is as it stands in the configuration. */
export function compilePattern(source: string, caseless: boolean): Pattern | { readonly error: string } {
  const key = `${caseless ? '*' : ' '}${source}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = makePattern(source, caseless);
  if ('error' in made) return made;
  if (kept.size === KEPT) kept.clear();
  kept.set(key, made);
  return made;
}

function makePattern(source: string, caseless: boolean): Pattern | { readonly error: string } {
  const text = toBytes(source);
  try {
    return compile(readPattern(text, caseless));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return { error: `${error.message}${placeOf(text, error.offset)}` };
  }
}

function compile(tree: Tree): Pattern {
  const { root, groups } = tree;
  checkReferences(root);
  const { exponent, ways, farAtMany } = weigh(root);
  const native = isNative(root) ? nativeRegExp(root) : undefined;
  const refers = contains(root, (part) => part.kind === 'back');
  // Doubling patterns go wrong within thirty bytes, and what JavaScript cannot match goes wrong at once.
  const nativeLength =
    native === undefined
      ? -1
      : exponent === 1 && ways <= FEW_WAYS
        ? ANY_LENGTH
        : Math.floor((MOST_STEPS / ways) ** (1 / exponent)) - 1;
  if (nativeLength !== ANY_LENGTH) {
    if (refers)
      refuse('a reference to a group beside loops that can read the same bytes: a client could stall it');
    if (farAtMany) refuse('(?>…), a possessive group or a look that captures, where many bytes may begin it');
    if (compileProgram(root, groups) === undefined)
      refuse(
        'counts that a client could stall it with: 600 steps at most, such as [a-z]{1,255}; write + or * for larger ones',
      );
  }
  return new Pattern(tree, native ?? /(?!)/, exponent, nativeLength);
}

function nativeRegExp(root: Tree['root']): RegExp {
  try {
    return new RegExp(nativeSource(root));
  } catch (error) {
    return refuse(`the pattern is too large (${error instanceof Error ? error.message : String(error)})`);
  }
}

function refuse(reason: string): never {
  throw new PatternError(reason, -1);
}

function placeOf(text: string, offset: number): string {
  if (offset < 0) return '';
  if (offset >= text.length) return ', at its end';
  const rest = Buffer.from(text.slice(offset, offset + 40), 'latin1').toString('utf8');
  return `, at "${rest}${text.length > offset + 40 ? '…' : ''}"`;
}

/**
 * Whether a pattern matches. When it does, its captures are the exchange's: numbered ones in place of those of the match before,
 * named ones as variables, which stay until something sets them again (ngx_http_regex_exec).
 */
export function matches(exchange: Exchange, pattern: Pattern, text: string): boolean {
  const found = text.length <= pattern.nativeLength ? pattern.native.exec(text) : pattern.exec(text);
  if (found === null) return false;
  exchange.captures = found;
  if (pattern.names.length > 0) keepNamed(exchange, pattern.names, found);
  return true;
}

function keepNamed(exchange: Exchange, names: Pattern['names'], found: Captures): void {
  exchange.variables ??= new Map();
  // A group that took no part in the match is set as well: to nothing.
  for (const [name, group] of names) exchange.variables.set(name, found[group] ?? '');
}

/** Names of servers ignore case where their pattern has a capital letter: names of requests have none (ngx_http_core_server_name). */
export function ignoresCase(namePattern: string): boolean {
  return /[A-Z]/.test(namePattern);
}

/** A pattern that was checked when the configuration was read. */
export function patternOf(source: string, caseless: boolean): Pattern {
  const compiled = compilePattern(source, caseless);
  if (!('error' in compiled)) return compiled;
  throw new Error(`pattern "${source}" was not checked: ${compiled.error}`);
}
