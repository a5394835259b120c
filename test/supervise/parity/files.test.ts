// Supervisord files in the shapes of real ones, each run by Debian's supervisord and by lbproxy in the same place: what runs, how, and
// what it leaves behind.
import { describe, expect, it } from 'vitest';
import { isRoot } from '../../support/root.ts';
import { supervisorVersion } from '../../support/supervisord.ts';
import { DIALECT_FILES } from './dialect-files.ts';
import { runBoth, runLbproxy } from './files-run.ts';
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

/** Supervisor refuses the whole file for each of the two. */
const BAD_ONES = `[supervisord]
[program:stranger]
command=node a.js
user=no-such-user
startretries=0
[program:folder]
command=node a.js
stdout_logfile={dir}/missing/a.log
startretries=0
[program:good]
command=node a.js
`;

describe.skipIf(supervisorVersion === '' || !isRoot)('a supervisord file', { concurrent: true }, () => {
  it.for(FILES.map((file) => [file.name, file] as const))('%s', { timeout: 90_000 }, async ([, file]) => {
    const { supervisord, lbproxy } = await runBoth(file);
    const [theirs, ours] = [linesOf(supervisord, file), linesOf(lbproxy, file)];
    expect(ours, lbproxy.said).toEqual(theirs);
  });

  it('loses the programs that cannot run, and no other', { timeout: 60_000 }, async () => {
    const { processes, status, said } = await runLbproxy({ name: 'bad ones', text: BAD_ONES });
    const seen = processes.map(({ name, statename, spawnerr }) => `${name} ${statename} ${spawnerr}`);
    expect(seen).toEqual([
      expect.stringMatching(
        /^folder FATAL the directory \S+\/missing of its stdout_logfile does not exist: create it/,
      ),
      'good RUNNING ',
      expect.stringMatching(/^stranger FATAL there is no user "no-such-user" on this system: create it/),
    ]);
    expect(status[0]).toBe(3);
    expect(said).toMatch(/supervisord\.conf:\d+:\d+/);
  });
});
