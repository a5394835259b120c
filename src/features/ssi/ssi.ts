// nginx's SSI filter: finds the commands in a page, shows what they give, and takes the answers of includes into it.
import { TypeSet } from '../../answer/content-type.ts';
import { FilterLink } from '../../answer/link.ts';
import {
  expectSubrequests,
  Insert,
  type InsertOwner,
  type Postponed,
  postponedOf,
} from '../../answer/postponed.ts';
import { mayNest } from '../../answer/subrequest.ts';
import type { AnswerSink, Exchange, Filter } from '../../exchange/exchange.ts';
import { type Flow, GO, LAST, WAIT } from '../../exchange/flow.ts';
import { JOIN, PASS } from '../../exchange/slots.ts';
import type { VariableLookup } from '../../route/template.ts';
import { copyOf } from '../../shared/buffers.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { SetInsert, StubInsert } from './inserts.ts';
import { type Include, type PageOutput, SsiPage } from './page.ts';
import { MALFORMED, MORE, SsiParser } from './parser.ts';
import { SsiError } from './strings.ts';

export const SSI: Feature = {
  name: 'ssi',
  filter: (place) => (place.settings.ssi ? createFilter(place) : null),
};

interface Plan {
  readonly lookup: VariableLookup;
  readonly silent: boolean;
  readonly maxValue: number;
  readonly maxAnswer: number;
  readonly report: (x: Exchange, message: string) => void;
}

function createFilter({ settings, lookup, report }: FeaturePlace): Filter {
  const types = new TypeSet(settings.ssiTypes);
  const plan: Plan = {
    lookup,
    silent: settings.ssiSilentErrors,
    maxValue: settings.ssiValueLengthBytes,
    maxAnswer: settings.subrequestOutputBufferBytes,
    report: (x, message) => report(x, 'error', message),
  };
  const keepsDate = settings.ssiLastModified;
  return {
    slot: 'ssi',
    head(x, head) {
      if (head.length === 0 || !types.has(head)) return PASS;
      if (!x.isSub) {
        head.bodyChanges();
        if (!keepsDate) {
          head.remove('last-modified');
          head.dropTag();
        }
      }
      expectSubrequests(x);
      return JOIN;
    },
    join: (x, next) => new SsiLink(x, next, plan),
  };
}

/** What is written in small pieces leaves together. */
const GATHER_BYTES = 8192;
/** With so many includes on their way the page is read no further. */
const MOST_UNFINISHED = 10_000;

class SsiLink extends FilterLink implements PageOutput, InsertOwner {
  readonly #plan: Plan;
  readonly #parser: SsiParser;
  readonly #page: SsiPage;
  readonly #postponed: Postponed | null;
  /** What was not read yet. */
  #pending: Buffer[] = [];
  #ended = false;
  #pumping = false;
  #sinkWaits = false;
  /** The page goes on when it is over. */
  #awaited: Insert | null = null;
  #gathered = '';

  constructor(x: Exchange, next: AnswerSink, plan: Plan) {
    super(x, next);
    this.#plan = plan;
    this.#postponed = postponedOf(x);
    this.#parser = new SsiParser(plan.maxValue, (message) => plan.report(x, message));
    this.#page = new SsiPage(x, (name) => plan.lookup(name)?.(x));
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    if ((flags & LAST) !== 0) this.#ended = true;
    if (this.#pending.length > 0 || this.#pumping || this.#isBlocked()) {
      if (a < b) this.#pending.push(copyOf(buf, a, b));
    } else {
      this.#pumping = true;
      const read = this.#read(buf, a, b);
      if (read < b) this.#pending.push(copyOf(buf, read, b));
      this.#pumping = false;
    }
    this.#pump();
    return this.#pending.length > 0 || this.#isBlocked() ? WAIT : GO;
  }

  override onDrain(): void {
    this.#sinkWaits = false;
    super.onDrain();
  }

  protected override resume(): Flow {
    this.#pump();
    return this.#pending.length > 0 || this.#isBlocked() ? WAIT : GO;
  }

