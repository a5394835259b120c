// Where a setting that holds at a level was set: its own block, or the nearest one around it. Read from the tree, which has all places.

import type { Settings } from '../config/model.ts';
import { formatPosition } from '../config/problem.ts';
import { namesIn, rowsNamed } from '../config/registry.ts';
import type { SettingRow } from '../config/row.ts';
import type { Directive, Tree } from '../config/tree.ts';

type Key = keyof Settings;

/** A setting as it holds. */
export interface Applied {
  readonly name: string;
  /** As it is written, or its default. */
  readonly value: string;
  /** `file:line:column`, or `default`. */
  readonly at: string;
}

interface Block {
  readonly directives: readonly Directive[];
  readonly outer: Block | null;
  /** Part of the location that it stands in: what is private to that holds in it, too. */
  readonly isPart: boolean;
}

export class SetAt {
  readonly #blocks = new Map<string, Block>();
  readonly #rows = new Map<Key, SettingRow>();
  readonly #outermost: Block;

  constructor(tree: Tree) {
    const main: Block = { directives: tree.directives, outer: null, isPart: false };
    this.#outermost = main;
    this.#walk(tree.directives, main);
    for (const context of ['location', 'server', 'http', 'upstream', 'main'] as const)
      for (const row of namesIn(context).flatMap(rowsNamed))
        if (row.kind === 'setting' && !this.#rows.has(row.key)) this.#rows.set(row.key, row);
  }

  #walk(directives: readonly Directive[], outer: Block): void {
    for (const { name, block, at } of directives) {
      if (block === undefined) continue;
      const inner = { directives: block, outer, isPart: name === 'if' || name === 'limit_except' };
      const place = formatPosition(at);
      // A file that is included twice has its blocks twice: they say the same of themselves.
      if (!this.#blocks.has(place)) this.#blocks.set(place, inner);
      this.#walk(block, inner);
    }
  }

  /** The directives that set the key for the level, in their order; none = its default. */
  all(level: string, key: Key): readonly Directive[] {
    const row = this.#rows.get(key);
    let block: Block | null = this.#blocks.get(level) ?? this.#outermost;
    while (block !== null) {
      const found = block.directives.filter(({ name }) => setsKey(name, key));
      if (found.length > 0) return found;
      if (row?.inherit === false && !block.isPart) return [];
      block = block.outer;
    }
    return [];
  }

  /** The place of the one that holds; '' where none sets it. */
  place(level: string, key: Key): string {
    const found = this.all(level, key);
    return found.length === 0 ? '' : formatPosition(found[found.length - 1].at);
  }

  /** Null for a key that has no directive. */
  applied(level: string, key: Key): Applied | null {
    const row = this.#rows.get(key);
    if (row === undefined) return null;
    const found = this.all(level, key);
    if (found.length === 0) return { name: row.name, value: row.default ?? '', at: 'default' };
    const last = found[found.length - 1];
    const value = last.args.map(({ text }) => text).join(' ');
    return { name: row.name, value, at: formatPosition(last.at) };
  }
}

function setsKey(name: string, key: Key): boolean {
  return rowsNamed(name).some((row) => row.kind === 'setting' && row.key === key);
}
