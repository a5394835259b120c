// An answer whose client is slower than its peer: it waits in memory, and what does not fit there in a temporary file, so that the peer is
// free early (nginx: ngx_event_pipe). Made when a sink first says WAIT: sink towards the back, source towards the filters. What waits is
// in this order: blocks that are being sent, the file, blocks that go to the file, blocks that came back from a full disk, the rest.

import { Chunks } from '../../body/chunks.ts';
import { TempFile } from '../../body/temp-file.ts';
import type { TempPlace } from '../../body/temp-place.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { ENOUGH, type Flow, GO, type Gone, type Source, WAIT } from '../../exchange/flow.ts';
import type { Failure } from '../../shared/failure.ts';
import { rethrowLater } from '../../shared/rethrow-later.ts';

export interface SpoolPolicy {
  /** How much stays in memory; once more while as much is on its way to the disk. */
  readonly memoryBytes: number;
  /** 0 = no file. */
  readonly maxFileBytes: number;
  readonly place: TempPlace;
}

/** Who fills it: told once there is room again after WAIT, and when nobody wants the answer any more. */
export interface SpoolOwner extends Source {
  /** FLUSH where pieces must not stick in filters, else 0. */
  readonly flush: number;
  /** For the error log. */
  onSpoolNote(level: 'warn' | 'error', message: string): void;
}

const PAGE_BYTES = 65_536;

export class Spool implements Source {
  readonly #x: Exchange;
  readonly #policy: SpoolPolicy;
  readonly #owner: SpoolOwner;
  /** Of all pieces: FLUSH, or 0. */
  readonly #flags: number;
  #out: readonly Buffer[] = [];
  /** Which of them is next, and how many bytes of them count as memory. */
  #at = 0;
  #outBytes = 0;
  #file: TempFile | null = null;
  /** Offset in the file of what was not read yet. */
  #readAt = 0;
  #page: Buffer | null = null;
  #reading = false;
  #writing = false;
  #returned: readonly Buffer[] = [];
  #returnedBytes = 0;
  readonly #tail = new Chunks();
  /** The disk took nothing more once: it is not asked again for this answer. */
  #diskFull = false;
  #sinkWaits = true;
  /** The owner was told to wait. */
  #held = false;
  /** The sink wants no more of the body, only its end. */
  #enough = false;
  #ending: 'not yet' | 'whole' | 'cut' = 'not yet';
  #trailers = '';
  #why: Failure = 'body_truncated';
  #over = false;

  /** The sink has just said WAIT, and what it was given is all there is so far. */
  constructor(x: Exchange, policy: SpoolPolicy, owner: SpoolOwner) {
    this.#x = x;
    this.#policy = policy;
    this.#owner = owner;
    this.#flags = owner.flush;
    x.setMaker(this);
  }

  // As a sink.

