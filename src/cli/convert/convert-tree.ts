// A configuration in the other syntax: the text, checked by reading it again.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { asJson, hasHttpLogs } from '../../config/as-json.ts';
import { asNginx } from '../../config/as-nginx.ts';
import { buildModel } from '../../config/build.ts';
import { withComments } from '../../config/comments.ts';
import { textOf } from '../../config/file-text.ts';
import { loadConfig } from '../../config/load.ts';
import type { Model } from '../../config/model.ts';
import { printNginx } from '../../config/print.ts';
import { printJson } from '../../config/print-json.ts';
import { Problems } from '../../config/problem.ts';
import { rowsNamed, shapeOf } from '../../config/registry.ts';
import type { Directive, Position, Syntax, Tree } from '../../config/tree.ts';

export interface Converted {
  readonly text: string;
  /** What could not be converted, or means something else. */
  readonly problems: Problems;
  /** Settings that differ, as the problems say; null for none. */
  readonly differing: RegExp | null;
}

/** What becomes of the error log of http in JSON: levels that no request comes to, and the process. */
const LOGS_DIFFER =
  /(?:^|\.)settings\.processLog(?:\.|$)|^(?:(?:upstreams|programs)\.\d+\.)?settings\.errorLog(?:\.|$)/;

/** The text of a tree in another syntax, or in its own, printed anew. The tree must be without errors. */
export function convertTree(tree: Tree, name: string, to: Syntax): Converted {
  const problems = new Problems();
  const report = (at: Position, message: string): void => problems.warn(at, message);
  const { directives, ending } = withComments(tree, name);
  if (to === 'nginx') return { text: nginxText(directives, tree.syntax, ending), problems, differing: null };
  const own = withIncludes(directives, name, tree);
  const json = tree.syntax === 'nginx' ? asJson(own, report) : own;
  const differing = tree.syntax === 'nginx' && hasHttpLogs(own) ? LOGS_DIFFER : null;
  return { text: printJson(json, { shapeOf, report, ending }), problems, differing };
}

function nginxText(directives: readonly Directive[], from: Syntax, ending: readonly string[]): string {
  const text = printNginx(from === 'json' ? withEvents(asNginx(directives)) : directives);
  return text + ending.map((comment) => `#${comment}\n`).join('');
}

/** What nginx has in a block of its own, without which it does not start. */
function withEvents(directives: readonly Directive[]): readonly Directive[] {
  const isEvent = ({ name }: Directive): boolean =>
    rowsNamed(name).some((row) => row.contexts.includes('events')) && name !== 'include';
  const { at } = directives[0] ?? { at: { file: '', line: 1, column: 1 } };
  const written = directives.find(({ name }) => name === 'events');
  const block = [...(written?.block ?? []), ...directives.filter(isEvent)];
  const http = directives.filter(({ name }) => name === 'http');
  const rest = directives.filter((each) => !isEvent(each) && each.name !== 'http' && each !== written);
  return [...rest, { name: 'events', args: [], at, ...written, block }, ...http];
}

/** Files of nothing but `types` stay files of their own: both syntaxes can include them. */
function withIncludes(directives: readonly Directive[], name: string, tree: Tree): readonly Directive[] {
  const kept = new Set<string>();
  for (const [file] of tree.sources) if (file !== name && holdsTypesOnly(directives, file)) kept.add(file);
  const told = new Set<string>();
  const replace = (block: readonly Directive[]): Directive[] =>
    block.flatMap((directive) => {
      const { at, block: inner } = directive;
      if (!kept.has(at.file))
        return inner === undefined ? directive : { ...directive, block: replace(inner) };
      if (told.has(at.file)) return [];
      told.add(at.file);
      const path = relative(dirname(tree.file), resolve(at.file));
      const comments = directive.comments === undefined ? {} : { comments: [] };
      const text = path.startsWith('..') ? resolve(at.file) : path;
      return { name: 'include', args: [{ text, at }], at, ...comments };
    });
  return replace(directives);
}

function holdsTypesOnly(directives: readonly Directive[], file: string): boolean {
  let found = false;
  const isFree = (block: readonly Directive[]): boolean =>
    block.every(({ name, at, block: inner = [] }) => {
      if (at.file !== file) return isFree(inner);
      found = true;
      return name === 'types';
    });
  return isFree(directives) && found;
}

/** The first setting in which two Models differ, as a path; undefined where they mean the same. */
export function differenceOf(
  a: Model,
  b: Model | undefined,
  differing: RegExp | null = null,
): string | undefined {
  return firstDifference(byName(a), b === undefined ? undefined : byName(b), differing);
}

/** Variables have no order. */
function byName(model: Model): Model {
  return { ...model, variables: [...model.variables].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

function firstDifference(a: unknown, b: unknown, differing: RegExp | null, path = ''): string | undefined {
  if (differing?.test(path)) return undefined;
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null)
    return isDeepStrictEqual(a, b) ? undefined : path;
  const keys = new Set<string>();
  // Those of the levels around are a level's own to who reads it.
  for (const key in a) keys.add(key);
  for (const key in b) keys.add(key);
  for (const key of keys) {
    if (PLACES.has(key)) continue;
    const difference = firstDifference(
      (a as Record<string, unknown>)[key],
      (b as Record<string, unknown>)[key],
      differing,
      path === '' ? key : `${path}.${key}`,
    );
    if (difference !== undefined) return difference;
  }
  return undefined;
}

const PLACES: ReadonlySet<string> = new Set(['at', 'syntax']);

/** The Model of a text that would stand beside `file`; what is wrong with it is among the problems. */
export function modelOfText(
  text: string,
  { file, syntax, prefix }: { readonly file: string; readonly syntax: Syntax; readonly prefix: string },
): { readonly model: Model | undefined; readonly problems: Problems } {
  const path = join(dirname(resolve(file)), syntax === 'json' ? 'converted.json' : 'converted.conf');
  const { tree, problems } = loadConfig(path, {
    shapeOf,
    prefix,
    readFile: (each) => (each === path ? text : textOf(readFileSync(each), each)),
  });
  return { model: tree === undefined ? undefined : buildModel(tree, prefix, problems), problems };
}
