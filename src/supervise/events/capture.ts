// Takes what stands between <!--XSUPERVISOR:BEGIN--> and <!--XSUPERVISOR:END--> out of the output of a process, where captureMaxBytes is
// set: it is an event (PROCESS_COMMUNICATION), not a line of the log. One for each stream of each launch.

const BEGIN = Buffer.from('<!--XSUPERVISOR:BEGIN-->');
const END = Buffer.from('<!--XSUPERVISOR:END-->');
const NOTHING = Buffer.alloc(0);

export interface CaptureSink {
  /** For the log. Holds for the length of the call. */
  plain(data: Buffer): void;
  /** What is being captured, as it comes: in PROCESS_LOG events it appears all the same. Holds for the length of the call. */
  captured(data: Buffer): void;
  /** All that stood between two marks, as far as it has room. */
  communication(data: Buffer): void;
}

export class Capture {
  readonly #maxBytes: number;
  readonly #sink: CaptureSink;
  #capturing = false;
  #captured: Buffer = NOTHING;
  /** The end of what came, as far as it may be the beginning of a mark. */
  #pending: Buffer = NOTHING;

  /** `maxBytes` above 0. */
  constructor(maxBytes: number, sink: CaptureSink) {
    this.#maxBytes = maxBytes;
    this.#sink = sink;
  }

  take(chunk: Buffer): void {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = NOTHING;
    while (rest.length > 0) {
      const mark = this.#capturing ? END : BEGIN;
      const at = rest.indexOf(mark);
      if (at === -1) {
        const kept = beginningAtEnd(rest, mark);
        this.#put(rest.subarray(0, rest.length - kept));
        this.#pending = Buffer.from(rest.subarray(rest.length - kept));
        return;
      }
      this.#put(rest.subarray(0, at));
      this.#turn();
      rest = rest.subarray(at + mark.length);
    }
  }

  /** The output is over: what looked like the beginning of a mark was none. What was not closed by END is no event. */
  end(): void {
    if (!this.#capturing && this.#pending.length > 0) this.#sink.plain(this.#pending);
    this.#pending = NOTHING;
    this.#captured = NOTHING;
  }

  #put(data: Buffer): void {
    if (data.length === 0) return;
    if (!this.#capturing) return this.#sink.plain(data);
    this.#sink.captured(data);
    // Supervisor's ring: of what does not fit, as much goes from the front as comes, and what comes is kept whole.
    if (this.#captured.length + data.length > this.#maxBytes)
      this.#captured = this.#captured.subarray(data.length);
    this.#captured = Buffer.concat([this.#captured, data]);
  }

  #turn(): void {
    this.#capturing = !this.#capturing;
    if (this.#capturing) return;
    const data = this.#captured;
    this.#captured = NOTHING;
    this.#sink.communication(data);
  }
}

/** How many bytes at the end of the data are a beginning of the mark. */
function beginningAtEnd(data: Buffer, mark: Buffer): number {
  for (let length = Math.min(data.length, mark.length - 1); length > 0; length--) {
    if (data.subarray(data.length - length).equals(mark.subarray(0, length))) return length;
  }
  return 0;
}
