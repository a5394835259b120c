// The fuzz runner itself: it sees what is wrong, each of its targets works, and what it found once stays mended.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { KEPT } from './kept.ts';
import { openTarget } from './open-target.ts';
import { Random } from './random.ts';
import { problemsOf } from './report.ts';
import { Runner } from './runner.ts';
import { FAULTS } from './stub-target.ts';
import { TARGET_NAMES } from './target.ts';

const RUN = join(import.meta.dirname, 'run.ts');

/** Enough to see that a target runs; all of it comes from the seed, but for time. */
const SMOKE = { seed: '1', cases: '60' };

function fuzz(...args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [RUN, ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), text: stdout + stderr });
    });
  });
}

describe('the runner', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-fuzz-test-'));
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(dir, { recursive: true, force: true });
  });

  it('tells of a case that fails, is slow, hangs or ends the process, and goes on behind it', async () => {
    const said: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      said.push(String(text));
      return true;
    });
    const options = { minutes: 1, only: [], seed: 4, cases: FAULTS.last + 1, single: -1, rate: 0 };
    const result = await new Runner(join(import.meta.dirname, 'stub-target.ts'), options, dir).run();
    vi.restoreAllMocks();
    const text = said.join('');
    for (const [index, what] of [
      [FAULTS.wrong, 'the wrong one'],
      [FAULTS.slow, 'takes 1\\d+ ms'],
      [FAULTS.hangs, 'hangs'],
      [FAULTS.ends, 'its process ended \\(3\\)'],
      [FAULTS.last, 'what no case saw'],
    ])
      expect(text).toMatch(new RegExp(`case ${index}: [^]*?${what}[^]*?--seed 4 --case ${index}\n`));
    expect(result.failures).toBe(5);
    expect(problemsOf(result)).toBe(5);
    expect(result.slowestMs).toBeGreaterThan(1000);
    // The two that ended their process are not counted as run.
    expect(result.cases).toBeGreaterThanOrEqual(FAULTS.last - 2 * 9);
  }, 60_000);

  it('makes the same case of the same seed and index, and others of others', async () => {
    const target = await openTarget('config');
    const made = (seed: number, index: number): unknown => target.make(new Random(seed, index));
    expect(made(1, 5)).toEqual(made(1, 5));
    expect(made(1, 5)).not.toEqual(made(1, 6));
    expect(made(1, 5)).not.toEqual(made(2, 5));
    await target.close();
  });

  it('refuses words that it does not know', async () => {
    const { code, text } = await fuzz('--only', 'nonsense');
    expect(code).toBe(2);
    expect(text).toContain('there is no target "nonsense"');
    expect(text).toContain('--minutes N');
  });
});

describe.each(TARGET_NAMES)('%s', (name) => {
  it('runs', async () => {
    const { code, text } = await fuzz('--only', name, '--seed', SMOKE.seed, '--cases', SMOKE.cases);
    expect(text).toMatch(new RegExp(`^ *${name} +${SMOKE.cases} +`, 'm'));
    expect(text).not.toContain('FAILED');
    expect(code).toBe(0);
  }, 60_000);

  if (KEPT[name].length === 0) return;

  it('does well what it once did not', async () => {
    const target = await openTarget(name);
    try {
      for (const [what, input] of KEPT[name]) {
        await Promise.resolve(target.run(input, 0)).catch((error: Error) => {
          throw new Error(`${what}: ${error.message}`);
        });
      }
      await target.check?.();
    } finally {
      await target.close();
    }
  });
});
