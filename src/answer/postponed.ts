// Where the answers of subrequests take their places in the one that they were asked for (nginx: its postpone filter). All run at once;
// what comes of them leaves in the order in which they were asked for. Bounded: who is too far ahead waits.
import { type Exchange, type Filter, type Flow, GO, JOIN, LAST, PASS, WAIT } from '../exchange.ts';
import { copyOf } from '../shared/buffers.ts';
import type { Failure } from '../shared/failure.ts';
import { FilterLink } from './link.ts';
import { type Asked, SubRoot } from './subrequest.ts';

/** What of a subrequest whose turn has not come, and of the text behind it, is kept before its maker must wait. */
const AHEAD_BYTES = 65_536;

/** Whose head has been seen by a filter that makes subrequests. */
const expecting = new WeakSet<Exchange>();
const links = new WeakMap<Exchange, Postponed>();

/** A filter says, when it sees the head, that it will make subrequests for the body. */
export function expectSubrequests(x: Exchange): void {
  expecting.add(x);
}

/** The place of their answers; there once the filters are joined. */
export function postponedOf(x: Exchange): Postponed | null {
  return links.get(x) ?? null;
}

export const POSTPONE: Filter = {
  slot: 'postpone',
  head: (x) => (expecting.delete(x) ? JOIN : PASS),
  join(x, next) {
    const link = new Postponed(x, next);
    links.set(x, link);
    return link;
  },
};

/** Who made a subrequest, if it wants to know more. */
export interface InsertOwner {
  /** It is over, and all of it is in its place or kept for it. */
  onInsertOver(): void;
}

export class Postponed extends FilterLink {
  /** What is to leave, in its order; the answer of the first one, if that is a subrequest, leaves as it comes. */
  #items: (Buffer | Insert)[] = [];
  #textBytes = 0;
  #advancing = false;
  /** The sink wants to wait. */
  #sinkWaits = false;
  #ended = false;

  /** Asks for what is to stand behind all that was written so far; false where that is too deep. */
  insert(asked: Asked, owner: InsertOwner | null = null): boolean {
    return this.place(new Insert(this, owner), asked);
  }

  place(insert: Insert, asked: Asked): boolean {
    this.#items.push(insert);
    if (insert.begin(this.x, asked)) return true;
    this.#items = this.#items.filter((item) => item !== insert);
    return false;
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    if ((flags & LAST) !== 0) this.#ended = true;
    if (this.#items.length === 0) return this.emit(buf, a, b, flags);
    if (a < b) {
      this.#items.push(copyOf(buf, a, b));
      this.#textBytes += b - a;
    }
    return this.#textBytes > AHEAD_BYTES ? WAIT : GO;
  }

  protected override resume(): Flow {
    this.#sinkWaits = false;
    const [first] = this.#items;
    if (first instanceof Insert) first.flow();
    this.#advance();
    return this.#sinkWaits || this.#textBytes > AHEAD_BYTES ? WAIT : GO;
  }

  protected override free(): void {
    const items = this.#items;
    this.#items = [];
    this.#textBytes = 0;
    for (const item of items) if (item instanceof Insert) item.cancel();
  }

  // What subrequests call.

  isFirst(insert: Insert): boolean {
    return this.#items[0] === insert;
  }

  /** A piece of the first one. */
  pass(buf: Buffer, a: number, b: number, flags: number): Flow {
    const flow = this.emit(buf, a, b, flags);
    if (flow === WAIT) this.#sinkWaits = true;
    return flow;
  }

  onInsertOver(failure: Failure | null): void {
    if (failure !== null) return this.breakOff(failure);
    this.#advance();
    // Text that waited may have left: its maker can go on.
    if (!this.#sinkWaits && !this.#advancing) this.onDrain();
  }

  /** Sends what its turn has come for. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    while (!this.#sinkWaits && this.#items.length > 0 && this.#sendFirst()) {
      // On with the next.
    }
    this.#advancing = false;
    if (this.#ended && this.#items.length === 0) this.emit(null, 0, 0, LAST);
  }

  /** False: it is not complete yet. */
  #sendFirst(): boolean {
    const [first] = this.#items;
    if (!(first instanceof Insert)) {
      this.#items.shift();
      this.#textBytes -= first.length;
      this.pass(first, 0, first.length, 0);
      return true;
    }
    const piece = first.takePiece();
    if (piece !== null) this.pass(piece, 0, piece.length, 0);
    else if (first.over) this.#items.shift();
    else {
      first.flow();
      return first.over;
    }
    return true;
  }
}

/** A subrequest whose answer stands in another one. */
export class Insert extends SubRoot {
  readonly #postponed: Postponed;
  readonly #owner: InsertOwner | null;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Its maker was told to wait. */
  #owes = false;
  over = false;

  constructor(postponed: Postponed, owner: InsertOwner | null) {
    super();
    this.#postponed = postponed;
    this.#owner = owner;
  }

  protected onHead(_x: Exchange): void {}

  protected onPiece(buf: Buffer, a: number, b: number, flags: number): Flow {
    let flow: Flow = GO;
    if (this.#pieces.length === 0 && this.#postponed.isFirst(this)) {
      flow = this.#postponed.pass(buf, a, b, flags);
    } else {
      this.#pieces.push(copyOf(buf, a, b));
      this.#bytes += b - a;
      if (this.#bytes > AHEAD_BYTES) flow = WAIT;
    }
    if (flow === WAIT) this.#owes = true;
    return flow;
  }

  protected onOver(_x: Exchange, failure: Failure | null): void {
    this.over = true;
    this.#postponed.onInsertOver(failure);
    this.#owner?.onInsertOver();
  }

  takePiece(): Buffer | null {
    const piece = this.#pieces.shift() ?? null;
    if (piece !== null) this.#bytes -= piece.length;
    return piece;
  }

  /** More of it may come. */
  flow(): void {
    if (!this.#owes || this.#pieces.length > 0) return;
    this.#owes = false;
    this.drained();
  }
}
