// Which files of a configuration were changed after it was read.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ReadConfig } from './read-config.ts';

/** Names as in positions. A file that is gone has changed, too. */
export function changedSince({ tree, readAtMs }: ReadConfig): readonly string[] {
  return [...(tree?.sources.keys() ?? [])].filter((name) => {
    const stat = statSync(resolve(name), { throwIfNoEntry: false });
    // `-g` and what came by a pipe are no files.
    if (stat === undefined) return !name.startsWith('(');
    return stat.isFile() && stat.mtimeMs > readAtMs;
  });
}
