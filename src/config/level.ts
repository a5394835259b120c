// One block under construction: what it sets, and what a second directive of a kind means in it.
import { isDeepStrictEqual } from 'node:util';
import { inheritHeaders } from '../features/headers/inherit.ts';
import { withJsonHeaders } from '../forward/rows.ts';
import { inheritKeepalive } from '../listen/keepalive-inherit.ts';
import type { Settings } from './model.ts';
import { formatPosition, type Problems } from './problem.ts';
import { outermostOf, ROWS } from './registry.ts';
import type { Context, IgnoredRow, ReadContext, SettingRow } from './row.ts';
import { handedDown, type OwnSettings, settingsOver } from './settings.ts';
import type { Directive, Syntax } from './tree.ts';

/** A block under construction: what it sets itself, and where it inherits from. */
export interface Level {
  readonly context: Context;
  readonly parent: Level | null;
  readonly own: Map<keyof Settings, unknown>;
  /** The directives that set a key here, or are of a kind that may stand once: for messages about duplicates. */
  readonly setBy: Map<string, Directive>;
  /** All keys that any level of the tree set: one for all of them. */
  readonly used: Set<keyof Settings>;
  /** Made when they are first asked for, which is once the level was read. */
  settings: Settings | null;
  /** What inner levels inherit. */
  handed: Settings | null;
}

export function createLevel(context: Context, parent: Level | null): Level {
  const used = parent?.used ?? new Set();
  return { context, parent, own: new Map(), setBy: new Map(), used, settings: null, handed: null };
}

/** The settings of a level that was read. Main and http are one level. */
export function settingsOf(level: Level, syntax: Syntax): Settings {
  if (level.settings !== null) return level.settings;
  const { parent } = level;
  const own = new Map(level.own);
  // Of http's and main's own that of http holds.
  if (parent?.context === 'main')
    for (const [key, value] of parent.own) if (!own.has(key)) own.set(key, value);
  setHeaders(level, own, syntax);
  const inherited = inheritedOf(level, syntax);
  inheritHeaders(own, inherited);
  inheritKeepalive(own, inherited);
  level.settings = settingsOver(inherited, Object.fromEntries(own) as OwnSettings);
  for (const key of own.keys()) level.used.add(key);
  return level.settings;
}

/** The header fields that a level sets: beside its own, if forwarded_headers is on, those that it does not name. */
function setHeaders(level: Level, own: Map<keyof Settings, unknown>, syntax: Syntax): void {
  const usual = syntax === 'json';
  const adds = own.get('forwardedHeaders') ?? forwardedHeadersOf(level) ?? usual;
  own.delete('forwardedHeaders');
  const headers = own.get('proxySetHeader') as Settings['proxySetHeader'] | undefined;
  if (headers !== undefined) {
    if (adds) own.set('proxySetHeader', withJsonHeaders(headers));
  } else if (level.parent?.context === 'main' && adds !== usual)
    // What the outermost level has is that of the syntax.
    own.set('proxySetHeader', adds ? withJsonHeaders([]) : []);
}

/** It stands at the http level. */
function forwardedHeadersOf({ own, parent }: Level): unknown {
  return own.get('forwardedHeaders') ?? (parent === null ? undefined : forwardedHeadersOf(parent));
}

function inheritedOf({ context, parent }: Level, syntax: Syntax): Settings {
  if (parent === null || parent.context === 'main') return outermostOf(syntax);
  const outer = settingsOf(parent, syntax);
  // `if` and `limit_except` are parts of their location: they have what is private to that.
  if (context === 'if in location' || context === 'limit_except') return outer;
  parent.handed ??= handedDown(outer, privateKeys());
  return parent.handed;
}

let known: ReadonlySet<keyof Settings> | null = null;

/** Keys of rows that say `inherit: false`: lower levels do not get them. */
export function privateKeys(): ReadonlySet<keyof Settings> {
  known ??= new Set(
    ROWS.filter((row): row is SettingRow => row.kind === 'setting' && row.inherit === false).map(
      (row) => row.key,
    ),
  );
  return known;
}

/** What a level holds now; the function brings it back after a directive that was refused, which changed no value in place. */
export function remember({ own, setBy }: Level): () => void {
  const [values, directives] = [[...own], [...setBy]];
  return () => {
    own.clear();
    setBy.clear();
    for (const [key, value] of values) own.set(key, value);
    for (const [key, directive] of directives) setBy.set(key, directive);
  };
}

