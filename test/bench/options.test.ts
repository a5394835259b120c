import { describe, expect, it } from 'vitest';
import type { Contender } from '../../bench/contenders/contender.ts';
import { type Names, parseOptions } from '../../bench/options.ts';
import { planOf, secondsOf } from '../../bench/plan.ts';
import { SCENARIOS } from '../../bench/scenarios/index.ts';
import type { Scenario } from '../../bench/scenarios/scenario.ts';

const NAMES: Names = {
  scenarios: new Map([
    ['plain', 'plain'],
    ['peers-4', 'peers'],
    ['peers-1000', 'peers'],
  ]),
  contenders: ['lbproxy', 'nginx (tuned)', 'nginx (classic)'],
};

describe('options of the benchmark', () => {
  it('have defaults', () => {
    expect(parseOptions([], NAMES)).toMatchObject({ quick: false, rounds: 3, seconds: 5 });
    expect(parseOptions(['--quick'], NAMES)).toMatchObject({ quick: true, rounds: 2, seconds: 2 });
  });

  it('take families of scenarios and beginnings of contenders', () => {
    const options = parseOptions(['--only', 'peers,plain', '--contenders', 'lb,NGINX'], NAMES);
    expect(options.only).toEqual(['peers-4', 'peers-1000', 'plain']);
    expect(options.contenders).toEqual(NAMES.contenders);
  });

  it.each([
    [['--only', 'plane'], 'there is no scenario "plane"; valid: plain, peers-4, peers-1000'],
    [['--contenders', 'apache'], 'there is no contender "apache"; valid: lbproxy'],
    [['--contenders', 'lbproxy,'], 'there is no contender ""'],
    [['--load', 'ab'], 'there is no load "ab"; valid: wrk, autocannon'],
    [['--rounds', '0'], '--rounds takes a whole number from 1, not "0"'],
    [['--seconds', '1.5'], '--seconds takes a whole number from 1, not "1.5"'],
    [['--fast'], '--fast'],
  ])('refuse %j', (args, message) => {
    expect(() => parseOptions(args, NAMES)).toThrow(message);
  });
});

const contender = (name: string, supports = true): Contender => ({
  ...{ name, install: '', version: () => '1', supports: () => supports, command: () => [] },
});
const scenario = (name: string, more: Partial<Scenario> = {}): Scenario => ({
  ...{ name, about: name, setup: {}, load: { kind: 'http' } },
  ...more,
});

describe('plan', () => {
  const contenders = [
    contender('lbproxy'),
    contender('nginx (tuned)'),
    contender('Caddy'),
    contender('no', false),
  ];
  const names = (args: readonly string[], scenarios: readonly Scenario[]): readonly string[][] =>
    planOf(parseOptions(args, NAMES), scenarios, contenders).map((group) =>
      group.map((entry) => `${entry.scenario.name}: ${entry.contenders.map((one) => one.name).join(' ')}`),
    );

  it('interleaves a family and leaves out who does not take part', () => {
    const scenarios = [
      scenario('peers-4', { family: 'peers', contenders: ['lbproxy'] }),
      scenario('plain'),
      scenario('peers-1000', { family: 'peers', contenders: ['lbproxy', 'Caddy'] }),
    ];
    expect(names([], scenarios)).toEqual([
      ['peers-4: lbproxy', 'peers-1000: lbproxy Caddy'],
      ['plain: lbproxy nginx (tuned) Caddy'],
    ]);
  });

  it('gives every contender of a quick run the plain scenario only', () => {
    const scenarios = [scenario('plain', { quick: true }), scenario('tls', { quick: true }), scenario('log')];
    expect(names(['--quick'], scenarios)).toEqual([
      ['plain: lbproxy nginx (tuned) Caddy'],
      ['tls: lbproxy nginx (tuned)'],
    ]);
  });

  it('plans a quick run of at most three minutes with all contenders', () => {
    const everyone = ['lbproxy', 'nginx (tuned)', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) =>
      contender(name),
    );
    const options = parseOptions(['--quick'], NAMES);
    expect(secondsOf(planOf(options, SCENARIOS, everyone), options.rounds)).toBeLessThan(170);
  });

  it('makes rounds as long as a scenario needs', () => {
    const [[entry]] = planOf(
      parseOptions(['--seconds', '2'], NAMES),
      [scenario('a', { leastSeconds: 9 })],
      contenders,
    );
    expect(entry.seconds).toBe(9);
  });
});
