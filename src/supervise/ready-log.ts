// `ready log PATTERN`: a process is ready at the first line of its output that matches.
import { type Pattern, patternOf } from '../route/pattern.ts';

/** Of a line that is longer only so much is matched. */
const MOST_LINE_BYTES = 64 * 1024;
const LF = 0x0a;
const CR = 0x0d;

export type OutputName = 'stdout' | 'stderr';

/** One start of one process. Fed with its output as it comes, until it has matched; what comes then is not looked at. */
export class ReadyLog {
  readonly #pattern: Pattern;
  readonly #onReady: (line: string) => void;
  /** Beginnings of lines whose end has not come. */
  readonly #open: Record<OutputName, OpenLine> = { stdout: new OpenLine(), stderr: new OpenLine() };
  #ended = false;

  /** `pattern` is as written: a regular expression as nginx reads them, checked when the configuration was (route/pattern.ts). */
  constructor(pattern: string, onReady: (line: string) => void) {
    this.#pattern = patternOf(pattern, false);
    this.#onReady = onReady;
  }

  push(stream: OutputName, chunk: Buffer): void {
    const open = this.#open[stream];
    let start = 0;
    while (!this.#ended && start < chunk.length) {
      const lf = chunk.indexOf(LF, start);
      open.add(chunk.subarray(start, lf === -1 ? chunk.length : lf));
      if (lf === -1) return;
      this.#look(open.take());
      start = lf + 1;
    }
  }

  /** The stream has ended: its last line counts without a line end too. */
  flush(stream: OutputName): void {
    if (!this.#ended) this.#look(this.#open[stream].take());
  }

  /** No call comes after this. */
  close(): void {
    this.#ended = true;
    for (const open of Object.values(this.#open)) open.take();
  }

  #look(line: Buffer): void {
    // Patterns are matched over bytes, one a character.
    if (this.#pattern.exec(line.toString('latin1')) === null) return;
    this.close();
    this.#onReady(line.toString('utf8'));
  }
}

class OpenLine {
  #parts: Buffer[] = [];
  #bytes = 0;

  add(part: Buffer): void {
    const kept = part.subarray(0, MOST_LINE_BYTES - this.#bytes);
    if (kept.length === 0) return;
    // A copy: the chunk is its reader's, who may use it again.
    this.#parts.push(Buffer.from(kept));
    this.#bytes += kept.length;
  }

  take(): Buffer {
    const line = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return line.at(-1) === CR ? line.subarray(0, -1) : line;
  }
}
