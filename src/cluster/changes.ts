// What a reload changed, in a line for people. Pure.

import type { Model } from '../config/model.ts';
import type { PoolChanges } from '../supervise/pool-changes.ts';
import { listensOf } from './needs.ts';

/** More names than these are not printed. */
const NAMES = 3;

/** `opened *:81; servers: 1 added, 2 changed; programs: 4 are replaced (…)`, or `nothing changed`. */
export function describeChanges(before: Model, after: Model, programs: PoolChanges): string {
  const bases: Bases = [before.settings as unknown as Plain, after.settings as unknown as Plain];
  const parts = [
    ...addressChanges(before, after),
    settingChanges(before, after),
    counted('servers', before.servers.map(byServerNames), after.servers.map(byServerNames), bases),
    counted('upstreams', before.upstreams.map(byName), after.upstreams.map(byName), bases),
    counted('variables', definedIn(before), definedIn(after), bases),
    programChanges(programs),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing changed' : parts.join('; ');
}

function addressChanges(before: Model, after: Model): string[] {
  const [old, now] = [[...listensOf(before).keys()], [...listensOf(after).keys()]];
  const opened = now.filter((key) => !old.includes(key));
  const closed = old.filter((key) => !now.includes(key));
  return [
    opened.length === 0 ? '' : `opened ${opened.join(', ')}`,
    closed.length === 0 ? '' : `closed ${closed.join(', ')}`,
  ];
}

function settingChanges(before: Model, after: Model): string {
  const [old, now] = [before.settings, after.settings] as unknown as Plain[];
  const changed = ownKeys(old, now).filter((key) => !means(old[key], now[key], [old, old]));
  return changed.length === 0 ? '' : `settings: ${changed.length} changed`;
}

/** What neither of two levels sets itself both inherit: whether that changed is told of the level that sets it. */
function ownKeys(one: Plain, other: Plain): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])];
}

interface Named {
  readonly name: string;
  readonly value: unknown;
}

const byName = (value: { readonly name: string }): Named => ({ name: value.name, value });
/** What `set` makes changes with its server. */
const definedIn = ({ variables }: Model): Named[] =>
  variables.filter(({ kind }) => kind !== 'set').map(byName);
const byServerNames = (value: Model['servers'][number]): Named => ({
  name: value.settings.serverNames.flat().join(' '),
  value,
});

/** Of several with one name (servers without any) those that mean the same are pairs first, then any two. */
function counted(what: string, before: readonly Named[], after: readonly Named[], bases: Bases): string {
  const old = Map.groupBy(before, ({ name }) => name);
  const take = (name: string, fits: (value: unknown) => boolean): boolean => {
    const rest = old.get(name) ?? [];
    const index = rest.findIndex(({ value }) => fits(value));
    if (index >= 0) rest.splice(index, 1);
    return index >= 0;
  };
  const other = after.filter(({ name, value }) => !take(name, (one) => means(one, value, bases)));
  const added = other.filter(({ name }) => !take(name, () => true)).length;
  const removed = [...old.values()].flat().length;
  const counts = [
    [added, 'added'],
    [other.length - added, 'changed'],
    [removed, 'removed'],
  ] as const;
  const said = counts.filter(([n]) => n > 0).map(([n, how]) => `${n} ${how}`);
  return said.length === 0 ? '' : `${what}: ${said.join(', ')}`;
}

type Plain = Readonly<Record<string, unknown>>;

/** The settings of the http level before and after: what blocks inherit from there is told as a setting, not of each. */
type Bases = readonly [Plain, Plain];

/** Equal but for the places in the file, which move with every line that is added above. */
function means(a: unknown, b: unknown, bases: Bases): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right]: Plain[] = [{ ...a }, { ...b }];
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => {
    if (key === 'at') return key in right;
    if (key === 'settings') return settingsMean(left[key], right[key], bases);
    return means(left[key], right[key], bases);
  });
}

function settingsMean(a: unknown, b: unknown, bases: Bases): boolean {
  // The settings of an `if` in a server are null.
  if (a === null || b === null) return a === b;
  const [left, right] = [a as Plain, b as Plain];
  const [old, now] = bases;
  return ownKeys(left, right).every(
    (key) =>
      means(left[key], right[key], bases) ||
      (means(left[key], old[key], bases) && means(right[key], now[key], bases)),
  );
}

function programChanges({ started, stopped, replaced }: PoolChanges): string {
  const parts = [
    listed(started, 'starts', 'start'),
    listed(stopped, 'stops', 'stop'),
    listed(replaced, 'is replaced', 'are replaced'),
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `programs: ${parts.join(', ')}`;
}

function listed(names: readonly string[], one: string, many: string): string {
  if (names.length === 0) return '';
  const shown = [...names.slice(0, NAMES), ...(names.length > NAMES ? ['…'] : [])].join(', ');
  return `${names.length} ${names.length === 1 ? one : many} (${shown})`;
}
