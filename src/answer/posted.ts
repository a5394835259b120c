// Subrequests that wait to begin. Those that are made while a page is read begin when what is here of it was read, in their order (nginx:
// posted requests): what one of them sets the next one sees, where it need not ask anybody else.
import type { Exchange } from '../exchange/exchange.ts';

/** What begins when its turn has come. */
export interface PostedRequest {
  /** True: it is about to have an answer of its own accord, and the next one waits for that (`goOn`). */
  begin(): boolean;
}

/** So many may be made for one request of a client: pages that include each other twice are without end (nginx: its reference counter). */
const MOST_IN_ALL = 64_534;
/** So many begin at once; then others have a turn. */
const MOST_IN_A_ROW = 100;

export class Posted {
  #waiting: PostedRequest[] = [];
  #next = 0;
  #made = 0;
  #reading = 0;
  #beginning = false;
  /** Whose answer comes in a moment. */
  #awaited: PostedRequest | null = null;

  /** A page is read, until `endReading`. */
  beginReading(): void {
    this.#reading++;
  }

  endReading(): void {
    this.#reading--;
    this.#run();
  }

  /** False: there were too many already. */
  add(request: PostedRequest): boolean {
    if (this.#made === MOST_IN_ALL) return false;
    this.#made++;
    this.again(request);
    return true;
  }

  /** It was taken before, but its page let it wait. */
  again(request: PostedRequest): void {
    this.#waiting.push(request);
    this.#run();
  }

  goOn(request: PostedRequest): void {
    if (this.#awaited !== request) return;
    this.#awaited = null;
    this.#run();
  }

  #run(): void {
    if (this.#beginning) return;
    this.#beginning = true;
    try {
      let begun = 0;
      while (this.#reading === 0 && this.#awaited === null && this.#next < this.#waiting.length) {
        if (begun++ === MOST_IN_A_ROW) return this.#runLater();
        this.#beginNext();
      }
    } finally {
      this.#beginning = false;
    }
  }

  #beginNext(): void {
    const request = this.#waiting[this.#next++];
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    this.#awaited = request;
    // It may have gone on within the call.
    if (!request.begin() && this.#awaited === request) this.#awaited = null;
  }

  #runLater(): void {
    setImmediate(() => this.#run());
  }
}

const ofMain = new WeakMap<Exchange, Posted>();

export function postedFor({ main }: Exchange): Posted {
  const known = ofMain.get(main);
  if (known !== undefined) return known;
  const made = new Posted();
  ofMain.set(main, made);
  return made;
}
