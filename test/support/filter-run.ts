// Runs one body filter as a chain would: pieces of any size lent and then spoilt, a sink that says WAIT when it is told to and must not be
// called while it waits, and what may come at any moment: abort, leaving, a drop, late calls.
import type { AnswerSink, Exchange, Link } from '../../src/exchange/exchange.ts';
import { ENOUGH, type Flow, GO, type Gone, LAST, type Source, WAIT } from '../../src/exchange/flow.ts';
import type { Failure } from '../../src/shared/failure.ts';
import { FakeClient, fakeExchange } from './fake-client.ts';

const SPOILT = 0x23;

/** What is written to; each call takes the next of `waits`, over and over. */
export class TakingSink implements AnswerSink {
  readonly #waits: readonly boolean[];
  #calls = 0;
  #pieces: Buffer[] = [];
  waiting = false;
  /** What came at a wrong time. */
  readonly faults: string[] = [];
  ends: string[] = [];
  starts = 0;
  trailers = '';
  /** Stands in for the client that went away. */
  isFull = false;

  /** Bytes its head takes on the wire. */
  readonly #headBytes: number;

  constructor(waits: readonly boolean[] = [false], headBytes = 0) {
    this.#waits = waits.length === 0 ? [false] : waits;
    this.#headBytes = headBytes;
  }

