// Counts the lines that a log lost and says so, at most once a minute, so that a full disk does not fill another one.

const QUIET_MS = 60_000;

const LINE_FEED = 10;

export function countLines(batch: Buffer): number {
  let lines = 0;
  for (let at = batch.indexOf(LINE_FEED); at >= 0; at = batch.indexOf(LINE_FEED, at + 1)) lines++;
  return lines;
}

export class LostLines {
  readonly #tell: (message: string) => void;
  #lines = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(tell: (message: string) => void) {
    this.#tell = tell;
  }

  /** More lines are lost, for this reason. `later` says that they are told once a write succeeds: who is told is the one that lost them. */
  add(lines: number, reason: string, later: boolean): void {
    this.#lines += lines;
    if (!later) this.#say(reason, QUIET_MS);
  }

  /** A write succeeded: what was lost since the last message is told when its minute is over. */
  recovered(): void {
    if (this.#lines > 0) this.#say('it takes lines again', QUIET_MS);
  }

  /** The process ends: what has not been told is told now. */
  end(): void {
    if (this.#lines > 0) this.#say('the process ends', 0);
  }

  #say(reason: string, quietMs: number): void {
    const now = performance.now();
    if (now - this.#toldAt < quietMs) return;
    const lines = this.#lines;
    // Before it is told: the telling may lose lines itself.
    this.#lines = 0;
    this.#toldAt = now;
    this.#tell(`${reason}; ${lines} ${lines === 1 ? 'line' : 'lines'} lost`);
  }
}
