// npm run counts: counts what a request costs and holds it against bounds.json; --accept 'why' makes it the bounds, with --only NAME those
// of one row.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Counts, count } from './count.ts';
import { type Bounds, hereAndNow, judge } from './verdict.ts';

const FILE = new URL('./bounds.json', import.meta.url);

const { values } = parseArgs({ options: { accept: { type: 'string' }, only: { type: 'string' } } });
const { accept, only } = values;
if (accept?.trim() === '') throw new Error("--accept takes the reason: npm run counts -- --accept 'why'");

/** A bound that one lucky run has set would fail others. */
const RUNS_OF_A_BOUND = 3;

async function greatest(first: Counts): Promise<Counts['rows']> {
  const runs = [first];
  while (runs.length < RUNS_OF_A_BOUND) runs.push(await count());
  const of = (row: string, figure: 'bytes' | 'surviving'): number =>
    Math.max(...runs.map(({ rows }) => rows[row][figure]));
  return Object.fromEntries(
    Object.entries(first.rows).map(([row, { calls }]) => [
      row,
      { bytes: of(row, 'bytes'), calls, surviving: of(row, 'surviving') },
    ]),
  );
}

const counts = await count();
if (counts.untraced !== undefined) {
  console.log(`only reads and writes are counted, strace may not look: ${counts.untraced.trim()}`);
}
console.log(JSON.stringify(counts.rows, null, 2));
const thrown = [...counts.warm.deoptimised].map(([what, times]) => `  ${times} x ${what}`);
console.log(
  [`code thrown away in ${counts.warm.requests} warm requests: ${thrown.length}`, ...thrown].join('\n'),
);
if (accept === undefined) {
  const bounds: Bounds = JSON.parse(readFileSync(FILE, 'utf8'));
  const { grown, shrunk } = judge(counts, bounds, hereAndNow());
  for (const text of shrunk) console.log(`less than its bound: ${text}`);
  for (const text of grown) console.log(`! ${text}`);
  process.exitCode = grown.length > 0 ? 1 : 0;
} else if (counts.untraced !== undefined) {
  console.log('! nothing is accepted without strace: the bounds would lose their calls');
  process.exitCode = 1;
} else {
  const before: Bounds = JSON.parse(readFileSync(FILE, 'utf8'));
  const rows = await greatest(counts);
  if (only !== undefined && rows[only] === undefined) throw new Error(`there is no row ${only}`);
  if (only !== undefined && before.node !== hereAndNow().node)
    throw new Error(`the other rows are of Node ${before.node}: accept all, or count with that one`);
  const accepted = only === undefined ? rows : { ...before.rows, [only]: rows[only] };
  const bounds: Bounds = { why: accept, ...hereAndNow(), rows: accepted };
  writeFileSync(FILE, `${JSON.stringify(bounds, null, 2)}\n`);
  console.log(`written to ${FILE.pathname}`);
}
