// The report as text of at most 120 columns.
import { apart, figureOf, type Line, type Outcome, type Spread } from './report.ts';
import type { Scenario } from './scenarios/scenario.ts';

/** Short titles of the standard figures; others go by their own names. */
const TITLES: Readonly<Record<string, string>> = {
  requestsPerSecond: 'req/s',
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
  p999Ms: 'p99.9 ms',
  cpuUs: 'CPU µs',
  userUs: 'user',
  systemUs: 'system',
  pssMb: 'PSS MB',
};

/** Figures that only the JSON file shows; failures have a line of their own. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['p90Ms', 'p999Ms', 'maxMs', 'failures']);

/** Three significant digits, whole numbers from 100 on. */
export function shortNumber(value: number): string {
  if (Number.isNaN(value)) return '-';
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const range = ({ min, max }: Spread): string => `${shortNumber(min)}–${shortNumber(max)}`;

/** A heading, a row for each contender with lbproxy's ratio to it (of user time alone too), and what went wrong. */
export function scenarioText(scenario: Scenario, lines: readonly Line[]): string {
  const compared = figureOf(scenario);
  const shown = [...new Set(lines.flatMap((line) => Object.keys(line.figures)))].filter(
    (name) => name === compared || !NOT_SHOWN.has(name),
  );
  const ratios = lines.some((line) => line.ratio !== undefined);
  const userRatios = lines.some((line) => line.userRatio !== undefined);
  const head = [
    'contender',
    ...shown.flatMap((name) => [TITLES[name] ?? name, ...(name === compared ? ['min–max'] : [])]),
    ...(ratios ? ['ratio', ''] : []),
    ...(userRatios ? ['user ÷', ''] : []),
    ...(ratios ? ['rounds'] : []),
  ];
  const rows = lines.map((line) => [
    line.contender,
    ...shown.flatMap((name) => {
      const spread = line.figures[name];
      const middle = shortNumber(spread?.median ?? Number.NaN);
      return name === compared ? [middle, spread === undefined ? '' : range(spread)] : [middle];
    }),
    ...(ratios ? ratioCells(line.ratio) : []),
    ...(userRatios ? ratioCells(line.userRatio) : []),
    ...(ratios ? [roundsText(line.agree)] : []),
  ]);
  const failed = lines
    .filter((line) => line.failures > 0)
    .map((line) => `  ! ${line.contender}: ${line.failures} failures`);
  return [`${scenario.name}: ${scenario.about}`, columns(head, rows), ...failed].join('\n');
}

/** A ratio, and how far the furthest round is from it. */
const ratioCells = (ratio: Spread | undefined): readonly string[] =>
  ratio === undefined ? ['', ''] : [ratio.median.toFixed(2), apartText(ratio)];

const apartText = (spread: Spread): string => `±${(100 * apart(spread)).toFixed(0)}%`;

const roundsText = (agree: boolean | undefined): string =>
  agree === undefined ? '' : agree ? 'agree' : 'APART';

export function targetsText(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ target, measured, met, agree, doubt }) => {
    const { against } = target;
    const other = against === undefined ? '' : 'contender' in against ? against.contender : against.scenario;
    const isRatio = against !== undefined;
    const number = (value: number): string => (isRatio ? value.toFixed(2) : shortNumber(value));
    return [
      target.scenario,
      target.figure,
      isRatio ? `÷ ${other}` : '',
      target.atMost === undefined ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`,
      number(measured.median),
      `${number(measured.min)}–${number(measured.max)}`,
      doubt ??
        `${met ? 'met' : 'MISSED'}${agree === false ? `, but rounds are APART (${apartText(measured)})` : ''}`,
    ];
  });
  return columns(['scenario', 'figure', 'against', 'target', 'measured', 'min–max', ''], rows, 3);
}

/** Columns apart by two blanks; the first `left` ones and texts at the end stand left, the others right. */
function columns(head: readonly string[], rows: readonly (readonly string[])[], left = 1): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((cells) => `  ${line(cells)}`).join('\n');
}
