// Rounds → medians and spreads, ratios taken round by round, whether rounds agree, targets met or missed. Pure; print.ts shows it.
import type { Figures } from './load/load.ts';
import type { Scenario } from './scenarios/scenario.ts';
import type { Target } from './targets.ts';

export const SUBJECT = 'lbproxy';

export interface Round {
  readonly scenario: string;
  readonly contender: string;
  /** From 1; rounds of one number ran one right after the other. */
  readonly round: number;
  readonly figures: Figures;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** A contender in a scenario. */
export interface Line {
  readonly scenario: string;
  readonly contender: string;
  readonly figures: Readonly<Record<string, Spread>>;
  /** Sum over the rounds. */
  readonly failures: number;
  /** The subject's compared figure ÷ this contender's, round by round; undefined for the subject and without it. */
  readonly ratio?: Spread;
  /** The same of the user time alone: what is ours to change. Where the compared figure is CPU time. */
  readonly userRatio?: Spread;
  /** Whether every round's `ratio` is within AGREEMENT of their median: one that is not says little. */
  readonly agree?: boolean;
}

export interface Outcome {
  readonly target: Target;
  readonly measured: Spread;
  readonly met: boolean;
  /** Whether the rounds agree; absent where nothing is compared. */
  readonly agree?: boolean;
  /** Why the outcome says nothing here. */
  readonly doubt?: string;
}

/** Rounds agree when none is further from their median than this part of it. */
export const AGREEMENT = 0.1;

/** How far the furthest round is from the median, as a part of it. */
export const apart = ({ median, min, max }: Spread): number =>
  max === min ? 0 : Math.max(max - median, median - min) / median;

/** Of one round nothing can be said. */
export function agreementOf(values: readonly number[]): { readonly agree?: boolean } {
  const spread = spreadOf(values);
  if (spread === undefined || values.length < 2) return {};
  const { median, min, max } = spread;
  return { agree: max <= median * (1 + AGREEMENT) && min >= median * (1 - AGREEMENT) };
}

export const figureOf = (scenario: Scenario): string => scenario.figure ?? 'cpuUs';

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Undefined without a value that is a number. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return undefined;
  return { median: median(known), min: Math.min(...known), max: Math.max(...known) };
}

type Side = Pick<Round, 'scenario' | 'contender'>;

/** Figure of `top` ÷ that of `bottom`, each round with the same round of the other. */
export function ratiosOf(
  rounds: readonly Round[],
  figure: string,
  top: Side,
  bottom: Side,
): readonly number[] {
  return of(rounds, top).flatMap((one) => {
    const other = of(rounds, bottom).find((candidate) => candidate.round === one.round);
    return other === undefined ? [] : [one.figures[figure] / other.figures[figure]];
  });
}

const of = (rounds: readonly Round[], side: Side): readonly Round[] =>
  rounds.filter((round) => round.scenario === side.scenario && round.contender === side.contender);

/** One line for each scenario and contender, in the order in which they first ran. */
export function summarise(rounds: readonly Round[], scenarios: readonly Scenario[]): readonly Line[] {
  const sides = new Map(rounds.map((round) => [`${round.scenario}\n${round.contender}`, round]));
  return [...sides.values()].map(({ scenario, contender }) => {
    const own = of(rounds, { scenario, contender });
    const compared = scenarios.find((one) => one.name === scenario);
    return {
      scenario,
      contender,
      figures: spreadsOf(own.map((round) => round.figures)),
      failures: own.reduce((sum, round) => sum + (round.figures.failures ?? 0), 0),
      ...(compared === undefined || contender === SUBJECT ? {} : comparison(rounds, compared, contender)),
    };
  });
}

function comparison(
  rounds: readonly Round[],
  compared: Scenario,
  contender: string,
): Pick<Line, 'ratio' | 'userRatio' | 'agree'> {
  const scenario = compared.name;
  const figure = figureOf(compared);
  const ratios = (name: string): readonly number[] =>
    ratiosOf(rounds, name, { scenario, contender: SUBJECT }, { scenario, contender });
  const ratio = spreadOf(ratios(figure));
  const userRatio = figure === 'cpuUs' ? spreadOf(ratios('userUs')) : undefined;
  return {
    ...(ratio === undefined ? {} : { ratio, ...agreementOf(ratios(figure)) }),
    ...(userRatio === undefined ? {} : { userRatio }),
  };
}

function spreadsOf(figures: readonly Figures[]): Record<string, Spread> {
  const spreads: Record<string, Spread> = {};
  for (const name of new Set(figures.flatMap((one) => Object.keys(one)))) {
    const spread = spreadOf(figures.flatMap((one) => (name in one ? [one[name]] : [])));
    if (spread !== undefined) spreads[name] = spread;
  }
  return spreads;
}

/** Outcomes of those targets whose scenarios ran. */
export function outcomesOf(
  rounds: readonly Round[],
  targets: readonly Target[],
  cores: number,
): readonly Outcome[] {
  return targets.flatMap((target) => {
    const values = valuesOf(rounds, target);
    const measured = spreadOf(values);
    if (measured === undefined) return [];
    const met =
      measured.median <= (target.atMost ?? Infinity) && measured.median >= (target.atLeast ?? -Infinity);
    const doubt =
      cores < (target.leastCores ?? 0) ? `needs ${target.leastCores} cores, here are ${cores}` : undefined;
    const compared = target.against === undefined ? {} : agreementOf(values);
    return [{ target, measured, met, ...compared, ...(doubt === undefined ? {} : { doubt }) }];
  });
}

function valuesOf(rounds: readonly Round[], { scenario, figure, against }: Target): readonly number[] {
  const subject = { scenario, contender: SUBJECT };
  if (against === undefined) return of(rounds, subject).map((round) => round.figures[figure] ?? Number.NaN);
  return ratiosOf(rounds, figure, subject, { ...subject, ...against });
}
