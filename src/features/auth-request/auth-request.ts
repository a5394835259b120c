// nginx's auth_request: the access of a location is decided by the answer to a subrequest.
import { HeadOnly } from '../../answer/subrequest.ts';
import type { Exchange, Step } from '../../exchange/exchange.ts';
import type { Source } from '../../exchange/flow.ts';
import { ALLOW, STOP, type StepResult } from '../../exchange/slots.ts';
import { type Assign, assignmentOf } from '../../route/assignment.ts';
import { compileTemplate } from '../../route/template.ts';
import type { Feature, FeaturePlace } from '../feature.ts';

export const AUTH_REQUEST: Feature = {
  name: 'auth_request',
  step: (place) => (place.settings.authRequest === '' ? null : createStep(place)),
};

interface Plan {
  readonly uri: string;
  /** Of the exchange that was asked. */
  readonly variables: readonly (readonly [assign: Assign, value: (asked: Exchange) => string])[];
  readonly report: FeaturePlace['report'];
}

function createStep({ settings, lookup, report }: FeaturePlace): Step {
  const variables = settings.authRequestSet.map(
    ({ name, value }) => [assignmentOf(name), compileTemplate(value, lookup)] as const,
  );
  const plan: Plan = { uri: settings.authRequest, variables, report };
  return { slot: 'auth_request', run: (x) => new Asking(x, plan).begin() };
}

/** One exchange that waits for its answer. */
class Asking implements Source {
  readonly survivesHalfClose = true;
  readonly #x: Exchange;
  readonly #plan: Plan;
  readonly #answer = new HeadOnly((asked) => this.#onAnswer(asked));
  #ticket = 0;

  constructor(x: Exchange, plan: Plan) {
    this.#x = x;
    this.#plan = plan;
  }

  begin(): StepResult {
    this.#ticket = this.#x.wait(this);
    if (!this.#answer.ask(this.#x, { uri: this.#plan.uri, args: null, body: false })) {
      this.#plan.report(this.#x, 'error', 'subrequests cycle while processing auth_request');
      return 500;
    }
    return STOP;
  }

  onDrain(): void {}

  onGone(): void {
    this.#answer.cancel();
  }

  #onAnswer(asked: Exchange | null): void {
    if (!this.#x.isCurrent(this.#ticket)) return;
    this.#x.resume(this.#ticket, this.#verdict(asked));
  }

  #verdict(asked: Exchange | null): StepResult {
    const { variables, report } = this.#plan;
    const status = asked?.status ?? 500;
    if (asked !== null) {
      const values = variables.map(([assign, value]) => [assign, value(asked)] as const);
      for (const [assign, value] of values) {
        const problem = assign(this.#x, value);
        if (problem !== '') report(this.#x, 'error', problem);
      }
    }
    if (status >= 200 && status < 300) return ALLOW;
    if (status === 403) return 403;
    if (status === 401) {
      // Found in its lines, as hidden and passed fields are of the location that was asked.
      this.#x.errorLines = (asked?.lines ?? '').replace(/^(?!www-authenticate:).*\r\n/gim, '');
      return 401;
    }
    report(this.#x, 'error', `auth request unexpected status: ${status}`);
    return 500;
  }
}