  get body(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  get taken(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  #take(what: string, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    if (this.isFull) return ENOUGH;
    // The end is told whenever it comes, as `finish` is.
    if (this.waiting && (flags & LAST) === 0) this.faults.push(`${what} while it waits`);
    if (this.ends.length > 0) this.faults.push(`${what} behind the end`);
    if (a < 0 || a > b || b > (buf?.length ?? 0)) this.faults.push(`${what} of ${a} to ${b}`);
    if (buf !== null) this.#pieces.push(Buffer.from(buf.subarray(a, b)));
    if ((flags & LAST) !== 0) {
      this.ends.push('last');
      return GO;
    }
    this.waiting = this.#waits[this.#calls++ % this.#waits.length];
    return this.waiting ? WAIT : GO;
  }

  // biome-ignore lint/complexity/useMaxParams: the sink's contract
  start(_from: Source, x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    this.starts++;
    x.sentHead = 'h'.repeat(this.#headBytes);
    return this.#take('start', buf, a, b, flags);
  }

  write(_from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    if (this.starts === 0) this.faults.push('write before start');
    return this.#take('write', buf, a, b, flags);
  }

  writeKept(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    return this.write(from, buf, a, b, flags);
  }

  finish(_from: Source, trailers: string): void {
    if (this.ends.length > 0) this.faults.push('finish behind the end');
    this.trailers = trailers;
    this.ends.push('finish');
  }

  abort(_from: Source, why: Failure): void {
    if (this.ends.length > 0) this.faults.push('abort behind the end');
    this.ends.push(`abort ${why}`);
  }
}

/** Gives pieces, one after the other, and stops where it is told to wait. */
export class GivingSource implements Source {
  readonly survivesHalfClose = true;
  readonly #link: Link;
  readonly #x: Exchange;
  readonly #pieces: Buffer[];
  /** How the end is told: with the last piece, or behind it. */
  readonly #how: 'last' | 'finish';
  #started = false;
  #waiting = false;
  done = false;
  gone: Gone | '' = '';
  readonly faults: string[] = [];

  constructor(link: Link, x: Exchange, pieces: readonly Buffer[], how: 'last' | 'finish') {
    this.#link = link;
    this.#x = x;
    this.#pieces = [...pieces];
    this.#how = how;
    link.source = this;
  }

  onDrain(): void {
    if (!this.#waiting) this.faults.push('drained without a wait');
    this.#waiting = false;
    this.go();
  }

  onGone(why: Gone): void {
    this.gone = why;
    this.done = true;
  }

  go(): void {
    while (!this.#waiting && !this.done) this.step();
  }

  /** Gives one piece. */
  step(): void {
    const piece = this.#pieces.shift() ?? Buffer.alloc(0);
    const last = this.#pieces.length === 0;
    const flags = last && this.#how === 'last' ? LAST : 0;
    // It stands among other bytes, as pieces of a socket's buffer do.
    const lent = Buffer.alloc(piece.length + 4, SPOILT);
    piece.copy(lent, 2);
    const flow = this.#call(lent, piece.length, flags);
    lent.fill(SPOILT);
    if (flow === WAIT && flags === 0) this.#waiting = true;
    if (flow === ENOUGH) this.done = true;
    if (!last) return;
    this.done = true;
    if (this.#how === 'finish') this.#link.finish(this, '');
  }

  #call(lent: Buffer, length: number, flags: number): Flow {
    if (this.#started) return this.#link.write(this, lent, 2, 2 + length, flags);
    this.#started = true;
    if (length === 0) return this.#link.start(this, this.#x, null, 0, 0, flags);
    return this.#link.start(this, this.#x, lent, 2, 2 + length, flags);
  }
}

export type MakeLink = (x: Exchange, next: AnswerSink) => Link;

const HEAD = 'GET /there?a=1 HTTP/1.1\r\nHost: h.example\r\n\r\n';

export function anExchange(): Exchange {
  return fakeExchange(new FakeClient(), HEAD);
}

/** What comes of these pieces; throws what went wrong on the way. */
export function runFilter(
  make: MakeLink,
  pieces: readonly Buffer[],
  waits: readonly boolean[] = [false],
  how: 'last' | 'finish' = 'last',
): Buffer {
  const x = anExchange();
  const sink = new TakingSink(waits);
  const link = make(x, sink);
  const source = new GivingSource(link, x, pieces, how);
  source.go();
  for (let i = 0; sink.waiting && i < 100_000; i++) {
    sink.waiting = false;
    link.onDrain();
  }
  const faults = [...sink.faults, ...source.faults];
  if (sink.starts !== 1) faults.push(`${sink.starts} starts`);
  if (sink.ends.length !== 1) faults.push(`ends: ${sink.ends.join(', ')}`);
  if (faults.length > 0) throw new Error(faults.join('; '));
  return sink.body;
}

/** Cuts a body at these places. */
export function cutAt(body: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (body.length + 1)))].sort((a, b) => a - b);
  return [...sorted, body.length].map((end, i) => body.subarray(i === 0 ? 0 : sorted[i - 1], end));
}

/** Every way an answer may end early, at every piece: nothing of it may reach the sink later, and nobody is told twice. */
export function breakEverywhere(make: MakeLink, pieces: readonly Buffer[]): void {
  for (let at = 0; at <= pieces.length; at++) {
    for (const waits of [[false], [true]]) {
      for (const way of ['abort', 'gone', 'drop', 'twice'] as const)
        breakOnce(make, pieces, { at, waits, way });
    }
  }
}

interface Break {
  readonly at: number;
  readonly waits: readonly boolean[];
  readonly way: 'abort' | 'gone' | 'drop' | 'twice';
}

function breakOnce(make: MakeLink, pieces: readonly Buffer[], { at, waits, way }: Break): void {
  const x = anExchange();
  const sink = new TakingSink(waits);
  const link = make(x, sink);
  const source = new GivingSource(link, x, [...pieces, Buffer.from('never')], 'last');
  for (let i = 0; i < at && !source.done; i++) source.step();
  const before = sink.taken;
  if (way === 'abort' || way === 'twice') link.abort(source, 'body_truncated');
  if (way === 'gone') link.onGone('client_aborted');
  if (way === 'drop') link.drop();
  if (way === 'twice') link.abort(source, 'body_truncated');
  sink.waiting = false;
  link.onDrain();
  link.onGone('client_aborted');
  const late = Buffer.from('late');
  const flows = [
    link.start(source, x, late, 0, 4, 0),
    link.write(source, late, 0, 4, LAST),
    link.writeKept(source, late, 0, 4, 0),
  ];
  link.finish(source, '');
  link.onDrain();
  const faults = [...sink.faults.filter((fault) => !fault.endsWith('while it waits'))];
  if (flows.some((flow) => flow !== ENOUGH)) faults.push(`late calls got ${flows.join(' ')}`);
  if (sink.taken !== before) faults.push(`${sink.taken - before} bytes came later`);
  const told = sink.ends.length;
  if (told !== (way === 'abort' || way === 'twice' ? 1 : 0)) faults.push(`${told} ends`);
  if (faults.length > 0) throw new Error(`${way} at ${at}, waits ${waits[0]}: ${faults.join('; ')}`);
}
