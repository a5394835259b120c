// What a balancer knows of the supervised process behind a port: plain data, as the primary tells it, and how it is said to people.

export interface ProcessPort {
  readonly port: number;
  /** As `ctl status` names it: `web:web1`. */
  readonly name: string;
  /** It takes requests. */
  readonly up: boolean;
  /**
   * Not up, but on its way: starting, about to start again after a pause, or told to restart. Requests may wait for it. From the moment
   * on in which it is not up any more: where nothing is up or coming requests fail at once.
   */
  readonly coming: boolean;
  /** Milliseconds since the epoch when it last came up; 0 for never. Another value means another process. */
  readonly upSinceMs: number;
  /** How long its share grows after that; 0 for the whole share at once. */
  readonly slowStartMs: number;
  /** A clause of what it does or how it ended: `starting`, `stopped`, `exited with status 1`. */
  readonly condition: string;
  /** Milliseconds since the epoch when that began; 0 where it is not known. */
  readonly conditionSinceMs: number;
  /** Its last lines of stderr, 2 KB at most, while it is not up and only where they may be shown (development); else ''. */
  readonly trouble: string;
}

/** More of them say nothing new. */
const MOST_NAMED = 4;

/** `web:web1 (port 8001): exited with status 1 3 s ago`. */
export function sayProcess(
  { name, port, condition, conditionSinceMs }: ProcessPort,
  epochMs: number,
): string {
  const has = /^(?:exited|was ended) /.test(condition) && conditionSinceMs > 0;
  // `after 3 s` is how long it had run.
  const comma = condition.includes(' after ') ? ',' : '';
  const ago = has ? `${comma} ${duration(epochMs - conditionSinceMs)} ago` : '';
  return `${name} (port ${port}): ${condition}${ago}`;
}

/** Several of them in one line; behind it, each in lines of its own, what troubles them. */
export function sayProcesses(processes: readonly ProcessPort[], epochMs: number): string {
  const named = processes.slice(0, MOST_NAMED).map((process) => sayProcess(process, epochMs));
  if (processes.length > MOST_NAMED) named.push(`and ${processes.length - MOST_NAMED} more`);
  return [named.join('; '), ...troubles(processes)].join('\n');
}

/** Those that crash for the same reason need it said once. */
function troubles(processes: readonly ProcessPort[]): string[] {
  return [...new Set(processes.map(({ trouble }) => trouble.trimEnd()))]
    .filter((text) => text !== '')
    .slice(0, 1);
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
