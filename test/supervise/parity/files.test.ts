// Supervisord files in the shapes of real ones, each run by Debian's supervisord and by lbproxy in the same place: what runs, how, and
// what it leaves behind.
import { describe, expect, it } from 'vitest';
import { isRoot } from '../../support/root.ts';
import { supervisorVersion } from '../../support/supervisord.ts';
import { DIALECT_FILES } from './dialect-files.ts';
import { runBoth } from './files-run.ts';
import { FRAGMENT_FILES } from './fragment-files.ts';
import { gathered } from './gathered.ts';
import { IMAGE_FILES } from './image-files.ts';
import { linesOf } from './outcome-lines.ts';
import { REFUSED_FILES } from './refused-files.ts';

const FILES = [
  ...gathered(FRAGMENT_FILES, 4),
  ...gathered(DIALECT_FILES, 2),
  ...IMAGE_FILES,
  ...REFUSED_FILES,
];

describe.skipIf(supervisorVersion === '' || !isRoot)('a supervisord file', { concurrent: true }, () => {
  it.for(FILES.map((file) => [file.name, file] as const))('%s', { timeout: 90_000 }, async ([, file]) => {
    const { supervisord, lbproxy } = await runBoth(file);
    const [theirs, ours] = [linesOf(supervisord, file), linesOf(lbproxy, file)];
    expect(ours, lbproxy.said).toEqual(theirs);
  });
});
