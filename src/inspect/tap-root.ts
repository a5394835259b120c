// Stands in front of the root of an exchange and keeps what passes. It hands all on as it came: the root decides as ever.
import type { Exchange, Root, TunnelEnd } from '../exchange/exchange.ts';
import type { Flow, Source } from '../exchange/flow.ts';
import { sentHead } from '../listen/answer-writer.ts';
import type { Failure } from '../shared/failure.ts';
import type { SeenFrame } from './frames.ts';
import type { Record } from './record.ts';
import { TunnelTap } from './tunnel-tap.ts';

/** Who hears of what passes. */
export interface Listener {
  changed(record: Record): void;
  passed(record: Record, frame: SeenFrame): void;
}

const EVENT_STREAM = /^content-type: *text\/event-stream/im;

export class TapRoot implements Root {
  readonly #root: Root;
  readonly #listener: Listener;
  readonly record: Record;
  #streams = false;

  constructor(root: Root, listener: Listener, record: Record) {
    this.#root = root;
    this.#listener = listener;
    this.record = record;
  }

  sendWhole(from: Source, x: Exchange, body: string | Buffer): void {
    const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
    // Asked before: with the last byte the exchange ends.
    const mayBegin = this.#mayBegin(from, x);
    this.#root.sendWhole(from, x, body);
    if (!mayBegin || !x.headSent) return;
    this.#began(x);
    if (x.method !== 'HEAD') this.record.keepAnswer(bytes, 0, bytes.length);
    this.#listener.changed(this.record);
  }

  // biome-ignore lint/complexity/useMaxParams: as the sink has it
  start(from: Source, x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    const mayBegin = this.#mayBegin(from, x);
    const flow = this.#root.start(from, x, buf, a, b, flags);
    if (!mayBegin || !x.headSent) return flow;
    this.#began(x);
    this.#streams = EVENT_STREAM.test(x.lines);
    if (buf !== null) this.#piece(buf, a, b);
    this.#listener.changed(this.record);
    return flow;
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

  lookOn(end: TunnelEnd): TunnelEnd {
    return new TunnelTap(end, (passed) => this.#listener.passed(this.record, passed), this.record);
  }

  #mayBegin(from: Source, x: Exchange): boolean {
    const { record } = this;
    if (x.headSent || from !== x.source) return false;
    record.firstByteMs = performance.now() - record.startedAt;
    return true;
  }

  #began(x: Exchange): void {
    const { record } = this;
    record.status = x.status;
    record.answerHead = sentHead(x);
  }

  #piece(buf: Buffer, from: number, to: number): void {
    const { record } = this;
    record.keepAnswer(buf, from, to);
    if (!this.#streams) return;
    this.#listener.passed(record, { from: 'peer', kind: 'piece', length: to - from, buf, start: from });
  }
}
