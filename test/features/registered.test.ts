// What no compiler asks for: that everything which a room offers stands in the list by which it is found.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ROWS, TABLES } from '../../src/config/registry.ts';
import { FEATURES } from '../../src/features/list.ts';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** `export const NAME: type` of every file (`type` is a pattern); the values, and where they stand. */
async function exported(
  type: string,
): Promise<readonly { readonly place: string; readonly value: unknown }[]> {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const declaration = new RegExp(`^export const (\\w+): ${type} =`, 'gm');
  const found = files.flatMap((file) =>
    [...readFileSync(join(SRC, file), 'utf8').matchAll(declaration)].map(([, name]) => ({ file, name })),
  );
  return Promise.all(
    found.map(async ({ file, name }) => {
      const module: Record<string, unknown> = await import(join(SRC, file));
      return { place: `${name} of ${file}`, value: module[name] };
    }),
  );
}

function missing(
  found: readonly { readonly place: string; readonly value: unknown }[],
  list: readonly unknown[],
): string[] {
  return found
    .filter(({ value }) => !(Array.isArray(value) ? value : [value]).every((one) => list.includes(one)))
    .map(({ place }) => place);
}

it('every Feature stands in FEATURES of features/list.ts', async () => {
  const found = await exported('Feature');
  expect(found.length).toBe(FEATURES.length);
  expect(missing(found, FEATURES)).toEqual([]);
});

it('every VariableTable stands in TABLES of config/registry.ts', async () => {
  const found = await exported('VariableTable');
  expect(found.length).toBe(TABLES.length);
  expect(missing(found, TABLES)).toEqual([]);
});

it('every list of rows stands in ROWS of config/registry.ts', async () => {
  const found = await exported('readonly Row\\[\\]');
  expect(found.length).toBeGreaterThan(20);
  expect(missing(found, ROWS)).toEqual([]);
});
