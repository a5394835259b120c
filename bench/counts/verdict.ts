// Counts against the bounds that are kept in bounds.json: what has grown, in words, and what could be drawn tighter.
import { cpus, release } from 'node:os';
import type { Counts, RowCounts } from './count.ts';

/** Where counts were made. */
export interface Place {
  /** Of Node: another one allocates otherwise. */
  readonly node: string;
  /** Processor and kernel: how an answer comes in pieces, and what V8 makes of its code, differs a little. */
  readonly machine: string;
}

export const hereAndNow = (): Place => ({
  node: process.versions.node,
  machine: `${cpus()[0]?.model ?? 'unknown'}, ${process.platform} ${release()}`,
});

export interface Bounds extends Place {
  /** Why the figures are what they are: of whom accepted them last. */
  readonly why: string;
  readonly rows: Readonly<Record<string, RowCounts>>;
}

export interface Verdict {
  /** What a change has made dearer: each a text with the row, what it was, what it is. */
  readonly grown: readonly string[];
  /** What has become cheaper: bounds that hold nothing any more. */
  readonly shrunk: readonly string[];
}

/** Runs differ by up to 20 bytes; the least object with a field has 24, most have 40 and more. */
const BYTES_TOLERANCE = 40;
/**
 * With a connection for each, or with heads that are always new, a request takes longer, and more of what runs by the clock falls on it
 * where others run, too: 65 bytes on a machine with three times as much to do as it can.
 */
const BYTES_TOLERANCE_OF_LONG = 100;
/** A row of more bytes than this is such a one. */
const LONG_BYTES = 3000;
/** Of the bound, where another machine or another Node made it. */
const ELSEWHERE = 0.1;
const CALLS_TOLERANCE = 0.2;
/** Runs differ by some tens of bytes: code and its feedback, too, are made old. A connection of which all is kept leaves more than a thousand. */
const SURVIVING_TOLERANCE = 200;
/** A function whose code is thrown away so often in a run that was warm is never done. */
const DEOPTS = 3;
const DEOPTS_IN_ALL = 12;

const HOW = `What it costs is of no machine: the change did it. To take it: npm run counts -- --accept 'why it is worth that'
(bench/counts/bounds.json, to be committed). To find it: npm run bench -- --user --only ROW, or node --cpu-prof and --heap-prof.`;

export function judge(counts: Counts, bounds: Bounds, { node, machine }: Place): Verdict {
  const isElsewhere = node !== bounds.node || machine !== bounds.machine;
  const grown: string[] = [];
  const shrunk: string[] = [];
  for (const [row, is] of Object.entries(counts.rows)) {
    const was = bounds.rows[row];
    if (was === undefined) {
      grown.push(`${row}: has no bounds yet`);
      continue;
    }
    const bytes = `${row}: ${is.bytes} bytes of V8's heap per request, ${was.bytes} before`;
    const isLong = 'socket' in was.calls || 'accept4' in was.calls || was.bytes > LONG_BYTES;
    const own = isLong ? BYTES_TOLERANCE_OF_LONG : BYTES_TOLERANCE;
    const tolerance = Math.max(own, isElsewhere ? was.bytes * ELSEWHERE : 0);
    if (Number.isNaN(is.bytes)) grown.push(`${row}: no bytes could be counted: V8 collected all the time`);
    if (is.bytes > was.bytes + tolerance) grown.push(`${bytes}: ${is.bytes - was.bytes} more`);
    if (is.bytes < was.bytes - tolerance) shrunk.push(bytes);
    if (is.surviving > was.surviving + SURVIVING_TOLERANCE) {
      grown.push(
        `${row}: ${is.surviving} bytes per request live on until a major collection, ${was.surviving} before: something holds what ` +
          "is over (a Set or Map that connections come to and leave, a closure on a handle or request of Node's)",
      );
    }
    judgeCalls(row, is, was, counts.untraced !== undefined, { grown, shrunk });
  }
  grown.push(...abandonedTexts(counts));
  if (grown.length === 0) return { grown, shrunk };
  const other =
    node === bounds.node ? '' : `Counted with Node ${node}, the bounds are of Node ${bounds.node}.\n`;
  return { grown: [...grown, other + HOW], shrunk };
}

function judgeCalls(
  row: string,
  is: RowCounts,
  was: RowCounts,
  untraced: boolean,
  into: { readonly grown: string[]; readonly shrunk: string[] },
): void {
  for (const name of new Set([...Object.keys(was.calls), ...Object.keys(is.calls)])) {
    // Without a trace only these two are known.
    if (untraced && name !== 'read' && name !== 'write') continue;
    const [now, before] = [is.calls[name] ?? 0, was.calls[name] ?? 0];
    const text = `${row}: ${now} ${name}() per request, ${before} before`;
    if (now > before + CALLS_TOLERANCE) into.grown.push(text);
    if (now < before - CALLS_TOLERANCE) into.shrunk.push(text);
  }
}

function abandonedTexts({ warm }: Counts): readonly string[] {
  const all = [...warm.deoptimised.values()].reduce((sum, times) => sum + times, 0);
  const of = `in ${warm.requests} requests after the warm-up`;
  const again = [...warm.deoptimised].filter(([, times]) => times >= DEOPTS);
  return [
    ...again.map(([what, times]) => `V8 threw the code of a function away ${times} times ${of}: ${what}`),
    ...(all > DEOPTS_IN_ALL
      ? [`V8 threw code away ${all} times ${of}: ${[...warm.deoptimised.keys()].join('; ')}`]
      : []),
    ...[...warm.disabled].map(([name, reason]) => `V8 does not optimise ${name} any more: ${reason}`),
  ];
}
