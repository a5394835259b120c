// A request's body on its way to a peer: kept for a replay while it fits the buffer, streamed once it does not. One reader at a
// time, the present attempt's. Bounded: what is kept never exceeds the buffer by more than one read of the client.
import type { Readable } from 'node:stream';

export class ReplayBody {
  readonly #source: Readable;
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  /** Index of the first chunk that the present reader has not had. */
  #next = 0;
  #kept = 0;
  #dropped = false;
  #complete = false;
  #discarded = false;
  #reader: Readable | null = null;
  #wanted = false;

  constructor(source: Readable, limit: number) {
    this.#source = source;
    this.#limit = limit;
  }

  /** Begins to read the source; until then it keeps what it has. */
  begin(onFailed: (error: Error) => void): void {
    this.#source.on('data', (chunk: Buffer | string) => this.#add(chunk));
    this.#source.on('end', () => {
      this.#complete = true;
      this.#flow();
    });
    this.#source.on('error', onFailed);
  }

  /** All bytes that came are still here, so another peer can have them from the start. */
  get replayable(): boolean {
    return !this.#dropped;
  }

  /** The next attempt reads, from the start. */
  attach(reader: Readable): void {
    this.#reader = reader;
    this.#next = 0;
    this.#wanted = false;
  }

  /** The reader asks for more. */
  pull(reader: Readable): void {
    if (reader !== this.#reader) return;
    this.#wanted = true;
    this.#flow();
  }

  /** Nobody needs it any more: the rest is read and forgotten, so that the client's connection can serve its next request. */
  discard(): void {
    this.#discarded = true;
    this.#reader = null;
    this.#chunks.length = 0;
    this.#source.resume();
  }

  #add(chunk: Buffer | string): void {
    if (this.#discarded) return;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#chunks.push(bytes);
    this.#kept += bytes.length;
    this.#flow();
    if (this.#kept > this.#limit) this.#source.pause();
  }

  #flow(): void {
    const reader = this.#reader;
    if (reader === null) return;
    while (this.#wanted && this.#next < this.#chunks.length) {
      this.#wanted = reader.push(this.#chunks[this.#next++]);
    }
    if (this.#complete && this.#wanted && this.#next === this.#chunks.length) {
      this.#reader = null;
      reader.push(null);
    }
    this.#dropSent();
  }

  #dropSent(): void {
    if (this.#kept <= this.#limit || this.#next === 0) return;
    this.#dropped = true;
    for (const chunk of this.#chunks.splice(0, this.#next)) this.#kept -= chunk.length;
    this.#next = 0;
    if (this.#kept <= this.#limit) this.#source.resume();
  }
}
