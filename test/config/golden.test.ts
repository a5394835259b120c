// Every configuration of golden/ must become the tree of its .tree.json, or the problems of its .error.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblems } from '../../src/config/problem.ts';
import type { Directive, Position } from '../../src/config/tree.ts';
import { shapeOf } from './shapes.ts';

const FOLDER = join(import.meta.dirname, 'golden');
const inputs = readdirSync(FOLDER).filter(
  (name) => /\.(conf|json)$/.test(name) && !name.endsWith('.tree.json'),
);

/** One line a directive: place, name, arguments with their places when they are on another line, nested by indentation. */
function outline(directives: readonly Directive[]): unknown[] {
  const short = (at: Position) => `${at.line}:${at.column}`;
  return directives.map(({ name, args, block, at, fromList }) => ({
    at: short(at),
    name,
    args: args.map((arg) => `${short(arg.at)} ${arg.text}`),
    ...(fromList && { fromList }),
    ...(block && { block: outline(block) }),
  }));
}

describe('golden configurations', () => {
  it('are there', () => expect(inputs.length).toBeGreaterThan(10));

  it.each(inputs)('%s', (input) => {
    const folder = relative(process.cwd(), FOLDER);
    const { tree, problems } = loadConfig(join(folder, input), { shapeOf });
    const base = join(FOLDER, input.replace(/\.\w+$/, ''));
    const text = formatProblems(problems.list, tree?.sources ?? new Map());
    if (existsSync(`${base}.error`)) {
      const printed = `${text}\n`.replaceAll(`${FOLDER}/`, '').replaceAll(`${folder}/`, '');
      expect(printed).toBe(readFileSync(`${base}.error`, 'utf8'));
    } else {
      expect(text).toBe('');
      expect(outline(tree?.directives ?? [])).toEqual(JSON.parse(readFileSync(`${base}.tree.json`, 'utf8')));
    }
  });
});
