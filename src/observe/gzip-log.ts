// A log whose lines are compressed as they are written (access_log … gzip): each buffer becomes a gzip stream of its own, one behind
// the other, which gunzip and zcat read as one.
import { nodeZlib } from '../shared/node-parts.ts';
import { Timer } from '../shared/timer.ts';
import type { LogWriter } from './log-writer.ts';

export class GzipLog {
  /** From 1 to 9, that of the newest configuration. */
  level = 1;
  readonly #writer: LogWriter;
  #lines: string[] = [];
  #bytes = 0;
  #timer: Timer | null = null;

  /** Buffers as its file's writer is told to. */
  constructor(writer: LogWriter) {
    this.#writer = writer;
  }

  /** One line with its end, bytes as latin1. */
  write(line: string): void {
    const { bufferBytes, flushMs } = this.#writer.buffering;
    if (this.#bytes + line.length > bufferBytes) this.squeeze();
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= bufferBytes) this.squeeze();
    else if (flushMs > 0) this.#timer ??= new Timer(() => this.squeeze(), flushMs).unref();
  }

  /** What waits goes to the file's writer. */
  squeeze(): void {
    this.#timer?.stop();
    this.#timer = null;
    if (this.#bytes === 0) return;
    const text = Buffer.from(this.#lines.join(''), 'latin1');
    this.#lines = [];
    this.#bytes = 0;
    this.#writer.write(nodeZlib().gzipSync(text, { level: this.level }).latin1Slice(), true);
  }
}
