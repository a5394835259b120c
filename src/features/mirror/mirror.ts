// nginx's mirror: copies of a request for whoever wants to see them. Nobody waits for their answers.
import { Aside } from '../../answer/subrequest.ts';
import { type BodyPolicy, bodyPolicyOf } from '../../body/policy.ts';
import { EMPTY_BODY, readWholeBody, refuseBody } from '../../body/stored-body.ts';
import type { Exchange, Step } from '../../exchange/exchange.ts';
import type { Source } from '../../exchange/flow.ts';
import { GO_ON, STOP, type StepResult } from '../../exchange/slots.ts';
import type { BodyOwner } from '../../http/body-pull.ts';
import { toBytes } from '../../route/template.ts';
import { type Failure, STATUS_OF } from '../../shared/failure.ts';
import type { Feature, FeaturePlace } from '../feature.ts';

export const MIRROR: Feature = {
  name: 'mirror',
  step: (place) => {
    const { mirror } = place.settings;
    return mirror.length === 0 || mirror[0] === 'off' ? null : createStep(place);
  },
};

function createStep({ settings }: FeaturePlace): Step {
  const uris = settings.mirror.map(toBytes);
  const policy = bodyPolicyOf(settings);
  const body = settings.mirrorRequestBody;
  const send = (x: Exchange): void => {
    const asked = { args: x.hasArgs ? x.args : null, method: x.method, body };
    x.hold();
    // As in nginx what the main exchange does at once comes before its copies, which share its variables.
    queueMicrotask(() => {
      for (const uri of uris) new Aside().ask(x, { uri, ...asked });
      x.unhold();
    });
  };
  return {
    slot: 'mirror',
    run(x) {
      if (x.isSub) return GO_ON;
      if (x.bodyRefused) x.body ??= EMPTY_BODY;
      if (body && x.body === null) {
        const isEmpty = x.request.contentLength === 0;
        // With client_body_in_file_only an empty body makes a file, too.
        if (x.request.hasBody || (isEmpty && policy.fileOnly !== 'off'))
          return new BodyFirst(x, send).begin(policy);
        x.sayContinue();
        if (isEmpty) x.body = EMPTY_BODY;
      }
      send(x);
      return GO_ON;
    },
  };
}

/** Waits for the body, which goes to all. */
class BodyFirst implements Source, BodyOwner {
  readonly survivesHalfClose = true;
  readonly #x: Exchange;
  readonly #send: (x: Exchange) => void;
  #ticket = 0;

  constructor(x: Exchange, send: (x: Exchange) => void) {
    this.#x = x;
    this.#send = send;
  }

  begin(policy: BodyPolicy): StepResult {
    this.#ticket = this.#x.wait(this);
    readWholeBody(this.#x, policy, this);
    return STOP;
  }

  onDrain(): void {}

  onGone(): void {}

  onBodyWhole(): void {
    if (!this.#x.isCurrent(this.#ticket)) return;
    this.#send(this.#x);
    this.#x.resume(this.#ticket, GO_ON);
  }

  onBodyFailed(failure: Failure, detail: string): void {
    const x = this.#x;
    if (!x.isCurrent(this.#ticket)) return;
    x.failure = failure;
    if (failure === 'client_body_too_large') refuseBody(x);
    x.errorDetail = detail;
    x.resume(this.#ticket, STATUS_OF[failure as keyof typeof STATUS_OF] ?? 400);
  }
}
