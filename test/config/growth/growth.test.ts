// Reading a configuration takes time in proportion to its length, whatever is in it, and what is printed of it has an end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/cli/read-config.ts';
import { packModel } from '../../../src/config/model-wire.ts';
import { printNginx } from '../../../src/config/print.ts';
import { formatProblems, type Problem } from '../../../src/config/problem.ts';
import { cpuGrowth, cpuWatch } from '../../support/cpu-time.ts';
import { CONSTRUCTS, type Construct } from './constructs.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbproxy-growth-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Reading {
  readonly ms: number;
  readonly problems: readonly Problem[];
  readonly printed: string;
}

/** All that -T does with a text but for what it starts. */
function read({ syntax, make }: Construct, n: number): Reading {
  const file = join(directory, `main.${syntax === 'json' ? 'json' : 'conf'}`);
  writeFileSync(file, make(n));
  const spentMs = cpuWatch();
  const { model, tree, problems } = readConfig(file, {});
  const printed = formatProblems(problems.list, tree?.sources ?? new Map());
  if (tree !== undefined) printNginx(tree.directives);
  if (model !== undefined) packModel(model);
  return { ms: spentMs(), problems: problems.list, printed };
}

/** Less is not to be told from the noise. */
const LEAST_MS = 5;
const MOST = 8000;
const TIMES = 8;
/** Of eight times as much: eight in theory, three times that with a full heap, 64 where it is the square. */
const BOUND = 24;

/** How much longer eight times as many take, and what is printed of them. */
async function growth(construct: Construct): Promise<{ readonly ratio: number; readonly printed: string }> {
  let n = 250;
  let small = read(construct, n).ms;
  while (small < LEAST_MS && n < MOST) {
    n *= 2;
    small = read(construct, n).ms;
  }
  let printed = '';
  const ratio = await cpuGrowth(
    () => Math.max(read(construct, n).ms, LEAST_MS),
    () => {
      const large = read(construct, n * TIMES);
      printed = large.printed;
      return large.ms;
    },
    BOUND,
  );
  return { ratio, printed };
}

describe.each(CONSTRUCTS)('$syntax: $name', (construct) => {
  it(`a few ${construct.good ? 'are good' : 'have problems'}`, () => {
    const { problems } = read(construct, 3);
    const errors = problems.filter(({ severity }) => severity === 'error').map(({ message }) => message);
    if (construct.good) expect(errors).toEqual([]);
    else expect(problems).not.toEqual([]);
  });

  it('many take time in proportion, and few words', async () => {
    const { ratio, printed } = await growth(construct);
    expect(ratio).toBeLessThan(BOUND);
    expect(printed.length).toBeLessThan(100_000);
  });
});
