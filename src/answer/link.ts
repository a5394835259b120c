// What all body filters have in common: whom they obey, what they owe it, and that every answer that began ends once, whatever comes.
import type { AnswerSink, Exchange, Link } from '../exchange/exchange.ts';
import { ENOUGH, FLUSH, type Flow, GO, type Gone, LAST, type Source, WAIT } from '../exchange/flow.ts';
import type { Failure } from '../shared/failure.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';

/** `begun`: its head was taken; `ended`: its source has said all; `over`: nothing it does has an effect any more. */
type State = 'new' | 'begun' | 'ended' | 'over';

export abstract class FilterLink implements Link {
  source: Source | null = null;
  protected readonly x: Exchange;
  readonly #next: AnswerSink;
  #state: State = 'new';
  /** The head went on. */
  #sent = false;
  /** The source was told to wait. */
  #owes = false;
  #trailers = '';

  constructor(x: Exchange, next: AnswerSink) {
    this.x = x;
    this.#next = next;
  }

  get survivesHalfClose(): boolean {
    return this.source?.survivesHalfClose ?? true;
  }

  /**
   * Works on `buf[a, b)` (lent; empty with flags alone) and emits what comes of it. With LAST all must go: `emit` with LAST is the last
   * one. WAIT from `emit`: what is still to emit must be kept, and goes in `resume`.
   */
  protected abstract take(buf: Buffer, a: number, b: number, flags: number): Flow;

  /** The sink drained: emits what was kept. WAIT: some of it is still here. */
  protected resume(): Flow {
    return GO;
  }

  /** The trailer lines of the complete body, each ended by CRLF: those that its source gave, or more. */
  protected trailersAfter(given: string): string {
    return given;
  }

  /** Gives back what it holds; once, at the end whatever it was. */
  protected free(): void {}

  /** Hands `buf[a, b)` on, with the head if that did not go yet. With LAST the answer is complete, and nothing follows. */
  protected emit(buf: Buffer | null, a: number, b: number, flags: number): Flow {
    if (this.#state === 'over') return ENOUGH;
    const last = (flags & LAST) !== 0;
    const trailers = last ? this.trailersAfter(this.#trailers) : '';
    const passed = trailers === '' ? flags : flags & ~LAST;
    if (last) this.#state = 'over';
    let flow: Flow = GO;
    if (!this.#sent) {
      this.#sent = true;
      flow = this.#next.start(this, this.x, buf, a, b, passed);
    } else if (a < b || (passed & FLUSH) !== 0) {
      flow = this.#next.write(this, buf ?? NOTHING, a, b, passed);
    } else if (last && trailers === '') this.#next.finish(this, '');
    if (trailers !== '') this.#next.finish(this, trailers);
    if (last) this.free();
    return flow;
  }

  /** It cannot go on: its source is told, and whoever takes the answer. */
  protected breakOff(why: Failure): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    const { source } = this;
    this.source = null;
    this.free();
    source?.onGone(why);
    this.#next.abort(this, why);
  }

  /** Whether the head goes on before there is a byte of body: nginx's filters send it at once. */
  protected get headFirst(): boolean {
    return true;
  }

  #give(buf: Buffer, a: number, b: number, flags: number): Flow {
    const last = (flags & LAST) !== 0;
    if (last) this.#state = 'ended';
    let flow: Flow;
    try {
      flow = this.take(buf, a, b, flags);
    } catch (error) {
      return this.#onBug(error);
    }
    if (!this.#sent && this.#isOpen() && this.headFirst && this.emit(null, 0, 0, 0) === WAIT) flow = WAIT;
    this.#owes = flow === WAIT && !last;
    return flow;
  }

  /** Whoever called, a disk or a timer perhaps, could not end the answer: it ends here. */
  #onBug(error: unknown): Flow {
    rethrowLater(error);
    this.breakOff('internal_error');
    return ENOUGH;
  }

  #goOn(): Flow {
    try {
      return this.resume();
    } catch (error) {
      return this.#onBug(error);
    }
  }

  /** Asked anew behind each call out, which may have ended it. */
  #isOpen(): boolean {
    return this.#state === 'begun' || this.#state === 'ended';
  }

  // As a sink.

  // biome-ignore lint/complexity/useMaxParams: on the road an object for the piece would be one per call
  start(from: Source, _x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    if (from !== this.source || this.#state !== 'new') return ENOUGH;
    this.#state = 'begun';
    return this.#give(buf ?? NOTHING, a, b, flags);
  }

  write(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    if (from !== this.source || this.#state !== 'begun') return ENOUGH;
    return this.#give(buf, a, b, flags);
  }

  writeKept(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    return this.write(from, buf, a, b, flags);
  }

  finish(from: Source, trailers: string): void {
    if (from !== this.source || this.#state !== 'begun') return;
    this.#trailers = trailers;
    this.#give(NOTHING, 0, 0, LAST);
  }

  abort(from: Source, why: Failure): void {
    if (from !== this.source || this.#state === 'over') return;
    this.#state = 'over';
    this.free();
    this.#next.abort(this, why);
  }

  // As a source.

  onDrain(): void {
    if (!this.#isOpen() || this.#goOn() === WAIT) return;
    if (!this.#owes || this.#state !== 'begun') return;
    this.#owes = false;
    this.source?.onDrain();
  }

  onGone(why: Gone): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.free();
    const { source } = this;
    this.source = null;
    source?.onGone(why);
  }

  drop(): void {
    if (this.#state !== 'over') {
      this.#state = 'over';
      this.source = null;
      this.free();
    }
    // The root is none.
    (this.#next as Partial<Link>).drop?.();
  }
}

const NOTHING = Buffer.alloc(0);
