// What a directive row is: a directive's name, places, arguments, value, default and one line of documentation.
// Rows stand next to the feature that owns them; config/registry.ts gathers them.
import type { Settings } from './model.ts';
import type { Problems } from './problem.ts';
import type { Directive, Word } from './tree.ts';
import { flagMeant, parseCount, parseFlag, parseSize, parseTime, sizeMeant, timeMeant } from './units.ts';

export type Context =
  | 'main'
  | 'events'
  | 'http'
  | 'upstream'
  | 'server'
  | 'location'
  | 'if in server'
  | 'if in location'
  | 'limit_except'
  | 'types'
  | 'map'
  | 'charset_map'
  | 'geo'
  | 'split_clients'
  | 'otel_exporter'
  | 'program';

/** What a row's reader may use: where it is, where to complain, what paths start from. */
export interface ReadContext {
  readonly problems: Problems;
  readonly directive: Directive;
  readonly context: Context;
  readonly syntax: 'nginx' | 'json';
  /** Makes a path absolute: relative ones start from the prefix. */
  resolvePath(path: string): string;
  /** Reports `$names` of a template that do not exist, and returns the template. */
  template(word: Word): string;
  /** Whether `pattern`, which stands in `word`, is a regular expression; reports it where it is none. Named captures are variables. */
  pattern(word: Word, pattern: string, caseless: boolean): boolean;
  /** The directive makes a variable of this name: `x.variables` has its value at run time. */
  makeVariable(name: string, word: Word): void;
}

type Arity = readonly [min: number, max: number];

interface RowBase {
  readonly name: string;
  /** Other spellings, such as the short JSON names. */
  readonly aliases?: readonly string[];
  readonly contexts: readonly Context[];
  /** Least and greatest number of arguments. */
  readonly args: Arity;
  /** The arguments as documentation shows them: `time`, `on | off`, `address [weight=n] …`. */
  readonly syntax: string;
  /** As documentation shows it; undefined where there is none. */
  readonly default?: string;
  readonly doc: string;
}

/** A row that sets one key of the settings. */
export interface SettingRow<K extends keyof Settings = keyof Settings> extends RowBase {
  readonly kind: 'setting';
  readonly key: K;
  /**
   * `once`: a second one in the same block is an error. `append`: several make a list (the value read is one element).
   * `merge`: several make one object. `union`: several make one list of all that each names. `last`: the last one holds.
   * nginx refuses what it reads with ngx_conf_set_…_slot; its own readers take what they take.
   */
  readonly repeat: 'once' | 'append' | 'merge' | 'union' | 'last';
  /** With `append`: a value that no other may stand beside. */
  readonly alone?: (value: unknown) => boolean;
  /** Whether lower levels inherit the value; nginx inherits nearly everything. Default true. */
  readonly inherit?: boolean;
  /** Reads the arguments; undefined after a problem was reported. */
  read(words: readonly Word[], cx: ReadContext): unknown;
}

/** A row that opens a block, or that `build.ts` gives a meaning of its own (server, location, if, rewrite, include…). */
export interface StructureRow extends RowBase {
  readonly kind: 'structure';
  /** The context inside the block, when it is a block. */
  readonly opens?: Context;
}

/** A row that is accepted and does nothing here, with the reason; `warn` says so at start. */
export interface IgnoredRow extends RowBase {
  readonly kind: 'ignored';
  readonly why: string;
  readonly warn: boolean;
  readonly block?: boolean;
  /** Whether nginx takes a second one in the same block. */
  readonly repeats: boolean;
}

export type Row = SettingRow | StructureRow | IgnoredRow;

export const HTTP_LEVELS: readonly Context[] = ['http', 'server', 'location'];
export const HTTP_AND_IF: readonly Context[] = ['http', 'server', 'location', 'if in location'];

type Common = Omit<RowBase, 'args' | 'syntax'> & { readonly inherit?: boolean };

/** A directive of the general kind: any arguments, own reader. */
export function setting<K extends keyof Settings>(
  key: K,
  row: RowBase & {
    readonly inherit?: boolean;
    readonly repeat?: 'once' | 'union' | 'last';
    read(words: readonly Word[], cx: ReadContext): Settings[K] | undefined;
  },
): SettingRow {
  return { kind: 'setting', key, repeat: 'once', ...row } as SettingRow;
}

type Element<T> = T extends readonly (infer E)[] ? E : never;

/** A directive that may stand several times in a block; the values make a list. */
export function list<K extends keyof Settings>(
  key: K,
  row: RowBase & {
    readonly inherit?: boolean;
    readonly alone?: (value: Element<NonNullable<Settings[K]>>) => boolean;
    read(words: readonly Word[], cx: ReadContext): Element<NonNullable<Settings[K]>> | undefined;
  },
): SettingRow {
  return { kind: 'setting', key, repeat: 'append', ...row } as SettingRow;
}

const ON_OR_OFF = 'it must be "on" or "off"';

