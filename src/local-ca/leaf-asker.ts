// The acceptor's side: asks the primary for leaves while clients wait, never for long and never for many.
import { Timer } from '../shared/timer.ts';
import type { Leaf } from './leaf.ts';

/** Clients wait that long; the primary needs some milliseconds. */
const ANSWER_MS = 5000;
const MAX_PENDING = 64;

interface Wish {
  readonly leaf: Promise<Leaf | null>;
  settle(leaf: Leaf | null): void;
}

export class LeafAsker {
  readonly #send: (id: number, wanted: string) => void;
  readonly #byName = new Map<string, Wish>();
  readonly #byId = new Map<number, Wish>();
  #asked = 0;

  constructor(send: (id: number, wanted: string) => void) {
    this.#send = send;
  }

  ask(wanted: string): Promise<Leaf | null> {
    const known = this.#byName.get(wanted);
    if (known !== undefined) return known.leaf;
    if (this.#byName.size >= MAX_PENDING) return Promise.resolve(null);
    const id = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<Leaf | null>();
    const timer = new Timer(() => wish.settle(null), ANSWER_MS).unref();
    const wish: Wish = {
      leaf: promise,
      settle: (leaf) => {
        timer.stop();
        this.#byName.delete(wanted);
        this.#byId.delete(id);
        resolve(leaf);
      },
    };
    this.#byName.set(wanted, wish);
    this.#byId.set(id, wish);
    this.#send(id, wanted);
    return promise;
  }

  answer(id: number, leaf: Leaf | null): void {
    this.#byId.get(id)?.settle(leaf);
  }
}
