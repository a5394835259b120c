import { describe, expect, it } from 'vitest';
import { chart } from '../../bench/chart.ts';
import { scenarioText, shortNumber, targetsText } from '../../bench/print.ts';
import {
  agreementOf,
  apart,
  median,
  outcomesOf,
  type Round,
  ratiosOf,
  spreadOf,
  summarise,
} from '../../bench/report.ts';
import type { Scenario } from '../../bench/scenarios/scenario.ts';

const NGINX = 'nginx (tuned)';
const PLAIN: Scenario = { name: 'plain', about: 'a <b> & c', setup: {}, load: { kind: 'http' } };
const LARGE: Scenario = { ...PLAIN, name: 'large' };

const round = (scenario: string, contender: string, number: number, cpuUs: number): Round => ({
  ...{ scenario, contender, round: number },
  figures: { cpuUs, userUs: cpuUs / 4, requestsPerSecond: 1e6 / cpuUs, failures: number - 1 },
});

// Rounds in which the machine got slower for both: the ratio of the medians would be 1.5.
const ROUNDS: readonly Round[] = [
  ...[round('plain', 'lbproxy', 1, 20), round('plain', NGINX, 1, 20)],
  ...[round('plain', 'lbproxy', 2, 30), round('plain', NGINX, 2, 20)],
  ...[round('plain', 'lbproxy', 3, 60), round('plain', NGINX, 3, 50)],
  ...[round('large', 'lbproxy', 1, 22), round('large', 'lbproxy', 2, 30), round('large', 'lbproxy', 3, 72)],
];

