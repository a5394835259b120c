// Samples → a table of Markdown: CPU µs of a request by part. Pure.
import type { Figures } from '../load/load.ts';
import { PARTS } from './parts.ts';
import type { Samples } from './samples.ts';

export interface UserRow {
  readonly name: string;
  /** Of the span in which the samples were taken: cpuUs, and requestsPerSecond. */
  readonly figures: Figures;
  readonly samples: Samples;
}

/** A column for each row of the benchmark: µs of a part, and its percents of the user time. */
export function tableText(rows: readonly UserRow[], about: string): string {
  const columns = rows.map(columnOf);
  const line = (title: string, cells: readonly string[]): string => `| ${[title, ...cells].join(' | ')} |`;
  const used = PARTS.filter((part) => rows.some(({ samples }) => (samples.user.get(part) ?? 0) > 0));
  const byPerf = rows[0]?.samples.by === 'perf';
  const how = byPerf
    ? 'by perf'
    : "by V8's profiler, which counts what the kernel does to where it was called from";
  return `${[
    `CPU µs of a request (and % of the user time), ${how}; ${about}.`,
    '',
    line(
      '',
      rows.map(({ name }) => name),
    ),
    line(
      '---',
      rows.map(() => '---:'),
    ),
    line(
      '**all**',
      columns.map(({ all }) => `**${all.toFixed(1)}**`),
    ),
    // V8's profiler cannot tell them apart.
    ...(byPerf
      ? [
          line(
            'kernel',
            columns.map(({ kernel }) => kernel.toFixed(1)),
          ),
        ]
      : []),
    line(
      byPerf ? '**user**' : '**user and kernel**',
      columns.map(({ user }) => `**${user.toFixed(1)}**`),
    ),
    ...used.map((part) =>
      line(
        part,
        columns.map(({ cell }) => cell(part)),
      ),
    ),
    line(
      'samples',
      columns.map(({ count }) => String(count)),
    ),
  ].join('\n')}\n`;
}

interface Column {
  readonly all: number;
  readonly kernel: number;
  readonly user: number;
  readonly count: number;
  cell(part: (typeof PARTS)[number]): string;
}

function columnOf({ figures, samples }: UserRow): Column {
  const userCount = [...samples.user.values()].reduce((sum, one) => sum + one, 0);
  const count = userCount + samples.kernel;
  const usOf = (some: number): number => (count === 0 ? 0 : (figures.cpuUs * some) / count);
  return {
    ...{ all: figures.cpuUs, kernel: usOf(samples.kernel), user: usOf(userCount), count },
    cell: (part) => {
      const own = samples.user.get(part) ?? 0;
      if (own === 0) return '';
      return `${usOf(own).toFixed(2)} (${Math.round((100 * own) / userCount)})`;
    },
  };
}
