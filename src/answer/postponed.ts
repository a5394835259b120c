// Where the answers of subrequests take their places in the one that they were asked for (nginx: its postpone filter). All run at once;
// what comes of them leaves in the order in which they were asked for. Bounded: who is too far ahead waits.
import type { Exchange, Filter } from '../exchange/exchange.ts';
import { type Flow, GO, LAST, WAIT } from '../exchange/flow.ts';
import { JOIN, PASS } from '../exchange/slots.ts';
import { copyOf } from '../shared/buffers.ts';
import type { Failure } from '../shared/failure.ts';
import { FilterLink } from './link.ts';
import { type Posted, type PostedRequest, postedFor } from './posted.ts';
import { type Asked, mayNest, SubRoot } from './subrequest.ts';

/** What of a subrequest whose turn has not come, and of the text behind it, is kept before its maker must wait. */
const AHEAD_BYTES = 65_536;
/** So many subrequests of a page run at once; further ones begin as these end. */
const MOST_RUNNING = 64;

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
  onInsertOver(insert: Insert): void;
}

export class Postponed extends FilterLink {
  /** What is to leave, in its order; the answer of the first one, if that is a subrequest, leaves as it comes. */
  #items: (Buffer | Insert)[] = [];
  #textBytes = 0;
  #advancing = false;
  /** The sink wants to wait. */
  #sinkWaits = false;
  #ended = false;
  #running = 0;
  #late: Insert[] = [];
  /** Subrequests that were made and are not over. */
  unfinished = 0;
  readonly posted: Posted = postedFor(this.x);

  /** Asks for what is to stand behind all that was written so far; false where that is too deep. */
  insert(asked: Asked, owner: InsertOwner | null = null): boolean {
    return this.place(new Insert(this, asked, owner));
  }

  place(insert: Insert): boolean {
    if (!mayNest(this.x)) return false;
    this.#items.push(insert);
    this.unfinished++;
    if (this.posted.add(insert)) return true;
    this.unfinished--;
    this.#items.pop();
    return false;
  }

  /** The answer cannot go on without what a subrequest should have given. */
  giveUp(failure: Failure): void {
    this.breakOff(failure);
  }

  /** Whether it is its turn; else it is told to begin later. */
  mayRun(insert: Insert): boolean {
    if (this.#running < MOST_RUNNING) {
      this.#running++;
      return true;
    }
    this.#late.push(insert);
    return false;
  }

  get page(): Exchange {
    return this.x;
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

  /** The client waits for the first one. */
  override get survivesHalfClose(): boolean {
    const [first] = this.#items;
    return super.survivesHalfClose && (!(first instanceof Insert) || first.survivesHalfClose);
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
    this.#late = [];
    // None of them begins in the place of one that ends.
    this.posted.beginReading();
    for (const item of items) if (item instanceof Insert) item.cancel();
    this.posted.endReading();
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
    this.unfinished--;
    this.#running--;
    const late = this.#late.shift();
    if (late !== undefined) this.posted.again(late);
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
export class Insert extends SubRoot implements PostedRequest {
  protected readonly postponed: Postponed;
  readonly #asked: Asked;
  readonly #owner: InsertOwner | null;
  #cancelled = false;
  /** Its answer begins, or will never come. */
  #answers = false;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Its maker was told to wait. */
  #owes = false;
  over = false;

  constructor(postponed: Postponed, asked: Asked, owner: InsertOwner | null) {
    super();
    this.postponed = postponed;
    this.#asked = asked;
    this.#owner = owner;
  }

  begin(): boolean {
    if (this.#cancelled || !this.postponed.mayRun(this)) return false;
    this.ask(this.postponed.page, this.#asked);
    return !this.#answers && this.isPrompt;
  }

  override cancel(): void {
    this.#cancelled = true;
    super.cancel();
    this.#begins();
  }

  protected onHead(_x: Exchange): void {
    this.#begins();
  }

  #begins(): void {
    this.#answers = true;
    this.postponed.posted.goOn(this);
  }

  protected onPiece(buf: Buffer, a: number, b: number, flags: number): Flow {
    let flow: Flow = GO;
    if (this.#pieces.length === 0 && this.postponed.isFirst(this)) {
      flow = this.postponed.pass(buf, a, b, flags);
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
    this.#begins();
    this.postponed.onInsertOver(failure);
    this.#owner?.onInsertOver(this);
  }

  get survivesHalfClose(): boolean {
    return this.goesOnHalfClosed;
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
