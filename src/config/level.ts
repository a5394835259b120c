// A block while it is read: what it sets itself, and where it inherits from.
import type { Settings } from './model.ts';
import { namesIn, rowsNamed } from './registry.ts';
import type { Context, SettingRow } from './row.ts';
import type { Directive } from './tree.ts';

export interface Level {
  readonly context: Context;
  readonly parent: Level | null;
  readonly own: Map<keyof Settings, unknown>;
  /** Names of the directives that set a key here, for messages about duplicates. */
  readonly setBy: Map<string, Directive>;
}

export function createLevel(context: Context, parent: Level | null): Level {
  return { context, parent, own: new Map(), setBy: new Map() };
}

let known: ReadonlySet<keyof Settings> | null = null;

/** Keys of rows that say `inherit: false`: lower levels do not get them. */
export function privateKeys(): ReadonlySet<keyof Settings> {
  known ??= new Set(
    namesIn('location')
      .concat(namesIn('server'))
      .flatMap(rowsNamed)
      .filter((row): row is SettingRow => row.kind === 'setting' && row.inherit === false)
      .map((row) => row.key),
  );
  return known;
}