describe('report', () => {
  it('takes the middle of values, and the mean of two middles', () => {
    expect(median([3, 1, 10])).toBe(3);
    expect(median([4, 1, 10, 2])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it('leaves out values that are no numbers', () => {
    expect(spreadOf([Number.NaN, 2, 1, 6])).toEqual({ median: 2, min: 1, max: 6 });
    expect(spreadOf([Number.NaN])).toBeUndefined();
  });

  it('divides each round by the same round of the other', () => {
    const side = (contender: string) => ({ scenario: 'plain', contender });
    expect(ratiosOf(ROUNDS, 'cpuUs', side('lbproxy'), side(NGINX))).toEqual([1, 1.5, 1.2]);
  });

  it('leaves out rounds that the other did not finish', () => {
    const rounds = ROUNDS.filter((one) => one.contender !== NGINX || one.round !== 2);
    const side = (contender: string) => ({ scenario: 'plain', contender });
    expect(ratiosOf(rounds, 'cpuUs', side('lbproxy'), side(NGINX))).toEqual([1, 1.2]);
  });

  it('summarises each contender of a scenario in the order of their first rounds', () => {
    const lines = summarise(ROUNDS, [PLAIN, LARGE]);
    expect(lines.map((line) => `${line.scenario} ${line.contender}`)).toEqual([
      'plain lbproxy',
      `plain ${NGINX}`,
      'large lbproxy',
    ]);
    expect(lines[0].figures.cpuUs).toEqual({ median: 30, min: 20, max: 60 });
    expect(lines[0].ratio).toBeUndefined();
    expect(lines[0].failures).toBe(3);
    expect(lines[1].ratio).toEqual({ median: 1.2, min: 1, max: 1.5 });
    // A round is 25 % above the median.
    expect(lines[1].agree).toBe(false);
    expect(lines[0].agree).toBeUndefined();
    expect(lines[2].agree).toBeUndefined();
  });

  it('compares the user time apart, where CPU time is compared', () => {
    const rounds = [1, 2, 3].flatMap((number) => [
      { ...round('plain', 'lbproxy', number, 20), figures: { cpuUs: 20, userUs: 7 + number / 10 } },
      { ...round('plain', NGINX, number, 16), figures: { cpuUs: 16, userUs: 4 } },
    ]);
    const [, line] = summarise(rounds, [PLAIN]);
    expect(line.ratio).toEqual({ median: 1.25, min: 1.25, max: 1.25 });
    expect(line.userRatio?.median).toBeCloseTo(7.2 / 4);
    expect(line.agree).toBe(true);
    const latency = summarise(rounds, [{ ...PLAIN, figure: 'p99Ms' }]);
    expect(latency[1].userRatio).toBeUndefined();
  });

  it('rounds agree when none is further than a tenth from the median', () => {
    expect(agreementOf([1, 0.9, 1.1])).toEqual({ agree: true });
    expect(agreementOf([1, 0.89, 1])).toEqual({ agree: false });
    expect(agreementOf([1, 1, 1.11])).toEqual({ agree: false });
    expect(agreementOf([1])).toEqual({});
    expect(apart({ median: 2, min: 1.5, max: 2.2 })).toBe(0.25);
  });

  it('says which targets are met, against a contender, another scenario and a fixed value', () => {
    const outcomes = outcomesOf(
      ROUNDS,
      [
        { scenario: 'plain', figure: 'cpuUs', against: { contender: NGINX }, atMost: 1.2 },
        { scenario: 'plain', figure: 'cpuUs', against: { contender: NGINX }, atMost: 1.19 },
        { scenario: 'large', figure: 'cpuUs', against: { scenario: 'plain' }, atMost: 1.1 },
        { scenario: 'plain', figure: 'requestsPerSecond', atLeast: 40_000, leastCores: 4 },
        { scenario: 'elsewhere', figure: 'cpuUs', atMost: 1 },
      ],
      2,
    );
    expect(outcomes.map((one) => one.met)).toEqual([true, false, true, false]);
    expect(outcomes[2].measured).toEqual({ median: 1.1, min: 1, max: 1.2 });
    expect(outcomes.map((one) => one.agree)).toEqual([false, false, true, undefined]);
    expect(outcomes[3].doubt).toBe('needs 4 cores, here are 2');
  });
});

describe('the text of the report', () => {
  it('rounds to three digits', () => {
    expect([1.234, 12.34, 123.4, 12_345.6, Number.NaN].map(shortNumber)).toEqual([
      '1.23',
      '12.3',
      '123',
      '12346',
      '-',
    ]);
  });

  it('names failures, and stays within 120 columns with all standard figures', () => {
    const figures = { requestsPerSecond: 123_456, p50Ms: 123.4, p90Ms: 1, p99Ms: 1234.5, p999Ms: 1234.5 };
    const more = { cpuUs: 1234.5, userUs: 1234.5, systemUs: 1234.5, pssMb: 123.4, failures: 2 };
    const rounds = ['lbproxy', '@fastify/http-proxy'].map((contender) => ({
      ...{ scenario: 'plain', contender, round: 1 },
      figures: { ...figures, ...more },
    }));
    const text = scenarioText(PLAIN, summarise(rounds, [PLAIN]));
    expect(text).toContain('! lbproxy: 2 failures');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it('shows both ratios of a row, how far its rounds are apart, and whether they agree', () => {
    const cells = scenarioText(PLAIN, summarise(ROUNDS, [PLAIN]))
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));
    expect(cells[1].slice(-3)).toEqual(['ratio', 'user ÷', 'rounds']);
    expect(cells[3].slice(-5)).toEqual(['1.20', '±25%', '1.20', '±25%', 'APART']);
  });

  it('prints a target that was missed', () => {
    const target = { scenario: 'plain', figure: 'cpuUs', against: { contender: NGINX }, atMost: 1.15 };
    const text = targetsText(outcomesOf(ROUNDS, [target], 2));
    expect(text.split('\n')[1].trim().split(/ {2,}/)).toEqual([
      ...[
        'plain',
        'cpuUs',
        `÷ ${NGINX}`,
        '≤ 1.15',
        '1.20',
        '1.00–1.50',
        'MISSED, but rounds are APART (±25%)',
      ],
    ]);
  });
});

describe('chart', () => {
  const svg = chart([PLAIN, LARGE], summarise(ROUNDS, [PLAIN, LARGE]), 'CPU & kernel') ?? '';

  it('is well-formed XML', () => {
    const open: string[] = [];
    for (const [, closing, name, , self] of svg.matchAll(
      /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<&]*")*)\s*(\/?)>/gi,
    )) {
      if (closing === '/') expect(open.pop()).toBe(name);
      else if (self !== '/') open.push(name);
    }
    expect(open).toEqual([]);
    // What is left beside the tags has no bare special character.
    const texts = svg.replace(/<\/?[a-z]+(?:\s+[\w:-]+="[^"<&]*")*\s*\/?>/gi, '');
    expect(texts.replace(/&(amp|lt|gt);/g, '')).not.toMatch(/[<&]/);
    expect(texts).toContain('a &lt;b&gt; &amp; c');
  });

  it('is not drawn without CPU figures', () => {
    expect(chart([PLAIN], [], '')).toBeUndefined();
  });

  it('draws user and system time of each contender, the greatest at full width', () => {
    const widths = [...svg.matchAll(/class="(user|system)" [^>]*width="([\d.]+)"/g)].map((m) => Number(m[2]));
    expect(widths).toHaveLength(2 + 6);
    const [, , ...bars] = widths; // behind the legend
    const [ours, nginx] = [bars[0] + bars[1], bars[2] + bars[3]];
    expect(nginx / ours).toBeCloseTo(20 / 30, 2);
  });
});