  /** `buf[a, b)` is lent. WAIT: it is full. */
  take(buf: Buffer, a: number, b: number): Flow {
    if (this.#over || this.#enough) return ENOUGH;
    if (a === b) return GO;
    if (!this.#sinkWaits && this.#isEmpty()) {
      this.#heed(this.#x.sink.write(this, buf, a, b, this.#flags));
      return this.#enough ? ENOUGH : GO;
    }
    this.#tail.add(buf, a, b);
    this.#store();
    if (!this.#isFull()) return GO;
    this.#held = true;
    return WAIT;
  }

  /** The peer's answer is complete. */
  finish(trailers: string): void {
    if (this.#over) return;
    this.#ending = 'whole';
    this.#trailers = trailers;
    this.#endIfEmpty();
  }

  /** It never will be: the client gets what came of it, and sees that it is cut. */
  abort(why: Failure): void {
    if (this.#over) return;
    this.#ending = 'cut';
    this.#why = why;
    this.#endIfEmpty();
  }

  // As a source.

  /** A client that has nothing more to ask still waits for what is here already. */
  get survivesHalfClose(): boolean {
    return this.#ending !== 'not yet' || this.#owner.survivesHalfClose;
  }

  onDrain(): void {
    this.#sinkWaits = false;
    this.#goOn();
  }

  onGone(why: Gone): void {
    if (this.#over) return;
    this.#free();
    if (why !== 'replaced') this.#x.failure ??= why;
    this.#owner.onGone(why);
  }

  // Storing.

  #unread(): number {
    return this.#file === null ? 0 : this.#file.sizeBytes - this.#readAt;
  }

  #inMemory(): number {
    return this.#outBytes + this.#returnedBytes + this.#tail.bytes;
  }

  #isEmpty(): boolean {
    const moving = this.#reading || this.#writing || this.#at < this.#out.length;
    return !moving && this.#unread() === 0 && this.#returnedBytes === 0 && this.#tail.bytes === 0;
  }

  #isFull(): boolean {
    return (this.#writing ? this.#tail.bytes : this.#inMemory()) >= this.#policy.memoryBytes;
  }

  /** Sends the tail to the disk where memory is used up and the file has room for it. */
  #store(): void {
    const { memoryBytes, maxFileBytes, place } = this.#policy;
    if (this.#writing || this.#diskFull || this.#returnedBytes > 0 || this.#ending !== 'not yet') return;
    if (this.#tail.bytes === 0 || this.#inMemory() < memoryBytes) return;
    const before = this.#file?.sizeBytes ?? 0;
    if (before + this.#tail.bytes > maxFileBytes) return;
    this.#file ??= new TempFile(place, 'nameless');
    const file = this.#file;
    const blocks = this.#tail.takeAll();
    this.#writing = true;
    file.append(blocks).then(
      () => this.#onWritten(file, blocks, before === 0),
      (error: Error) => this.#onNotWritten(blocks, file.sizeBytes - before, error),
    );
  }

  #onWritten(file: TempFile, blocks: readonly Buffer[], isFirst: boolean): void {
    this.#writing = false;
    if (this.#over || this.#enough) return this.#endIfEmpty();
    this.#tail.giveBack(blocks);
    if (isFirst) {
      const what = `an upstream response is buffered to a temporary file ${file.path}`;
      this.#owner.onSpoolNote('warn', what);
    }
    this.#goOn();
  }

  /** Nothing is lost: what was not written stays in memory, and the peer waits for the client. */
  #onNotWritten(blocks: readonly Buffer[], writtenBytes: number, { message }: Error): void {
    this.#writing = false;
    if (this.#over || this.#enough) return this.#endIfEmpty();
    this.#diskFull = true;
    this.#returned = withoutFirst(blocks, writtenBytes);
    this.#returnedBytes = this.#returned.reduce((sum, block) => sum + block.length, 0);
    const where = this.#file?.path || this.#policy.place.directory;
    const what = `an upstream response cannot be buffered in ${where}: ${message}; its peer waits for the client`;
    this.#owner.onSpoolNote('error', what);
    this.#goOn();
  }

  // Sending.

  #goOn(): void {
    if (this.#over) return;
    try {
      this.#send();
      this.#endIfEmpty();
      this.#store();
      if (this.#over || !this.#held || this.#isFull()) return;
      this.#held = false;
      this.#owner.onDrain();
    } catch (error) {
      rethrowLater(error);
      this.#lose('internal_error');
    }
  }

  #send(): void {
    while (!this.#sinkWaits && !this.#over && !this.#reading) {
      if (this.#at < this.#out.length) this.#sendBlock(this.#out[this.#at++]);
      else if (this.#file !== null && this.#unread() > 0) return this.#read(this.#file);
      else if (this.#writing || !this.#refill()) return;
    }
  }

  #sendBlock(block: Buffer): void {
    this.#outBytes = Math.max(0, this.#outBytes - block.length);
    this.#heed(this.#x.sink.writeKept(this, block, 0, block.length, this.#flags));
  }

  #heed(flow: Flow): void {
    this.#sinkWaits = flow === WAIT;
    if (flow !== ENOUGH || this.#over) return;
    this.#enough = true;
    this.#drop();
  }

  /** The file is read to its end: its room can be used again. */
  #refill(): boolean {
    this.#file?.empty();
    this.#readAt = 0;
    const hasReturned = this.#returnedBytes > 0;
    this.#outBytes = hasReturned ? this.#returnedBytes : this.#tail.bytes;
    this.#out = hasReturned ? this.#returned : this.#tail.takeAll();
    this.#at = 0;
    this.#returned = [];
    this.#returnedBytes = 0;
    return this.#out.length > 0;
  }

  #read(file: TempFile): void {
    const length = Math.min(PAGE_BYTES, this.#unread());
    if (this.#page === null || this.#page.length < length) this.#page = Buffer.allocUnsafeSlow(length);
    const page = length === this.#page.length ? this.#page : this.#page.subarray(0, length);
    this.#reading = true;
    file.read(page, this.#readAt).then(
      () => this.#onRead(page),
      (error: Error) => this.#onLost(error),
    );
  }

  #onRead(page: Buffer): void {
    this.#reading = false;
    if (this.#over || this.#enough) return this.#endIfEmpty();
    this.#readAt += page.length;
    this.#out = [page];
    this.#at = 0;
    this.#outBytes = 0;
    this.#goOn();
  }

  #onLost({ message }: Error): void {
    this.#reading = false;
    if (this.#over || this.#enough) return this.#endIfEmpty();
    this.#owner.onSpoolNote('error', `a buffered upstream response cannot be read: ${message}`);
    this.#lose('internal_error');
  }

  // The end.

  #endIfEmpty(): void {
    if (this.#over || this.#ending === 'not yet' || !this.#isEmpty()) return;
    this.#free();
    if (this.#ending === 'whole') this.#x.sink.finish(this, this.#trailers);
    else this.#x.sink.abort(this, this.#why);
  }

  /** What waits here cannot be sent. */
  #lose(why: Failure): void {
    if (this.#over) return;
    this.#free();
    this.#x.sink.abort(this, why);
    this.#owner.onGone(why);
  }

  #free(): void {
    this.#over = true;
    this.#drop();
  }

  #drop(): void {
    this.#file?.release();
    this.#file = null;
    this.#page = null;
    this.#out = [];
    this.#at = 0;
    this.#outBytes = 0;
    this.#returned = [];
    this.#returnedBytes = 0;
    this.#tail.drop();
  }
}

/** What is left of blocks after `bytes` of them. */
function withoutFirst(blocks: readonly Buffer[], bytes: number): readonly Buffer[] {
  let left = bytes;
  return blocks.flatMap((block) => {
    const skipped = Math.min(left, block.length);
    left -= skipped;
    return skipped === block.length ? [] : [block.subarray(skipped)];
  });
}
