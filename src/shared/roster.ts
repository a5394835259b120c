// Those that come and go by the thousand, in no order: a place in an array, which the last one takes when somebody leaves.
// A Set would do the same and cost more: V8 makes its table anew after as many departures as it has room, the old one keeps whom it held
// and points to the new, and once one of them is old none of their successors, nor what they held, is young garbage any more.

/** Who can be on one roster at a time. */
export interface Listed {
  /** Its place there; -1 while it is on none. */
  rosterPlace: number;
}

export class Roster<T extends Listed> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    if (member.rosterPlace >= 0) return;
    member.rosterPlace = this.#members.length;
    this.#members.push(member);
  }

  /** Nothing happens where it is on no roster. */
  delete(member: T): void {
    const place = member.rosterPlace;
    if (place < 0) return;
    member.rosterPlace = -1;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#members[place] = last;
    last.rosterPlace = place;
  }

  /** Those who are on it now, whoever comes or leaves meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return [...this.#members].values();
  }
}
