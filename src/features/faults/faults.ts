// Faults before the content: a request waits, and then is refused or its connection reset. Those of bodies: body-faults.ts.
import type { Exchange, Step } from '../../exchange/exchange.ts';
import { INSTANT, type Source } from '../../exchange/flow.ts';
import { GO_ON, STOP, type StepResult } from '../../exchange/slots.ts';
import { Delay, delays } from '../../shared/delays.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { Chance, type FaultPlace, MISSED, type Random } from './chance.ts';
import { leaveTrace, TRACE_FIELD, takeTrace } from './traces.ts';

export const FAULTS: Feature = {
  name: 'faults',
  step: (place: FeaturePlace) => createFaultStep(place),
};

/** The step of a level; null where no fault is possible. */
export function createFaultStep(place: FaultPlace, random?: Random): Step | null {
  const { faultDelays, faultAborts } = place.settings;
  const waits = new Chance('delay', faultDelays, place, random);
  const aborts = new Chance('abort', faultAborts, place, random);
  if (!waits.isPossible && !aborts.isPossible) return null;
  return new FaultStep(waits, aborts, place.settings.errorDetail);
}

/** A status in the place of an answer; 0 = there is none, the connection is reset. */
const RESET = 0;

/** Those that were hit: whatever location they are redirected to, they are not again. */
const hit = new WeakSet<Exchange>();

class FaultStep implements Step {
  readonly slot = 'faults';
  readonly #waits: Chance;
  readonly #aborts: Chance;
  readonly #tells: boolean;

  constructor(waits: Chance, aborts: Chance, tells: boolean) {
    this.#waits = waits;
    this.#aborts = aborts;
    this.#tells = tells;
  }

  run(x: Exchange): StepResult {
    if (x.isSub || hit.has(x)) return GO_ON;
    const ms = this.#waits.draw(x);
    if (ms === MISSED) return this.#abort(x);
    hit.add(x);
    if (this.#tells) leaveTrace(x, `delay ${ms}ms`);
    new Delayed(x, ms, () => this.#abort(x));
    return STOP;
  }

  #abort(x: Exchange): StepResult {
    const status = this.#aborts.draw(x);
    if (status === MISSED) return GO_ON;
    hit.add(x);
    if (status === RESET) return reset(x);
    if (this.#tells) {
      leaveTrace(x, `abort ${status}`);
      x.errorLines = `${TRACE_FIELD}: ${takeTrace(x)}\r\n`;
      x.errorDetail = `fault_abort answers ${status} in the place of this location`;
    }
    return status;
  }
}

/** As with `return 444`: logs show that status for an answer that never was. */
function reset(x: Exchange): StepResult {
  x.status = 444;
  x.setMaker(INSTANT);
  x.root.abort(INSTANT, 'fault_injected');
  return STOP;
}

class Delayed implements Source {
  /** As one that waits for limit_req. */
  readonly survivesHalfClose = false;
  readonly #delay: Delay;

  constructor(x: Exchange, ms: number, then: () => StepResult) {
    const ticket = x.wait(this);
    this.#delay = new Delay(() => {
      if (x.isCurrent(ticket)) x.resume(ticket, then());
    });
    delays.add(this.#delay, ms);
  }

  onDrain(): void {}

  onGone(): void {
    delays.remove(this.#delay);
  }
}
