// How many clients there are, and what their connections do: counted when somebody asks, so that nobody else pays for it.

/** nginx's words: `reading` a head, `writing` an answer or about to, `waiting` for a request. */
export interface Population {
  readonly active: number;
  readonly reading: number;
  readonly writing: number;
  readonly waiting: number;
}

/** A listener: tells of the connections that it has. */
export interface Populated {
  readonly population: Population;
}

const NOBODY: Population = { active: 0, reading: 0, writing: 0, waiting: 0 };

class Populations {
  /** Connections that came; those of them that were served; requests that began. */
  accepted = 0;
  handled = 0;
  requests = 0;
  readonly #places = new Set<Populated>();

  enter(place: Populated): void {
    this.#places.add(place);
  }

  leave(place: Populated): void {
    this.#places.delete(place);
  }

  now(): Population {
    let sum = NOBODY;
    for (const { population: each } of this.#places)
      sum = {
        active: sum.active + each.active,
        reading: sum.reading + each.reading,
        writing: sum.writing + each.writing,
        waiting: sum.waiting + each.waiting,
      };
    return sum;
  }
}

/** Of this process. */
export const population = new Populations();
