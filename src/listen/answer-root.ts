// The answering half of a client connection: the root that all answers of its exchanges end in. It obeys the source that its present
// exchange names and no other, so nobody who is late reaches another client.
import type { Exchange, Root } from '../exchange/exchange.ts';
import { ENOUGH, type Flow, GO, LAST, type Source, WAIT } from '../exchange/flow.ts';
import type { Failure } from '../shared/failure.ts';
import type { ByteSocket } from '../socket/byte-socket.ts';
import { AnswerWriter } from './answer-writer.ts';

/** What the root needs of its connection. */
export interface AnswerLine {
  /** Before the head is written: decides whether the connection stays, in `x.closeAfter`. */
  beforeHead(x: Exchange): void;
  /** The client has something to take. */
  awaitSend(x: Exchange): void;
  /** The answer is out, or will never be complete. */
  onAnswered(x: Exchange): void;
}

export class AnswerRoot implements Root {
  readonly #socket: ByteSocket;
  readonly #line: AnswerLine;
  readonly #writer: AnswerWriter;
  /** Whose answer is taken: null between two. */
  exchange: Exchange | null = null;

  constructor(socket: ByteSocket, line: AnswerLine) {
    this.#socket = socket;
    this.#line = line;
    this.#writer = new AnswerWriter(socket);
  }

  informational(status: number, lines: string): void {
    this.#writer.informational(status, lines);
  }

  switchProtocols(x: Exchange): void {
    this.#writer.switchProtocols(x);
  }

  sendWhole(from: Source, x: Exchange, body: string | Buffer): void {
    if (!this.#mayBegin(from, x)) return;
    x.takeError();
    x.length = body.length;
    this.#line.beforeHead(x);
    x.lastBytes();
    this.#writer.whole(x, body);
    this.#end(x);
  }

  // biome-ignore lint/complexity/useMaxParams: on the road an object for the piece would be one per call
  start(from: Source, x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    if (!this.#mayBegin(from, x)) return ENOUGH;
    x.takeError();
    this.#line.beforeHead(x);
    const last = (flags & LAST) !== 0;
    if (last) x.lastBytes();
    const flowing = this.#writer.start(x, buf, a, b, last);
    return this.#after(x, flowing, last);
  }

  write(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    const x = this.#heard(from);
    if (x === null) return ENOUGH;
    const last = (flags & LAST) !== 0;
    if (last) x.lastBytes();
    const flowing = this.#writer.write(x, buf, a, b);
    if (last) this.#writer.finish('');
    return this.#after(x, flowing, last);
  }

  writeKept(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    const x = this.#heard(from);
    if (x === null) return ENOUGH;
    const last = (flags & LAST) !== 0;
    if (last) x.lastBytes();
    const taken = this.#writer.writeKept(x, buf, a, b);
    if (last) this.#writer.finish('');
    return this.#after(x, taken, last);
  }

  finish(from: Source, trailers: string): void {
    const x = this.#heard(from);
    if (x === null) return;
    x.lastBytes();
    this.#writer.finish(trailers);
    this.#end(x);
  }

  abort(from: Source, why: Failure): void {
    const x = this.exchange;
    if (x === null || from !== x.source) return;
    x.failure ??= why;
    x.closeAfter = true;
    // A length or a missing last chunk shows that the answer is cut; a reset could destroy what the client has not read of it.
    if (!x.headSent || this.#writer.endsWithConnection) this.#socket.reset();
    this.#end(x);
  }

  #mayBegin(from: Source, x: Exchange): boolean {
    return x === this.exchange && from === x.source && !x.headSent;
  }

  /** The present exchange, if this is its source and its head is out. */
  #heard(from: Source): Exchange | null {
    const x = this.exchange;
    return x !== null && from === x.source && x.headSent ? x : null;
  }

  #after(x: Exchange, flowing: boolean, last: boolean): Flow {
    if (last) this.#end(x);
    else if (!flowing) this.#line.awaitSend(x);
    return flowing ? GO : WAIT;
  }

  #end(x: Exchange): void {
    x.source = null;
    this.#line.onAnswered(x);
  }
}
