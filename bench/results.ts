// What a run leaves behind: bench/results/<time>.json with a line for each contender of a scenario, a chart beside it, and every
// round in <time>.rounds.json where that was asked for.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { CHECKOUT } from './contenders/lbproxy.ts';
import type { Engine } from './load/http-engines.ts';
import type { Options } from './options.ts';
import { unpinnedBecause } from './pin.ts';
import { AGREEMENT, type Line, type Outcome, type Round, type Spread } from './report.ts';

export interface Results {
  readonly options: Options;
  /** What sent the requests. */
  readonly engine: Engine;
  /** Of all cores, by others before the run. */
  readonly busyPercent: number;
  /** Version of each contender. */
  readonly versions: Readonly<Record<string, string>>;
  readonly lines: readonly Line[];
  readonly outcomes: readonly Outcome[];
  readonly rounds: readonly Round[];
}

export function machine(): Readonly<Record<string, string | number>> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    kernel: `${process.platform} ${release()}`,
    node: process.versions.node,
    pinning: unpinnedBecause ?? 'contender on core 0, load and upstreams on core 1',
  };
}

/** The commit, and whether files differ from it; undefined outside a checkout. */
export function checkout(): { readonly commit: string; readonly dirty: boolean } | undefined {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: CHECKOUT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return { commit: git('rev-parse', '--short', 'HEAD'), dirty: git('status', '--porcelain') !== '' };
  } catch {
    return undefined;
  }
}

/** Enough for what is compared, and no more digits than a round is good for. */
const DIGITS = 4;

const rounded = (value: number): number => Number(value.toPrecision(DIGITS));
const asList = ({ median, min, max }: Spread): readonly number[] => [median, min, max].map(rounded);

/** A run as JSON: what it ran on, then a line of text for each contender of a scenario and for each target. */
export function summaryText(about: object, lines: readonly Line[], outcomes: readonly Outcome[]): string {
  const short = lines.map(({ scenario, contender, failures, figures, ratio, userRatio, agree }) => ({
    ...{ scenario, contender, ...(failures > 0 ? { failures } : {}) },
    figures: Object.fromEntries(
      Object.entries(figures)
        .filter(([name]) => name !== 'failures')
        .map(([name, spread]) => [name, asList(spread)]),
    ),
    ...(ratio === undefined ? {} : { ratio: asList(ratio) }),
    ...(userRatio === undefined ? {} : { userRatio: asList(userRatio) }),
    ...(agree === undefined ? {} : { agree }),
  }));
  const told = outcomes.map(({ target, measured, ...outcome }) => ({
    ...target,
    measured: asList(measured),
    ...outcome,
  }));
  const values =
    'median, least and greatest of the rounds; ratio: lbproxy ÷ this contender, round by round; userRatio: of user time alone; ' +
    `agree: no round is further than ${100 * AGREEMENT} % from the median`;
  const head = JSON.stringify({ ...about, values }, null, 2).slice(0, -2);
  return `${head},\n  "lines": ${listText(short)},\n  "outcomes": ${listText(told)}\n}\n`;
}

function listText(entries: readonly object[]): string {
  if (entries.length === 0) return '[]';
  return `[\n${entries.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n')}\n  ]`;
}

/** Writes the files; their paths. `svg` is undefined where there is nothing to draw. */
export function writeResults(results: Results, svg: string | undefined): readonly string[] {
  const { lines, outcomes, rounds, ...run } = results;
  const dir = new URL('./results/', import.meta.url).pathname;
  mkdirSync(dir, { recursive: true });
  const time = new Date().toISOString();
  const base = `${dir}${time.replace(/[:.]/g, '-')}`;
  const about = { time, machine: machine(), ...checkout(), ...run };
  const files = new Map([[`${base}.json`, summaryText(about, lines, outcomes)]]);
  if (run.options.everyRound)
    files.set(`${base}.rounds.json`, `${JSON.stringify({ ...about, rounds }, null, 2)}\n`);
  if (svg !== undefined) files.set(`${base}.svg`, svg);
  for (const [file, text] of files) writeFileSync(file, text);
  return [...files.keys()];
}
