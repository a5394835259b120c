// What an event listener says on its stdout, byte by byte: READY, RESULT n. Pure; the pool (listener-pool.ts) acts on it.

/**
 * ACKNOWLEDGED: it may not have an event yet; READY: it may; BUSY: it has one; UNKNOWN: it has said something else, and gets nothing
 * any more until it is started anew.
 */
export type ListenerState = 'ACKNOWLEDGED' | 'READY' | 'BUSY' | 'UNKNOWN';

/** What a piece of output led to; `state` says where it ended. */
export interface Heard {
  /** What became of the event that it had; null when it still has it, or had none. */
  readonly result: 'processed' | 'rejected' | null;
  /** What it said against the rules; null when all is well. */
  readonly violation: string | null;
}

const READY = Buffer.from('READY\n');
const RESULT_LENGTH = 'RESULT '.length;
const OK = 'OK';
const LINE_FEED = 10;
/** A line with a number is shorter by far; without an end it would be kept for ever. */
const MAX_RESULT_LINE = 4096;
const SHOWN_BYTES = 60;

/** One for each launch. */
export class ListenerProtocol {
  #state: ListenerState = 'ACKNOWLEDGED';
  /** What came and does not say anything yet: less than a READY, or than a result line. */
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes of the result that are still to come; null before its line. */
  #resultLeft: number | null = null;
  /** The beginning of the result, as far as it can be OK. */
  #resultHead = '';
  #heard: { result: Heard['result']; violation: string | null } = { result: null, violation: null };

  get state(): ListenerState {
    return this.#state;
  }

  /** An event was sent to it. */
  sent(): void {
    this.#state = 'BUSY';
  }

  /** Never throws; keeps no reference to the chunk. */
  take(chunk: Buffer): Heard {
    this.#heard = { result: null, violation: null };
    let rest: Buffer | null = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (rest !== null && rest.length > 0) rest = this.#step(rest);
    return this.#heard;
  }

  /** What is left after one step; null when more has to come, or nothing matters any more. */
  #step(data: Buffer): Buffer | null {
    switch (this.#state) {
      case 'UNKNOWN':
        return null;
      case 'READY':
        return this.#violate(`it wrote ${shown(data)} before it was sent an event`);
      case 'ACKNOWLEDGED':
        return this.#awaitReady(data);
      case 'BUSY':
        return this.#resultLeft === null
          ? this.#awaitResultLine(data)
          : this.#awaitResult(data, this.#resultLeft);
    }
  }

  #awaitReady(data: Buffer): Buffer | null {
    if (data.length < READY.length) return this.#keep(data);
    if (!data.subarray(0, READY.length).equals(READY))
      return this.#violate(`it wrote ${shown(data)} where only READY and a line feed may stand`);
    this.#state = 'READY';
    return data.subarray(READY.length);
  }

  #awaitResultLine(data: Buffer): Buffer | null {
    const end = data.indexOf(LINE_FEED);
    if (end === -1 && data.length <= MAX_RESULT_LINE) return this.#keep(data);
    const line = data.subarray(0, end === -1 ? MAX_RESULT_LINE : end);
    // As Supervisor: only what follows the first seven bytes counts.
    const length = end === -1 ? null : lengthOf(line.toString('latin1', RESULT_LENGTH));
    if (length === null) {
      this.#heard.result = 'rejected';
      return this.#violate(
        `bad result line ${shown(line)}, it has to be RESULT and the number of bytes that follow`,
      );
    }
    this.#resultLeft = length;
    return data.subarray(end + 1);
  }

  /** An empty result counts once something follows it: Supervisor waits for that too. */
  #awaitResult(data: Buffer, left: number): Buffer | null {
    const part = data.subarray(0, left);
    // One byte more than OK: what is longer is something else.
    if (this.#resultHead.length <= OK.length)
      this.#resultHead += part.toString('latin1', 0, OK.length + 1 - this.#resultHead.length);
    this.#resultLeft = left - part.length;
    if (this.#resultLeft > 0) return null;
    this.#heard.result = this.#resultHead === OK ? 'processed' : 'rejected';
    this.#state = 'ACKNOWLEDGED';
    this.#resultHead = '';
    this.#resultLeft = null;
    return data.subarray(part.length);
  }

  #keep(data: Buffer): null {
    this.#pending = Buffer.from(data);
    return null;
  }

  #violate(what: string): null {
    this.#state = 'UNKNOWN';
    this.#heard.violation = what;
    return null;
  }
}

/** Python's int() of bytes, without negative numbers: those Supervisor takes and then fails over. */
function lengthOf(text: string): number | null {
  const digits = /^[ \t\n\v\f\r]*(?:\+|-(?=[0_]*[ \t\n\v\f\r]*$))?(\d+(?:_\d+)*)[ \t\n\v\f\r]*$/.exec(
    text,
  )?.[1];
  return digits === undefined ? null : Number(digits.replaceAll('_', ''));
}

function shown(data: Buffer): string {
  const text = JSON.stringify(data.toString('utf8', 0, SHOWN_BYTES));
  return data.length > SHOWN_BYTES ? `${text}...` : text;
}
