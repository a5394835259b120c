// Stands in front of the root of an exchange and keeps what passes. It hands all on as it came: the root decides as ever.
import type { Exchange, Root, TunnelEnd } from '../exchange/exchange.ts';
import { type Flow, LAST, type Source } from '../exchange/flow.ts';
import { sendsBody, switchHead } from '../listen/answer-writer.ts';
import type { Failure } from '../shared/failure.ts';
import type { SeenFrame } from './frames.ts';
import type { Record } from './record.ts';
import { TunnelTap } from './tunnel-tap.ts';

/** Who hears of what passes. */
export interface Listener {
  changed(record: Record): void;
  over(record: Record): void;
  passed(record: Record, frame: SeenFrame): void;
}

const EVENT_STREAM = /^content-type: *text\/event-stream/im;

export class TapRoot implements Root {
  readonly #root: Root;
  readonly #listener: Listener;
  readonly record: Record;
  #streams = false;
  /** In a call that begins the answer: what is known only behind it is still to be kept. */
  #isBeginning = false;
  #isOver = false;
  #hasBody = false;

  constructor(root: Root, listener: Listener, record: Record) {
    this.#root = root;
    this.#listener = listener;
    this.record = record;
  }

  sendWhole(from: Source, x: Exchange, body: string | Buffer): void {
    if (!this.#mayBegin(from, x)) return this.#root.sendWhole(from, x, body);
    this.#isBeginning = true;
    try {
      this.#root.sendWhole(from, x, body);
      this.keepHead(x);
      if (this.#hasBody) this.record.keepWholeAnswer(body);
    } finally {
      this.#began(x);
    }
  }

  // biome-ignore lint/complexity/useMaxParams: as the sink has it
  start(from: Source, x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    if (!this.#mayBegin(from, x)) return this.#root.start(from, x, buf, a, b, flags);
    this.#isBeginning = true;
    try {
      const flow = this.#root.start(from, x, buf, a, b, flags);
      this.keepHead(x);
      this.#streams = (flags & LAST) === 0 && EVENT_STREAM.test(x.lines);
      if (buf !== null) this.#piece(buf, a, b);
      return flow;
    } finally {
      this.#began(x);
    }
  }

  write(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    this.#piece(buf, a, b);
    return this.#root.write(from, buf, a, b, flags);
  }

  writeKept(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    this.#piece(buf, a, b);
    return this.#root.writeKept(from, buf, a, b, flags);
  }

  finish(from: Source, trailers: string): void {
    this.#root.finish(from, trailers);
  }

  abort(from: Source, why: Failure): void {
    this.#root.abort(from, why);
  }

  lookOn(end: TunnelEnd, x: Exchange): TunnelEnd {
    const { record } = this;
    record.firstByteMs = performance.now() - record.startedAt;
    record.status = x.status;
    record.answerHead = switchHead(x);
    this.#listener.changed(record);
    return new TunnelTap(end, (passed) => this.#listener.passed(this.record, passed), this.record);
  }

  /** The exchange is over, and its record complete but for what a call that lasts has still to say. */
  end(): void {
    if (this.#isBeginning) this.#isOver = true;
    else this.#listener.over(this.record);
  }

  /** Once it was sent; not behind the exchange's end, when its request may be another's. */
  keepHead(x: Exchange): void {
    const { record } = this;
    if (!x.headSent || record.answerHead !== '') return;
    record.status = x.status;
    record.answerHead = x.sentHead;
    this.#hasBody = sendsBody(x);
  }

  #mayBegin(from: Source, x: Exchange): boolean {
    return !x.headSent && from === x.source;
  }

  #began(x: Exchange): void {
    const { record } = this;
    this.#isBeginning = false;
    this.keepHead(x);
    // What is over went at once.
    if (record.answerHead !== '')
      record.firstByteMs = this.#isOver ? record.totalMs : performance.now() - record.startedAt;
    if (this.#isOver) this.#listener.over(record);
    else this.#listener.changed(record);
  }

  #piece(buf: Buffer, from: number, to: number): void {
    if (!this.#hasBody) return;
    const { record } = this;
    record.keepAnswer(buf, from, to);
    if (!this.#streams) return;
    this.#listener.passed(record, { from: 'peer', kind: 'piece', length: to - from, buf, start: from });
  }
}
