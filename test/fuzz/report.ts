// What a run found, as a table.
import { GROWTH, mb } from './memory.ts';
import type { Result } from './runner.ts';

/** Of everything: cases that failed, memory that grew, a target without a case. */
export function problemsOf(result: Result): number {
  const grew = result.memory.series.filter(({ problem }) => problem !== null).length;
  return result.failures + grew + (result.cases === 0 ? 1 : 0);
}

export function reportText(results: readonly Result[], seed: number): string {
  const rows = results.map((r) => [
    r.target,
    r.cases.toLocaleString('en'),
    `${Math.round(r.cases / r.seconds)}/s`,
    `${Math.round(r.slowestMs)} ms (case ${r.slowest})`,
    String(r.failures),
  ]);
  const memory = results.flatMap((r) =>
    r.memory.series.map(({ name, firstBytes, lastBytes, problem }) => [
      `${r.target}: ${name}`,
      mb(firstBytes),
      mb(lastBytes),
      problem ?? 'flat',
    ]),
  );
  const bound = `${GROWTH.share * 100} % and ${mb(GROWTH.bytes)}`;
  return [
    `seed ${seed}`,
    table([['target', 'cases', 'rate', 'slowest', 'failures'], ...rows]),
    `resident memory, median of the first third and of the last; it may grow by ${bound}:`,
    table([['process', 'first', 'last', ''], ...memory]),
  ].join('\n');
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => `  ${row.map((text, i) => text.padEnd(widths[i])).join('  ')}`.trimEnd())
    .join('\n');
}
