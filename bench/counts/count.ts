// Counts what a request costs that no machine changes: bytes that V8 allocates, system calls, functions whose code V8 throws away.
// docs/PERFORMANCE.md, "Counts", tells how the figures were made to stand still.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Running } from '../contenders/contender.ts';
import { Fleets, makeFiles } from '../fleet.ts';
import type { Entry } from '../plan.ts';
import { Asker, type Question } from './asker.ts';
import { type CallCount, type Calls, countCalls } from './calls.ts';
import { countedLbproxy, Probe } from './counted.ts';
import { type Abandoned, abandonedIn } from './optimised.ts';
import { ROWS, type Row, requestsOf } from './questions.ts';
import { survivingBytes } from './surviving.ts';

export interface RowCounts {
  /** Bytes of V8's heap per request. */
  readonly bytes: number;
  /** System calls per request. */
  readonly calls: Calls;
  /** Bytes per request that minor collections leave to the next major one. */
  readonly surviving: number;
}

export interface Counts {
  readonly rows: Readonly<Record<string, RowCounts>>;
  /** After all rows were warm: requests that were answered, and what V8 threw away meanwhile. */
  readonly warm: Abandoned & { readonly requests: number };
  /** Why only reads and writes were counted. */
  readonly untraced?: string;
}

/** Until V8 has made its best code of what requests meet: figures fall in steps until a process has answered about 20,000. */
const WARM_REQUESTS = 20_000;
/** Less says little about a row's own code. */
const WARM_REQUESTS_OF_ROW = 8000;
/** The rows in turns: code that is best for one of them is thrown away at the first request of another. */
const WARM_TURNS = 2;
/** And once more before a row is counted. */
const SETTLE_REQUESTS = 8000;
/** A connection for each takes several times as long, and no more is learnt from so many. */
const PART_OF_FRESH = 0.4;
const CONNECTIONS = 16;
/** A window of requests between two looks at the heap. */
const WINDOW_REQUESTS = 1200;
const WINDOWS = 5;
/** One at a time: so each answer takes a turn of the event loop for the request and one for the peer's answer. */
const TRACED_REQUESTS = 120;
const TRACES = 3;

const SEMI_SPACE_MB = 64;
const FLAGS: readonly string[] = [
  // No collection but once in ten thousand requests.
  `--max-semi-space-size=${SEMI_SPACE_MB}`,
  `--min-semi-space-size=${SEMI_SPACE_MB}`,
  // V8 compiles where it stands, and so after the same request in each run.
  '--no-concurrent-recompilation',
  // A file beside the process, written at once; its standard output would keep the last pages.
  ...['--trace-opt', '--trace-deopt', '--redirect-code-traces'],
];