/** `inNginx`: nginx's complaint about the value. */
function oneWord<T>(
  what: string,
  parse: (text: string) => T | undefined,
  meant: (text: string) => string | undefined = () => undefined,
  inNginx = 'invalid value',
) {
  return (words: readonly Word[], cx: ReadContext): T | undefined => {
    const value = parse(words[0].text);
    if (value !== undefined) return value;
    const form = meant(words[0].text);
    const advice = form === undefined ? '' : `; write ${form}`;
    return cx.problems.error(
      words[0].at,
      `"${cx.directive.name}": "${words[0].text}" is not ${what}${advice}`,
      inNginx === ON_OR_OFF
        ? `invalid value "${words[0].text}" in "${cx.directive.name}" directive, ${ON_OR_OFF}`
        : `"${cx.directive.name}" directive ${inNginx}`,
    );
  };
}

type KeysOf<T> = { [K in keyof Settings]: T extends Settings[K] ? K : never }[keyof Settings];

/** A row of one argument: how documentation shows it, and how it is read. */
function oneArgument(
  key: keyof Settings,
  syntax: string,
  row: Common,
  read: (words: readonly Word[], cx: ReadContext) => unknown,
): SettingRow {
  return { kind: 'setting', key, repeat: 'once', args: [1, 1], syntax, ...row, read };
}

/** `name time;` in milliseconds. */
export function time(key: KeysOf<number>, row: Common): SettingRow {
  return oneArgument(key, 'time', row, oneWord('a time such as 60s, 500ms or 1h', parseTime, timeMeant));
}

/** `name size;` in bytes. */
export function size(
  key: KeysOf<number>,
  row: Common & { readonly max?: { readonly bytes: number; readonly text: string } },
): SettingRow {
  const { max, ...rest } = row;
  const what = 'a size such as 8k, 1m or 512';
  if (max === undefined) return oneArgument(key, 'size', rest, oneWord(what, parseSize, sizeMeant));
  const parse = (text: string): number | undefined => {
    const bytes = parseSize(text);
    return bytes === undefined || bytes > max.bytes ? undefined : bytes;
  };
  const meant = (text: string): string | undefined =>
    parseSize(text) === undefined ? sizeMeant(text) : max.text;
  return oneArgument(key, 'size', rest, oneWord(`${what}, at most ${max.text}`, parse, meant));
}

/** `name number;`. */
export function count(
  key: KeysOf<number>,
  row: Common & { readonly min?: number; readonly max?: number },
): SettingRow {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, ...rest } = row;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  const read = oneWord(
    `a whole number ${range}`,
    (text) => parseCount(text, min, max),
    undefined,
    'invalid number',
  );
  return oneArgument(key, 'number', rest, read);
}

/** `name on | off;`. */
export function flag(key: KeysOf<boolean>, row: Common): SettingRow {
  return oneArgument(key, 'on | off', row, oneWord('"on" or "off"', parseFlag, flagMeant, ON_OR_OFF));
}

/** `name word;` with a closed set of words. */
export function choice<K extends keyof Settings>(
  key: K,
  words: readonly (Settings[K] & string)[],
  row: Common,
): SettingRow {
  const read = oneWord(`one of ${words.join(', ')}`, (text) => words.find((word) => word === text));
  return oneArgument(key, words.join(' | '), row, read);
}

/** `name mime-type …;` in lower case: besides text/html, which is always among them. `*` is all. */
export function mimeTypes(key: KeysOf<readonly string[]>, row: Common): SettingRow {
  const read = (words: readonly Word[], cx: ReadContext): readonly string[] => {
    const types = new Set(['text/html']);
    for (const word of words) {
      const type = word.text.toLowerCase();
      if (types.has(type)) cx.problems.warn(word.at, `duplicate MIME type "${type}"; remove one`);
      types.add(type);
    }
    return [...types];
  };
  const args: Arity = [1, 1000];
  return { kind: 'setting', key, repeat: 'union', args, syntax: 'mime-type …', ...row, read };
}

/** `name path;`, made absolute. */
export function path(key: KeysOf<string>, row: Common): SettingRow {
  return oneArgument(key, 'path', row, (words, cx) => cx.resolvePath(words[0].text));
}

/** Of the directives without effect here, those that nginx takes several times. */
const REPEATED: ReadonlySet<string> = new Set([
  'debug_connection',
  'env',
  'ssl_session_cache',
  'thread_pool',
  'zone',
]);

/** A directive that nginx files carry and that has nothing to do here. */
export function ignored(
  name: string,
  contexts: readonly Context[],
  why: string,
  more: {
    readonly warn?: boolean;
    readonly args?: Arity;
    readonly block?: boolean;
    readonly repeats?: boolean;
  } = {},
): IgnoredRow {
  return {
    kind: 'ignored',
    name,
    contexts,
    args: more.args ?? [1, 8],
    syntax: '…',
    doc: `Accepted without effect: ${why}.`,
    why,
    warn: more.warn ?? false,
    block: more.block,
    repeats: more.repeats ?? REPEATED.has(name),
  };
}
