// Reading a directory for a client that has left by then.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { readDirectory } from '../../../src/features/autoindex/directory.ts';

const dir = fs.mkdtempSync(join(tmpdir(), 'lbproxy-list-'));
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(dir, { recursive: true, force: true });
});

it('looks at no more entries once nobody wants them', async () => {
  for (let i = 0; i < 500; i++) fs.writeFileSync(join(dir, `file ${i}`), '');
  const looked = vi.spyOn(fs, 'stat');
  const done = vi.fn();
  readDirectory(`${dir}/`, () => looked.mock.calls.length < 20, done);
  const all = await new Promise<number>((resolve) =>
    readDirectory(
      `${dir}/`,
      () => true,
      (_problem, entries) => resolve(entries.length),
    ),
  );
  expect(all).toBe(500);
  // The second reading's own, and those that were under way.
  expect(looked.mock.calls.length).toBeLessThan(500 + 40);
  expect(done).not.toHaveBeenCalled();
});