/** `main`: dist/main.js of a build; that of the checkout without. */
export async function count(main?: string): Promise<Counts> {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-counts-'));
  const problems: string[] = [];
  const fleets = new Fleets(await makeFiles(dir), dir, (problem) => problems.push(problem));
  const lbproxy = countedLbproxy(main, FLAGS);
  const counted: Counted[] = [];
  try {
    for (const rows of bySetup(ROWS)) {
      const made = await fleets.make(rows.map((row) => entryOf(row, lbproxy)));
      const instances = [...made.values()].map(([running]) => running);
      if (problems.length > 0) throw new Error(problems.join('\n'));
      counted.push(await countInstance(rows, instances[0]));
    }
    return together(counted);
  } finally {
    await fleets.make([]);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Rows of one setup are counted in one process, as requests of all kinds come to it. */
function bySetup(rows: readonly Row[]): readonly (readonly Row[])[] {
  const groups = Map.groupBy(rows, (row) => JSON.stringify(row.setup));
  return [...groups.values()];
}

const entryOf = (row: Row, contender: Entry['contenders'][number]): Entry => ({
  // Bound to no core: the count is the same on all, and a busy one would only take longer.
  scenario: {
    name: row.name,
    about: row.name,
    setup: { ...row.setup, unpinned: true },
    load: { kind: 'http' },
  },
  contenders: [contender],
  seconds: 1,
});

interface Counted {
  readonly rows: readonly (readonly [string, RowCounts])[];
  readonly trace: string;
  readonly requests: number;
  readonly untraced: string | undefined;
}

async function countInstance(rows: readonly Row[], running: Running): Promise<Counted> {
  const { port, dir } = running.place;
  const probe = new Probe(dir);
  const questions = rows.map((row) => questionOf(row, port, running.setup.tls));
  try {
    const { pid } = await probe.heap();
    const each = Math.max(WARM_REQUESTS_OF_ROW, WARM_REQUESTS / rows.length) / WARM_TURNS;
    for (let i = 0; i < WARM_TURNS; i++) for (const question of questions) await warm(question, each);
    const traceFile = join(dir, `code-${pid}-0.asm`);
    const warmedAt = readFileSync(traceFile).length;
    const found: Omit<RowCounts, 'surviving'>[] = [];
    let untraced: string | undefined;
    let requests = 0;
    for (const question of questions) {
      await warm(question, SETTLE_REQUESTS);
      const bytes = await bytesOf(question, probe);
      const traced = await callsOf(question, pid, join(dir, 'strace.txt'));
      untraced ??= traced.untraced;
      requests += WINDOWS * WINDOW_REQUESTS + TRACES * TRACED_REQUESTS;
      found.push({ bytes, calls: traced.calls });
    }
    const trace = readFileSync(traceFile).subarray(warmedAt).toString('latin1');
    // At the end: major collections make V8 forget what it knows of its code.
    const counts: [string, RowCounts][] = [];
    for (const [i, question] of questions.entries())
      counts.push([rows[i].name, { ...found[i], surviving: await survivingBytes(question, probe) }]);
    return { rows: counts, trace, requests, untraced };
  } finally {
    probe.end();
  }
}

const questionOf = (row: Row, port: number, tls: boolean): Question => ({
  ...{ port, tls, requests: requestsOf(row, port) },
  fresh: row.fresh === true,
});

async function warm(question: Question, requests: number): Promise<void> {
  const asker = new Asker(question, CONNECTIONS);
  await asker.ask(question.fresh ? requests * PART_OF_FRESH : requests);
  asker.end();
}

/**
 * Of several windows the second least: what is not of requests (timers, messages to the primary) only adds, and a window in which V8
 * collected is below nothing, as it gives megabytes back.
 */
async function bytesOf(question: Question, probe: Probe): Promise<number> {
  const asker = new Asker(question, CONNECTIONS);
  await asker.ask(CONNECTIONS);
  const windows: number[] = [];
  for (let i = 0; i < WINDOWS; i++) {
    const before = await probe.heap();
    await asker.ask(WINDOW_REQUESTS);
    const after = await probe.heap();
    windows.push((after.used - before.used + after.buffers - before.buffers) / WINDOW_REQUESTS);
  }
  asker.end();
  const whole = windows.filter((bytes) => bytes > 0).sort((a, b) => a - b);
  return Math.round(whole[1] ?? Number.NaN);
}

/** Of several traces the least of each call, to a tenth: once a second something else is written. */
async function callsOf(
  question: Question,
  pid: number,
  file: string,
): Promise<{ readonly calls: Calls; readonly untraced: string | undefined }> {
  const asker = new Asker(question, 1);
  await asker.ask(1);
  const traces: CallCount[] = [];
  for (let i = 0; i < TRACES; i++)
    traces.push(await countCalls(pid, TRACED_REQUESTS, (times) => asker.ask(times), file));
  asker.end();
  const names = [...new Set(traces.flatMap(({ calls }) => Object.keys(calls)))].sort();
  const least = (name: string): number => Math.min(...traces.map(({ calls }) => calls[name] ?? 0));
  const rounded = names.map((name) => [name, Math.round(least(name) * 10) / 10] as const);
  return {
    calls: Object.fromEntries(rounded.filter(([, times]) => times > 0)),
    untraced: traces.find((one) => one.untraced !== undefined)?.untraced,
  };
}

function together(counted: readonly Counted[]): Counts {
  const untraced = counted.find((one) => one.untraced !== undefined)?.untraced;
  return {
    rows: Object.fromEntries(counted.flatMap((one) => one.rows)),
    warm: {
      ...abandonedIn(counted.map((one) => one.trace).join('')),
      requests: counted.reduce((sum, one) => sum + one.requests, 0),
    },
    ...(untraced === undefined ? {} : { untraced }),
  };
}
