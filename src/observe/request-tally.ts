// What is told of all requests at the end: how many, their statuses, half of them in so many ms, the slowest paths. Each acceptor has a
// tally; the primary adds them up.
import { toText } from '../route/template.ts';
import { escapeControls } from './pretty-line.ts';
import { durationText, type RequestFacts } from './request-line.ts';

/** Plain data, as it goes over a channel. */
export interface TallyCounts {
  readonly statuses: Readonly<Record<number, number>>;
  /** Times by classes, each a tenth longer than the one before. */
  readonly times: Readonly<Record<number, number>>;
  readonly slowest: readonly SlowPath[];
}

export interface SlowPath {
  /** Method and path, to be shown. */
  readonly text: string;
  readonly ms: number;
  readonly requests: number;
}

const STEP = Math.log(1.1);
/** Of a microsecond. */
const SHORTEST_MS = 0.001;
export const MOST_CLASSES = 300;
/** Paths whose times are kept: those of ids in paths are many. */
const MOST_PATHS = 500;
export const MOST_SLOWEST = 5;
const MOST_TEXT = 200;

const classOf = (ms: number): number =>
  Math.min(MOST_CLASSES, Math.max(0, Math.round(Math.log(Math.max(ms, SHORTEST_MS) / SHORTEST_MS) / STEP)));

const msOf = (index: number): number => SHORTEST_MS * Math.exp(index * STEP);

interface PathTimes {
  slowestMs: number;
  requests: number;
}

export class RequestTally {
  readonly #statuses = new Map<number, number>();
  readonly #times = new Map<number, number>();
  readonly #paths = new Map<string, PathTimes>();

  /** `method`, `target`, `status`, `ms` count. */
  add({ method, target, status, ms }: Pick<RequestFacts, 'method' | 'target' | 'status' | 'ms'>): void {
    count(this.#statuses, status, 1);
    // A tunnel's time is how long two have talked.
    if (status === 101) return;
    count(this.#times, classOf(ms), 1);
    const path = `${method} ${target.split('?', 1)[0]}`.slice(0, MOST_TEXT);
    this.#addPath(path, ms, 1);
  }

  #addPath(path: string, ms: number, requests: number): void {
    const times = this.#paths.get(path);
    if (times !== undefined) {
      times.slowestMs = Math.max(times.slowestMs, ms);
      times.requests += requests;
      return;
    }
    if (this.#paths.size >= MOST_PATHS) this.#dropFast();
    this.#paths.set(path, { slowestMs: ms, requests });
  }

  /** Half of them go. */
  #dropFast(): void {
    const all = [...this.#paths].sort(([, a], [, b]) => a.slowestMs - b.slowestMs);
    for (const [path] of all.slice(0, MOST_PATHS / 2)) this.#paths.delete(path);
  }

  get requests(): number {
    return sum(this.#statuses.values());
  }

  counts(): TallyCounts {
    const slowest = [...this.#paths]
      .map(([path, { slowestMs, requests }]) => ({
        text: escapeControls(toText(path)),
        ms: slowestMs,
        requests,
      }))
      .sort((a, b) => b.ms - a.ms)
      .slice(0, MOST_SLOWEST);
    return { statuses: Object.fromEntries(this.#statuses), times: Object.fromEntries(this.#times), slowest };
  }

  /** Counts of another process. */
  join({ statuses, times, slowest }: TallyCounts): void {
    for (const [status, n] of Object.entries(statuses)) count(this.#statuses, Number(status), n);
    for (const [index, n] of Object.entries(times)) count(this.#times, Number(index), n);
    for (const { text, ms, requests } of slowest) this.#addPath(text, ms, requests);
  }

  /** The time that this share of the requests did not need. */
  percentile(share: number): number {
    let left = Math.ceil(sum(this.#times.values()) * share);
    for (const [index, n] of [...this.#times].sort(([a], [b]) => a - b)) {
      left -= n;
      if (left <= 0) return msOf(index);
    }
    return 0;
  }

  /** Lines for people; none without requests. */
  summary(): string[] {
    const { requests } = this;
    if (requests === 0) return [];
    const statuses = [...this.#statuses].sort(([a], [b]) => a - b).map(([status, n]) => `${n} × ${status}`);
    const { slowest } = this.counts();
    if (slowest.length === 0) return [`requests: ${statuses.join(', ')}`];
    const times = `half in ${durationText(this.percentile(0.5))}, 95 % in ${durationText(this.percentile(0.95))}`;
    const lines = [
      `${requests} ${requests === 1 ? 'request' : 'requests'}: ${statuses.join(', ')}; ${times}`,
    ];
    const width = Math.max(...slowest.map(({ ms }) => durationText(ms).length));
    lines.push('slowest:');
    for (const { text, ms, requests: n } of slowest)
      lines.push(`  ${durationText(ms).padStart(width)}  ${text}${n > 1 ? ` (of ${n})` : ''}`);
    return lines;
  }
}

function count(counts: Map<number, number>, key: number, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}

function sum(numbers: Iterable<number>): number {
  let all = 0;
  for (const n of numbers) all += n;
  return all;
}

/** Of this process: those of all locations whose lines are shown. */
export const requestTally = new RequestTally();
