// A request's body that is read whole before anybody sends it: in memory while it fits, else in a temporary file. Bounded: the client is
// held while the disk is slower than it. Any number of readers can have it, each from the start, as often as they like.
import type { BodyReader, Exchange } from '../exchange/exchange.ts';
import type { BodyOwner, BodyPull, PullOwner, RequestBody } from '../http/body-pull.ts';
import type { Failure } from '../shared/failure.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { Blocks } from './blocks.ts';
import { bodyDetail } from './body-detail.ts';
import { Chunks } from './chunks.ts';
import type { BodyPolicy } from './policy.ts';
import { FilePull, MemoryPull } from './pulls.ts';
import { type NameFate, TempFile } from './temp-file.ts';

/** A body that is said to be empty: there, but nothing to read. */
export const EMPTY_BODY: RequestBody = {
  complete: true,
  received: 0,
  trailers: '',
  replayable: true,
  isShared: true,
  text: '',
  file: undefined,
  pull: () => new MemoryPull([], 0),
  hold: () => undefined,
  release: () => undefined,
};

/** What is left of a body that was too large while it came: nothing, which is not told as a text either. */
const REFUSED_BODY: RequestBody = { ...EMPTY_BODY, text: undefined };

/** Whoever makes the error page goes on without the body. */
export function refuseBody(exchange: Exchange): void {
  exchange.body?.release();
  exchange.body = REFUSED_BODY;
  exchange.bodyRefused = true;
}

/** How much may wait for the disk, where client_body_buffer_size is less. */
const AHEAD_BYTES = 262_144;

const FATES: Readonly<Record<BodyPolicy['fileOnly'], NameFate>> = {
  off: 'nameless',
  clean: 'removed',
  on: 'kept',
};

/** Begins to read the exchange's body, which becomes its `body`; the owner may be called before this returns. */
export function readWholeBody(exchange: Exchange, policy: BodyPolicy, owner: BodyOwner): void {
  const body = new StoredBody(exchange, policy, owner);
  exchange.body = body;
  exchange.client.readBody(body);
}

class StoredBody implements RequestBody, BodyReader {
  readonly #exchange: Exchange;
  readonly #policy: BodyPolicy;
  #owner: BodyOwner | null;
  readonly #blocks = new Blocks();
  /** What comes once a part of it went to the disk. */
  readonly #behind = new Chunks();
  #file: TempFile | null = null;
  /** It will not fit: known from the start where its length is. */
  #overflows: boolean;
  #writing = false;
  #paused = false;
  /** All of it was read, though perhaps not stored yet. */
  #read = false;
  #holds = 1;
  complete = false;
  received = 0;
  trailers = '';

  constructor(exchange: Exchange, policy: BodyPolicy, owner: BodyOwner) {
    this.#exchange = exchange;
    this.#policy = policy;
    this.#owner = owner;
    const { chunked, contentLength } = exchange.request;
    // A quarter more than the buffer still makes one buffer (ngx_http_read_client_request_body).
    const fits = policy.memoryBytes + Math.floor(policy.memoryBytes / 4);
    this.#overflows = policy.fileOnly !== 'off' || (!chunked && contentLength >= fits);
  }

  // Reading.

  onBody(buf: Buffer, from: number, to: number): void {
    if (this.#owner === null) return;
    const { request } = this.#exchange;
    this.received += to - from;
    const blocks = this.#blocks;
    const more = request.chunked || this.#overflows ? 0 : request.contentLength - this.received;
    if (this.#file === null) blocks.add(buf, from, to, more);
    else this.#behind.add(buf, from, to);
    if (request.chunked && blocks.bytes >= this.#policy.memoryBytes) this.#overflows = true;
    if (!this.#overflows) return;
    if (!this.#writing && this.#waiting() >= this.#policy.memoryBytes) this.#write();
    if (this.#waiting() >= Math.max(AHEAD_BYTES, this.#policy.memoryBytes)) this.#hold();
  }

  onBodyEnd(trailers: string): void {
    this.#read = true;
    this.trailers = trailers;
    if (this.#owner === null || this.#writing) return;
    if (this.#overflows) this.#write();
    else this.#whole();
  }

  onBodyFailed(failure: Failure): void {
    this.#fail(failure, bodyDetail(failure, this.#exchange));
  }

  /** Bytes that are not on the disk. */
  #waiting(): number {
    return this.#blocks.bytes + this.#behind.bytes;
  }

  #hold(): void {
    if (this.#paused || this.#read) return;
    this.#paused = true;
    this.#exchange.client.pauseBody();
  }

  #write(): void {
    this.#writing = true;
    this.#file ??= new TempFile(this.#policy.place, FATES[this.#policy.fileOnly]);
    const chunks = this.#behind.takeAll();
    this.#file.append([...this.#blocks.takeAll(), ...chunks]).then(
      () => this.#onWritten(chunks),
      (error: Error) => this.#onNotWritten(error),
    );
  }

  #onWritten(chunks: readonly Buffer[]): void {
    this.#writing = false;
    if (this.#owner === null) return;
    this.#behind.giveBack(chunks);
    const waits = this.#waiting();
    if (waits > 0 && (this.#read || waits >= this.#policy.memoryBytes)) this.#write();
    else if (this.#read) return this.#whole();
    if (!this.#paused) return;
    this.#paused = false;
    this.#exchange.client.resumeBody();
  }

  #onNotWritten({ message }: Error): void {
    this.#writing = false;
    const where = this.#file?.path || this.#policy.place.directory;
    this.#fail(
      'client_body_not_stored',
      `the body cannot be stored in ${where} (client_body_temp_path): ${message}`,
    );
  }

  #whole(): void {
    const owner = this.#owner;
    this.#owner = null;
    this.complete = true;
    this.#behind.drop();
    if (this.#policy.inOnePiece) this.#blocks.join();
    try {
      owner?.onBodyWhole();
    } catch (error) {
      rethrowLater(error);
      owner?.onBodyFailed('internal_error', 'internal error');
    }
  }

  #fail(failure: Failure, detail: string): void {
    const owner = this.#owner;
    this.#owner = null;
    this.#behind.drop();
    owner?.onBodyFailed(failure, detail);
  }

  // What became of it.

  get replayable(): boolean {
    return true;
  }

  get isShared(): boolean {
    return true;
  }

  get text(): string | undefined {
    return this.#file === null && this.complete ? this.#blocks.text() : undefined;
  }

  get file(): string | undefined {
    return this.#file?.path || undefined;
  }

  pull(owner: PullOwner): BodyPull {
    return this.#file === null
      ? new MemoryPull(this.#blocks.all, this.#blocks.bytes)
      : new FilePull(this.#file, owner);
  }

  hold(): void {
    this.#holds++;
  }

  release(): void {
    if (--this.#holds > 0) return;
    this.#owner = null;
    this.#file?.release();
  }
}
