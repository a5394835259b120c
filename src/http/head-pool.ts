// Heads between two uses. A connection has one only while a message is on it: idle connections, of which there may be very many, then
// hold neither text nor tables, and the few heads in use stay in the processor's caches.
import { RequestHead } from './request-head.ts';
import { ResponseHead } from './response-head.ts';

/** Heads kept for the next user; more are left to the garbage collector. */
const MAX_SPARE = 256;

export class HeadPool<T extends RequestHead | ResponseHead> {
  readonly #spare: T[] = [];
  readonly #make: () => T;

  constructor(make: () => T) {
    this.#make = make;
  }

  take(): T {
    return this.#spare.pop() ?? this.#make();
  }

  /** Nobody may read the head from here on. One that had to grow is not kept. */
  give(head: T): void {
    head.forget();
    if (!head.hasGrown && this.#spare.length < MAX_SPARE) this.#spare.push(head);
  }
}

export const requestHeads = new HeadPool(() => new RequestHead());
export const responseHeads = new HeadPool(() => new ResponseHead());
