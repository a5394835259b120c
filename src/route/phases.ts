// Runs the steps of a location between its script and its content: limits, then the access group, then what precedes content.
// A location without steps has no entry here: its content is called at once.
import type { Exchange, Handler, Step } from '../exchange/exchange.ts';
import type { Source } from '../exchange/flow.ts';
import { ALLOW, GO_ON, STOP, type StepResult } from '../exchange/slots.ts';
import { Timer } from '../shared/timer.ts';

/** The steps that `satisfy` joins. */
const ACCESS: ReadonlySet<Step['slot']> = new Set(['access', 'auth_basic', 'auth_request']);

/** How the access group is joined, and who hears that a rule keeps a client out whom nobody else lets in. */
export interface AccessGroup {
  readonly satisfy: 'all' | 'any';
  readonly forbidden: Handler;
  /** How long a 401 waits. */
  readonly authDelayMs: number;
}

/** The handler of a location that has steps; they are in their order. */
export function createPhases(steps: readonly Step[], access: AccessGroup, content: Handler): Handler {
  if (steps.length === 0) return content;
  const phases = new Phases(steps, access, content);
  return (x) => {
    x.step = 0;
    x.steps = phases;
    phases.run(x);
  };
}

/** As in nginx of several challenges the last one goes. */
function withoutLastChallenge(text: string): string {
  const lines = text.split('\r\n');
  const last = lines.findLastIndex((line) => /^www-authenticate:/i.test(line));
  return lines.filter((_, i) => i !== last).join('\r\n');
}

/** A 401 that waits (auth_delay), so that passwords are not guessed fast. */
class Delayed implements Source {
  readonly survivesHalfClose = false;
  readonly #timer: Timer;

  constructor(x: Exchange, ms: number) {
    const { errorDetail, errorLines } = x;
    const ticket = x.wait(this);
    this.#timer = new Timer(() => {
      if (!x.isCurrent(ticket)) return;
      x.setMaker(null);
      x.location.fail(x, 401, errorDetail, errorLines);
    }, ms);
  }

  onDrain(): void {}

  onGone(): void {
    this.#timer.stop();
  }
}

class Phases {
  readonly #steps: readonly Step[];
  readonly #content: Handler;
  /** Where the access group ends, and whether one yes in it is enough. */
  readonly #afterAccess: number;
  readonly #any: boolean;
  readonly #forbidden: Handler;
  readonly #authDelayMs: number;

  constructor(steps: readonly Step[], { satisfy, forbidden, authDelayMs }: AccessGroup, content: Handler) {
    this.#steps = steps;
    this.#content = content;
    this.#afterAccess = steps.findLastIndex((step) => ACCESS.has(step.slot)) + 1;
    this.#any = satisfy === 'any';
    this.#forbidden = forbidden;
    this.#authDelayMs = authDelayMs;
  }

  run(x: Exchange): void {
    while (x.step < this.#steps.length) {
      const step = this.#steps[x.step];
      const result = x.isSub && ACCESS.has(step.slot) ? GO_ON : step.run(x);
      if (result === STOP || !this.#take(x, step, result)) return;
    }
    this.#content(x);
  }

  goOn(x: Exchange, result: StepResult): void {
    if (result === STOP || !this.#take(x, this.#steps[x.step], result)) return;
    this.run(x);
  }

  /** Whether the next step's turn has come. */
  #take(x: Exchange, { slot }: Step, result: StepResult): boolean {
    x.step++;
    const isAccess = ACCESS.has(slot);
    if (!isAccess || !this.#any) {
      if (result === GO_ON || result === ALLOW) return true;
      return this.#fail(x, result);
    }
    if (result === ALLOW) {
      x.denied = 0;
      x.errorDetail = '';
      x.errorLines = '';
      // Also the challenge of an error whose page this is.
      if (x.keptLines !== '') x.keptLines = withoutLastChallenge(x.keptLines);
      x.step = this.#afterAccess;
      return true;
    }
    // nginx prefers 401 to 403: with a name the client may get in.
    if (result === 401 || result === 403) x.denied = x.denied === 401 ? 401 : result;
    else if (result !== GO_ON) return this.#fail(x, result);
    if (x.step < this.#afterAccess || x.denied === 0) return true;
    if (x.denied === 403) this.#forbidden(x);
    return this.#fail(x, x.denied);
  }

  #fail(x: Exchange, status: number): false {
    const { errorDetail, errorLines } = x;
    if (status === 401 && this.#authDelayMs > 0) new Delayed(x, this.#authDelayMs);
    else x.location.fail(x, status, errorDetail, errorLines);
    return false;
  }
}
