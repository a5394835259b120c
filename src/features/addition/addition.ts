// nginx's add_before_body and add_after_body: the answers of subrequests around a body.
import { TypeSet } from '../../answer/content-type.ts';
import { FilterLink } from '../../answer/link.ts';
import { expectSubrequests, type Postponed, postponedOf } from '../../answer/postponed.ts';
import type { AnswerSink, Exchange, Filter } from '../../exchange/exchange.ts';
import { type Flow, LAST } from '../../exchange/flow.ts';
import { JOIN, PASS } from '../../exchange/slots.ts';
import { toBytes } from '../../route/template.ts';
import type { Feature, FeaturePlace } from '../feature.ts';

export const ADDITION: Feature = {
  name: 'addition',
  filter: (place) =>
    place.settings.addBeforeBody === '' && place.settings.addAfterBody === '' ? null : createFilter(place),
};

interface Plan {
  /** '' = nothing. */
  readonly before: string;
  readonly after: string;
}

function createFilter({ settings }: FeaturePlace): Filter {
  const types = new TypeSet(settings.additionTypes);
  const plan: Plan = { before: toBytes(settings.addBeforeBody), after: toBytes(settings.addAfterBody) };
  return {
    slot: 'addition',
    head(x, head) {
      if (head.status !== 200 || !types.has(head)) return PASS;
      head.bodyChanges();
      expectSubrequests(x);
      return JOIN;
    },
    join: (x, next) => new AdditionLink(x, next, plan),
  };
}

class AdditionLink extends FilterLink {
  readonly #plan: Plan;
  readonly #postponed: Postponed | null;
  #begun = false;

  constructor(x: Exchange, next: AnswerSink, plan: Plan) {
    super(x, next);
    this.#plan = plan;
    this.#postponed = postponedOf(x);
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    this.#postponed?.posted.beginReading();
    try {
      return this.#add(buf, a, b, flags);
    } finally {
      this.#postponed?.posted.endReading();
    }
  }

  #add(buf: Buffer, a: number, b: number, flags: number): Flow {
    const { before, after } = this.#plan;
    if (!this.#begun) {
      this.#begun = true;
      this.#insert(before);
    }
    if ((flags & LAST) === 0 || after === '') return this.emit(buf, a, b, flags);
    this.emit(buf, a, b, flags & ~LAST);
    this.#insert(after);
    return this.emit(null, 0, 0, LAST);
  }

  #insert(uri: string): void {
    if (uri !== '') this.#postponed?.insert({ uri, args: null });
  }
}
