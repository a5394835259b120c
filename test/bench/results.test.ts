// What a run of the benchmark leaves behind is short enough to be read and kept in git.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { outcomesOf, type Round, summarise } from '../../bench/report.ts';
import { summaryText } from '../../bench/results.ts';
import type { Scenario } from '../../bench/scenarios/scenario.ts';

const PLAIN: Scenario = { name: 'plain', about: 'a', setup: {}, load: { kind: 'http' } };
const ROUNDS: readonly Round[] = [1, 2, 3].flatMap((round) =>
  ['lbproxy', 'nginx'].map((contender, i) => ({
    ...{ scenario: 'plain', contender, round },
    figures: { cpuUs: 20.123456 * round + i, failures: 0 },
  })),
);

it('a summary is JSON with one line of text for each contender and target, rounded', () => {
  const target = { scenario: 'plain', figure: 'cpuUs', against: { contender: 'nginx' }, atMost: 1.2 };
  const text = summaryText(
    { time: 'now', machine: { cores: 2 } },
    summarise(ROUNDS, [PLAIN]),
    outcomesOf(ROUNDS, [target], 2),
  );
  expect(JSON.parse(text)).toEqual({
    time: 'now',
    machine: { cores: 2 },
    values: expect.stringContaining('median, least and greatest'),
    lines: [
      {
        scenario: 'plain',
        contender: 'lbproxy',
        figures: { cpuUs: [40.25, 20.12, 60.37] },
      },
      {
        scenario: 'plain',
        contender: 'nginx',
        figures: { cpuUs: [41.25, 21.12, 61.37] },
        ratio: [0.9758, 0.9527, 0.9837],
        agree: true,
      },
    ],
    outcomes: [{ ...target, measured: [0.9758, 0.9527, 0.9837], met: true, agree: true }],
  });
  expect(text.split('\n').filter((line) => line.includes('"contender"'))).toHaveLength(3);
});

it('a summary of nothing is JSON, too', () => {
  expect(JSON.parse(summaryText({ time: 'now' }, [], []))).toMatchObject({ lines: [], outcomes: [] });
});

it('those in git are summaries', () => {
  const dir = new URL('../../bench/results/', import.meta.url);
  const names = readdirSync(dir).filter((name) => name.endsWith('.json') && !name.endsWith('.rounds.json'));
  expect(names.length).toBeGreaterThan(1);
  for (const name of names) {
    const text = readFileSync(new URL(name, dir), 'utf8');
    expect(Object.keys(JSON.parse(text)), name).not.toContain('rounds');
    expect(text.split('\n').length, name).toBeLessThan(400);
  }
});
