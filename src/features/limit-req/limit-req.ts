// The step of limit_req: asks the zones, then lets a request pass, wait, or go to the funnel, as ngx_http_limit_req_handler does.
import type { Exchange, Step } from '../../exchange/exchange.ts';
import type { Source } from '../../exchange/flow.ts';
import { GO_ON, STOP, type StepResult } from '../../exchange/slots.ts';
import { Delay, delays } from '../../shared/delays.ts';
import { COUNT, LOOK, NO_ROOM, SETTLE, UNLOOK } from '../../zones/limit-req-zone.ts';
import { zoneKey } from '../../zones/zone-key.ts';
import type { Feature, FeaturePlace, NoteLevel } from '../feature.ts';
import { keyOf, type ZoneLimit, zoneLimit } from '../zone-limit.ts';
import type { LimitLogLevel } from './rows.ts';

export const LIMIT_REQ: Feature = {
  name: 'limit_req',
  step: (place) => (place.settings.limitReq.length === 0 ? null : new LimitReqStep(place)),
};

interface Limit extends ZoneLimit {
  readonly burst: number;
  /** Thousandths of a request that need not wait. */
  readonly free: number;
  /** Thousandths of a request a second. */
  readonly rate: number;
}

/** The longest key that nginx counts. */
const MAX_KEY_BYTES = 65_535;
const NOBODY = { key: '', size: 0, amount: 0 } as const;

/** One level lower, where there is one. */
const DELAY_LEVEL: Readonly<Record<LimitLogLevel, NoteLevel>> = {
  error: 'warn',
  warn: 'notice',
  notice: 'info',
  info: 'info',
};

class LimitReqStep implements Step {
  readonly slot = 'limit_req';
  readonly #limits: readonly Limit[];
  /** Which of them let the present request pass so far; all is decided within one call. */
  readonly #looked: boolean[];
  readonly #place: FeaturePlace;

  constructor(place: FeaturePlace) {
    this.#place = place;
    this.#limits = place.settings.limitReq.flatMap(({ zone: name, burst, delay }): Limit[] => {
      const limit = zoneLimit('limit_req', name, place);
      if (limit === null) return [];
      const free = delay === null ? Number.POSITIVE_INFINITY : delay * 1000;
      return [{ ...limit, burst, free, rate: place.zones.specOf(limit.zone).rate }];
    });
    this.#looked = this.#limits.map(() => false);
  }

  run(x: Exchange): StepResult {
    // Once for a request, whatever it is redirected to.
    if (x.main.limitReqStatus !== '') return GO_ON;
    let passed = false;
    for (let i = 0; i < this.#limits.length; i++) {
      const limit = this.#limits[i];
      this.#looked[i] = false;
      const key = keyOf(x, limit, MAX_KEY_BYTES, this.#place.report);
      if (key === '') continue;
      const isLast = i === this.#limits.length - 1;
      const question = {
        op: isLast ? COUNT : LOOK,
        key: zoneKey(key),
        size: key.length,
        amount: limit.burst,
      };
      const excess = limit.zone.ask(question);
      if (excess === NO_ROOM || excess > limit.burst * 1000) return this.#refuse(x, i, excess);
      if (isLast) return this.#pass(x, i, excess);
      this.#looked[i] = true;
      passed = true;
    }
    return passed ? this.#pass(x, this.#limits.length, 0) : GO_ON;
  }

  #refuse(x: Exchange, at: number, excess: number): StepResult {
    const { limitReqLogLevel: level, limitReqDryRun: dry, limitReqStatus: status } = this.#place.settings;
    const { name } = this.#limits[at];
    if (excess === NO_ROOM)
      this.#place.report(x, 'crit', `could not allocate node in limit_req zone "${name}"`);
    else
      this.#place.report(
        x,
        level,
        `limiting requests${dry ? ', dry run' : ''}, excess: ${thousandths(excess)} by zone "${name}"`,
      );
    for (let i = at - 1; i >= 0; i--)
      if (this.#looked[i]) this.#limits[i].zone.ask({ ...NOBODY, op: UNLOOK });
    x.main.limitReqStatus = dry ? 'REJECTED_DRY_RUN' : 'REJECTED';
    return dry ? GO_ON : status;
  }

  /** All limits before `last` were only looked at; `excess` is that of the last, which counted already. */
  #pass(x: Exchange, last: number, excess: number): StepResult {
    let longest = { ms: 0, excess: 0, name: '' };
    const consider = ({ free, rate, name }: Limit, ahead: number): void => {
      const ms = ahead <= free ? 0 : Math.floor(((ahead - free) * 1000) / rate);
      if (ms > longest.ms) longest = { ms, excess: ahead, name };
    };
    if (last < this.#limits.length) consider(this.#limits[last], excess);
    for (let i = last - 1; i >= 0; i--) {
      if (!this.#looked[i]) continue;
      const limit = this.#limits[i];
      const ahead = limit.zone.ask({ ...NOBODY, op: SETTLE, amount: limit.burst });
      // Somebody else had the last place while this one was asked about the others.
      if (ahead > limit.burst * 1000) return this.#refuse(x, i, ahead);
      consider(limit, ahead);
    }
    if (longest.ms === 0) {
      x.main.limitReqStatus = 'PASSED';
      return GO_ON;
    }
    const { limitReqLogLevel: level, limitReqDryRun: dry } = this.#place.settings;
    this.#place.report(
      x,
      DELAY_LEVEL[level],
      `delaying request${dry ? ', dry run' : ''}, excess: ${thousandths(longest.excess)}, by zone "${longest.name}"`,
    );
    x.main.limitReqStatus = dry ? 'DELAYED_DRY_RUN' : 'DELAYED';
    if (dry) return GO_ON;
    delays.add(new Delayed(x).delay, longest.ms);
    return STOP;
  }
}

/** A request that waits for its turn. */
class Delayed implements Source {
  /** nginx reads on meanwhile, and takes an end for the client's leaving. */
  readonly survivesHalfClose = false;
  readonly delay: Delay;

  constructor(x: Exchange) {
    const ticket = x.wait(this);
    this.delay = new Delay(() => x.resume(ticket, GO_ON));
  }

  onDrain(): void {}

  onGone(): void {
    delays.remove(this.delay);
  }
}

function thousandths(excess: number): string {
  return `${Math.floor(excess / 1000)}.${String(excess % 1000).padStart(3, '0')}`;
}
