// Options → what runs with what, in which order.
import { type Contender, PLAIN_SETUP, type Setup } from './contenders/contender.ts';
import type { Options } from './options.ts';
import type { Scenario } from './scenarios/scenario.ts';

/** Scenarios whose rounds are interleaved: one, or a family of those that are compared with each other. */
export type Group = readonly Entry[];

export interface Entry {
  readonly scenario: Scenario;
  readonly contenders: readonly Contender[];
  readonly seconds: number;
}

/** The warm-up: enough that V8 has compiled what a request takes; after one second its figures still fall by a tenth and more. */
export const WARM_SECONDS = 2;

/** In a quick run these scenarios meet every contender, all others only these two. */
const QUICK_FOR_ALL: readonly string[] = ['plain'];
const QUICK_CONTENDERS: readonly string[] = ['lbproxy', 'nginx (tuned)'];

export const setupOf = (setup: Partial<Setup>): Setup => ({ ...PLAIN_SETUP, ...setup });

export function planOf(
  options: Options,
  scenarios: readonly Scenario[],
  contenders: readonly Contender[],
): readonly Group[] {
  const groups = new Map<string, Entry[]>();
  for (const scenario of scenarios) {
    if (!wants(options, scenario)) continue;
    const taking = contenders.filter((contender) => takesPart(options, scenario, contender));
    if (taking.length === 0) continue;
    const key = scenario.family ?? scenario.name;
    const seconds = Math.max(options.seconds, scenario.leastSeconds ?? 0);
    groups.set(key, [...(groups.get(key) ?? []), { scenario, contenders: taking, seconds }]);
  }
  return [...groups.values()];
}

function wants(options: Options, scenario: Scenario): boolean {
  if (options.only !== undefined) return options.only.includes(scenario.name);
  return !options.quick || scenario.quick === true;
}

function takesPart(options: Options, scenario: Scenario, contender: Contender): boolean {
  if (!contender.supports(setupOf(scenario.setup))) return false;
  if (options.compare !== undefined) return true;
  if (options.contenders !== undefined) {
    return options.contenders.includes(contender.name) && allowed(scenario, contender);
  }
  if (options.quick && options.only === undefined && !QUICK_FOR_ALL.includes(scenario.name)) {
    return QUICK_CONTENDERS.includes(contender.name);
  }
  return allowed(scenario, contender);
}

const allowed = (scenario: Scenario, contender: Contender): boolean =>
  scenario.contenders?.includes(contender.name) ?? true;

/** About how long it takes: the warm-up, the rounds, and a second for start, verification and stop. */
export function secondsOf(groups: readonly Group[], rounds: number): number {
  return groups.flat().reduce((sum, { scenario, contenders, seconds }) => {
    const warm = scenario.warmSeconds ?? WARM_SECONDS;
    return sum + contenders.length * (1 + warm + rounds * seconds);
  }, 0);
}
