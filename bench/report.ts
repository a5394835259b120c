// Rounds → medians, ratios to nginx taken round by round, a table and JSON.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Round {
  readonly scenario: string;
  readonly contender: string;
  readonly round: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUs: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly pssMb: number;
  readonly failures: number;
}

export const REFERENCE = 'nginx (tuned)';

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Medians of the rounds of a contender in a scenario; failures are added up. */
export interface Line extends Omit<Round, 'round'> {
  /** Median of the CPU ratios to the reference, round by round; NaN without the reference. */
  readonly cpuRatio: number;
}

export function summarise(rounds: readonly Round[]): Line[] {
  const keys = [...new Set(rounds.map((r) => `${r.scenario}\n${r.contender}`))];
  return keys.map((key) => {
    const [scenario, contender] = key.split('\n');
    const own = rounds.filter((r) => r.scenario === scenario && r.contender === contender);
    const ratios = own.flatMap((r) => {
      const reference = rounds.find(
        (o) => o.scenario === scenario && o.contender === REFERENCE && o.round === r.round,
      );
      return reference === undefined ? [] : [r.cpuUs / reference.cpuUs];
    });
    const of = (pick: (r: Round) => number): number => median(own.map(pick));
    return {
      scenario,
      contender,
      requestsPerSecond: of((r) => r.requestsPerSecond),
      p50Ms: of((r) => r.p50Ms),
      p99Ms: of((r) => r.p99Ms),
      cpuUs: of((r) => r.cpuUs),
      userUs: of((r) => r.userUs),
      systemUs: of((r) => r.systemUs),
      pssMb: of((r) => r.pssMb),
      failures: own.reduce((sum, r) => sum + r.failures, 0),
      cpuRatio: median(ratios),
    };
  });
}

export function table(lines: readonly Line[]): string {
  const head = [
    'scenario',
    'contender',
    'req/s',
    'p50 ms',
    'p99 ms',
    'CPU µs/req',
    'user',
    'sys',
    'PSS MB',
    `CPU ÷ ${REFERENCE}`,
    'failures',
  ];
  const rows = lines.map((l) => [
    l.scenario,
    l.contender,
    l.requestsPerSecond.toFixed(0),
    l.p50Ms.toFixed(1),
    l.p99Ms.toFixed(1),
    l.cpuUs.toFixed(1),
    l.userUs.toFixed(1),
    l.systemUs.toFixed(1),
    l.pssMb.toFixed(0),
    Number.isNaN(l.cpuRatio) ? '-' : l.cpuRatio.toFixed(2),
    String(l.failures),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  return [line(head), ...rows.map(line)].join('\n');
}

/** Writes bench/results/DATE.json; the path. */
export function writeResults(
  lines: readonly Line[],
  rounds: readonly Round[],
  versions: Record<string, string>,
): string {
  const dir = new URL('./results/', import.meta.url).pathname;
  mkdirSync(dir, { recursive: true });
  const file = `${dir}${new Date().toISOString().replace(/[:.]/g, '-')}.json`;
  let commit = 'unknown';
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    // Not a checkout.
  }
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, platform: process.platform };
  writeFileSync(file, `${JSON.stringify({ machine, commit, versions, lines, rounds }, null, 2)}\n`);
  return file;
}
