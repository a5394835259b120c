// How many clients there are, and what their connections do: counted when somebody asks, so that nobody else pays for it.

/** nginx's words: `reading` a head, `writing` an answer or about to, `waiting` for a request. */
export interface Population {
  readonly active: number;
  readonly reading: number;
  readonly writing: number;
  readonly waiting: number;
}

/** With connections that came; those of them that were served; requests that began. */
export interface Counts extends Population {
  readonly accepted: number;
  readonly handled: number;
  readonly requests: number;
}

/** A listener: tells of the connections that it has. */
export interface Populated {
  readonly population: Population;
}

export const NOBODY: Counts = {
  accepted: 0,
  handled: 0,
  requests: 0,
  active: 0,
  reading: 0,
  writing: 0,
  waiting: 0,
};

export function plus(a: Counts, b: Counts): Counts {
  return {
    accepted: a.accepted + b.accepted,
    handled: a.handled + b.handled,
    requests: a.requests + b.requests,
    active: a.active + b.active,
    reading: a.reading + b.reading,
    writing: a.writing + b.writing,
    waiting: a.waiting + b.waiting,
  };
}

class Populations {
  accepted = 0;
  handled = 0;
  requests = 0;
  /** What other processes that serve the same have; null where nobody asks, or there are none. */
  others: (() => Counts) | null = null;
  readonly #places = new Set<Populated>();

  enter(place: Populated): void {
    this.#places.add(place);
  }

  leave(place: Populated): void {
    this.#places.delete(place);
  }

  /** Of this process. */
  own(): Counts {
    const { accepted, handled, requests } = this;
    let sum: Counts = { ...NOBODY, accepted, handled, requests };
    for (const { population: each } of this.#places) sum = plus(sum, { ...NOBODY, ...each });
    return sum;
  }

  /** Of all processes. */
  now(): Counts {
    return this.others === null ? this.own() : plus(this.own(), this.others());
  }
}

export const population = new Populations();