/** A directive that has no effect here. */
export function noteIgnored(row: IgnoredRow, directive: Directive, level: Level, problems: Problems): void {
  if (!row.repeats && isSecond(directive, level, `ignored ${row.name}`, problems)) return;
  if (row.warn) problems.tally('warning', directive.at, `"${directive.name}" has no effect: ${row.why}`);
}

/** Whether one of the kind stood in the block before, which is reported: nginx's "directive is duplicate". */
export function isSecond(directive: Directive, level: Level, kind: string, problems: Problems): boolean {
  const first = level.setBy.get(kind);
  if (first === undefined) level.setBy.set(kind, directive);
  else problems.error(directive.at, duplicate(directive, first), duplicateInNginx(directive));
  return first !== undefined;
}

/** Reads a setting into its level. */
export function applySetting(row: SettingRow, level: Level, cx: ReadContext): void {
  const { directive } = cx;
  const value = row.read(directive.args, cx);
  if (value === undefined) return;
  const before = level.own.get(row.key);
  const first = level.setBy.get(row.key);
  if (before === undefined || first === undefined) {
    level.setBy.set(row.key, directive);
    level.own.set(row.key, startOf(row, value));
    return;
  }
  level.own.set(row.key, together(row, [before, value], [first, directive], cx.problems));
  if (row.repeat === 'last') level.setBy.set(row.key, directive);
}

/** The value of the first one; where others join it, it is the level's own. */
function startOf({ repeat }: SettingRow, value: unknown): unknown {
  if (repeat === 'append') return [value];
  if (repeat === 'union') return [...new Set(value as unknown[])];
  return repeat === 'merge' ? { ...(value as object) } : value;
}

/** What a setting is that stands twice in one block. */
function together(
  row: SettingRow,
  [before, value]: readonly [unknown, unknown],
  [first, second]: readonly [Directive, Directive],
  problems: Problems,
): unknown {
  switch (row.repeat) {
    case 'append': {
      const list = before as unknown[];
      // One that must stand alone can only be the first so far.
      if (row.alone?.(list[0]) === true || row.alone?.(value) === true)
        problems.error(
          second.at,
          `"${second.name} off" stands alone; the other is ${whereFrom(second, first)}`,
        );
      // In place, as the level's own: a copy for each of a thousand would take the square of that time.
      else list.push(value);
      return list;
    }
    case 'merge':
      return Object.assign(before as object, value);
    case 'union':
      return unite(before as unknown[], value as unknown[]);
    case 'last':
      if (!isDeepStrictEqual(before, value)) {
        const where = whereFrom(second, first);
        const what =
          second.name === first.name
            ? `"${second.name}" is given twice in this block`
            : `"${second.name}" and "${first.name}" exclude each other`;
        const advice = second.name === first.name ? '' : '; remove one';
        problems.warn(second.at, `${what}: this one holds, that ${where} has no effect${advice}`);
      }
      return value;
    default:
      problems.error(second.at, duplicate(second, first), duplicateInNginx(second));
      return before;
  }
}

/** What the lists that grow have: to look each of thousands up in its list, or to copy that, would take the square of that time. */
const members = new WeakMap<readonly unknown[], Set<unknown>>();

/** In place, as the level's own. */
function unite(list: unknown[], more: readonly unknown[]): readonly unknown[] {
  const has = members.get(list) ?? new Set(list);
  members.set(list, has);
  for (const value of more) {
    if (has.has(value)) continue;
    has.add(value);
    list.push(value);
  }
  return list;
}

const duplicateInNginx = ({ name }: Directive): string => `"${name}" directive is duplicate`;

function duplicate(second: Directive, first: Directive): string {
  const where = whereFrom(second, first);
  return second.name === first.name
    ? `"${second.name}" is given twice in this block; the first is ${where}`
    : `"${second.name}" cannot stand beside "${first.name}", which is ${where}; keep one of them`;
}

/** The place of a directive as one says it to who looks at another: an included file may have it. */
function whereFrom(here: Directive, { at }: Directive): string {
  return at.file === here.at.file ? `at line ${at.line}` : `at ${formatPosition(at)}`;
}