  protected override free(): void {
    this.#pending = [];
    this.#gathered = '';
  }

  onInsertOver(insert: Insert): void {
    if (this.#awaited === insert) this.#awaited = null;
    if (!this.#sinkWaits) super.onDrain();
  }

  #isBlocked(): boolean {
    return this.#awaited !== null || this.#sinkWaits || (this.#postponed?.unfinished ?? 0) >= MOST_UNFINISHED;
  }

  /** Reads on as far as that goes. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#pending.length > 0 && !this.#isBlocked()) {
      const [piece] = this.#pending;
      const read = this.#read(piece, 0, piece.length);
      if (read < piece.length) this.#pending[0] = piece.subarray(read);
      else this.#pending.shift();
    }
    if (this.#ended && this.#pending.length === 0 && !this.#isBlocked()) this.emit(null, 0, 0, LAST);
    this.#pumping = false;
  }

  /** Gives how far it came; includes begin behind it. */
  #read(buf: Buffer, from: number, to: number): number {
    const parser = this.#parser;
    let at = from;
    this.#postponed?.posted.beginReading();
    try {
      while (at < to && !this.#isBlocked()) {
        const outcome = parser.parse(buf, at, to);
        at = parser.position;
        this.#text(buf);
        if (outcome === MALFORMED) this.#showError();
        else if (outcome !== MORE) this.#command();
      }
      this.#flush();
    } finally {
      this.#postponed?.posted.endReading();
    }
    return at;
  }

  #text(buf: Buffer): void {
    const { held, textFrom, textTo } = this.#parser;
    const page = this.#page;
    if (!page.shows) {
      if (page.keepsText) page.keep('<!--#'.slice(0, held) + buf.latin1Slice(textFrom, textTo));
      return;
    }
    if (held > 0) this.show('<!--#'.slice(0, held));
    if (textTo - textFrom < GATHER_BYTES) return this.show(buf.latin1Slice(textFrom, textTo));
    this.#flush();
    this.#send(buf, textFrom, textTo);
  }

  #command(): void {
    try {
      this.#page.run(this.#parser.command, this.#parser.params, this);
    } catch (error) {
      if (!(error instanceof SsiError)) throw error;
      this.#plan.report(this.x, error.message);
      this.#showError();
    }
  }

  #showError(): void {
    if (!this.#plan.silent) this.show(this.#page.errorMessage);
  }

  show(text: string): void {
    this.#gathered += text;
    if (this.#gathered.length >= GATHER_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#gathered === '') return;
    const bytes = Buffer.from(this.#gathered, 'latin1');
    this.#gathered = '';
    this.#send(bytes, 0, bytes.length);
  }

  #send(buf: Buffer, a: number, b: number): void {
    if (a < b && this.emit(buf, a, b, 0) === WAIT) this.#sinkWaits = true;
  }

  include(include: Include): void {
    const postponed = this.#postponed;
    const { uri } = include;
    if (postponed === null || !mayNest(this.x))
      throw new SsiError(`subrequests cycle while processing "${uri}"`);
    if (this.x.root instanceof SetInsert) throw new SsiError(`nested in-memory subrequest "${uri}"`);
    this.#flush();
    const insert = this.#insertOf(include, postponed);
    if (include.waits) this.#awaited = insert;
    if (postponed.place(insert)) return;
    this.#awaited = null;
    throw new SsiError(`too many subrequests: "${uri}"`);
  }

  #insertOf(include: Include, postponed: Postponed): Insert {
    const { set, stub } = include;
    if (set !== '')
      return new SetInsert(postponed, include, this, {
        maxBytes: this.#plan.maxAnswer,
        done: (value) => this.#page.shared.variables.set(set, value),
        report: (message) => this.#plan.report(this.x, message),
      });
    if (stub === null) return new Insert(postponed, include, this);
    const contentType = /^content-type: *(.*)$/im.exec(this.x.lines)?.[1] ?? '';
    return new StubInsert(postponed, include, this, { block: stub, contentType });
  }
}
