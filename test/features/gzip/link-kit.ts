// Drives one body filter: a source that writes pieces and waits when it is told to, and a sink that says WAIT when the test wants it.
import type { AnswerSink, Exchange, Link } from '../../../src/exchange/exchange.ts';
import { ENOUGH, type Flow, GO, type Gone, LAST, type Source, WAIT } from '../../../src/exchange/flow.ts';
import { stubExchange } from '../../support/stub-exchange.ts';

export interface Piece {
  readonly bytes: Buffer;
  readonly flags: number;
}

/** What came out, in order; `waits` says for each call whether the sink is full then. */
export class Taker implements AnswerSink {
  readonly #waits: () => boolean;
  readonly calls: string[] = [];
  readonly pieces: Buffer[] = [];
  flags = 0;
  ended: 'finish' | 'abort' | '' = '';
  /** Whom it owes a drain. */
  owes: Source | null = null;
  /** Calls between WAIT and the drain. */
  early = 0;
  onEnded: () => void = () => {};

  constructor(waits: () => boolean = () => false) {
    this.#waits = waits;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }

  // biome-ignore lint/complexity/useMaxParams: the contract's
  start(from: Source, _x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    return this.#take('start', from, buf, { a, b, flags });
  }

  write(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    return this.#take('write', from, buf, { a, b, flags });
  }

  writeKept(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    return this.#take('write', from, buf, { a, b, flags });
  }

  finish(): void {
    this.#end('finish');
  }

  abort(): void {
    this.#end('abort');
  }

  #end(how: 'finish' | 'abort'): void {
    this.calls.push(how);
    if (this.ended !== '') throw new Error(`ended twice: ${this.calls}`);
    this.ended = how;
    this.onEnded();
  }

  #take(
    name: string,
    from: Source,
    buf: Buffer | null,
    { a, b, flags }: { readonly a: number; readonly b: number; readonly flags: number },
  ): Flow {
    this.calls.push(name);
    if (this.ended !== '') throw new Error(`called behind the end: ${this.calls}`);
    if ((name === 'start') !== (this.calls.length === 1)) throw new Error(`start comes first: ${this.calls}`);
    if (this.owes !== null && a < b) this.early++;
    if (buf !== null) this.pieces.push(Buffer.from(buf.subarray(a, b)));
    this.flags |= flags;
    if ((flags & LAST) !== 0) {
      this.#end('finish');
      return GO;
    }
    if (!this.#waits()) return GO;
    this.owes = from;
    setImmediate(() => this.drain());
    return WAIT;
  }

  drain(): void {
    const { owes } = this;
    this.owes = null;
    if (this.ended === '') owes?.onDrain();
  }
}

/** Writes its pieces, each in a buffer that is overwritten behind the call. */
export class Giver implements Source {
  readonly survivesHalfClose = true;
  readonly #pieces: readonly Piece[];
  readonly #sink: AnswerSink;
  readonly #x: Exchange;
  #next = 0;
  #inCall = false;
  waits = 0;
  gone: Gone | '' = '';

  constructor(x: Exchange, sink: AnswerSink, pieces: readonly Piece[]) {
    this.#x = x;
    this.#sink = sink;
    this.#pieces = pieces;
  }

  onDrain(): void {
    if (this.#inCall) throw new Error('drained inside the call');
    this.go();
  }

  onGone(why: Gone): void {
    this.gone = why;
  }

  go(): void {
    while (this.#next < this.#pieces.length && this.gone === '') {
      const { bytes, flags } = this.#pieces[this.#next];
      const lent = Buffer.concat([Buffer.from('##'), bytes, Buffer.from('##')]);
      this.#inCall = true;
      const flow =
        this.#next === 0
          ? this.#sink.start(this, this.#x, bytes.length === 0 ? null : lent, 2, lent.length - 2, flags)
          : this.#sink.write(this, lent, 2, lent.length - 2, flags);
      this.#inCall = false;
      lent.fill(0x21);
      this.#next++;
      if (flow === ENOUGH) return;
      if (flow === WAIT && (flags & LAST) === 0) {
        this.waits++;
        return;
      }
    }
  }
}

export interface Run {
  readonly x: Exchange;
  readonly taker: Taker;
  readonly giver: Giver;
  readonly link: Link;
}

export function connect(
  make: (x: Exchange, next: AnswerSink) => Link,
  pieces: readonly Piece[],
  waits?: () => boolean,
): Run {
  const x = stubExchange();
  const taker = new Taker(waits);
  const link = make(x, taker);
  const giver = new Giver(x, link, pieces);
  link.source = giver;
  return { x, taker, giver, link };
}

/** Until the answer has ended; rejects when it does not. */
export async function runToEnd(run: Run): Promise<Run> {
  const ended = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end: ${run.taker.calls}`)), 5000);
    run.taker.onEnded = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  run.giver.go();
  await ended;
  return run;
}
