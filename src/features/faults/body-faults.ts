// Faults of bodies: they come slowly, or end before they are complete. These filters stand behind all others: what they do is done to what
// the client gets.
import { FilterLink } from '../../answer/link.ts';
import type { AnswerSink, Exchange, Filter } from '../../exchange/exchange.ts';
import { ENOUGH, FLUSH, type Flow } from '../../exchange/flow.ts';
import { JOIN, PASS } from '../../exchange/slots.ts';
import type { Feature } from '../feature.ts';
import { RateLink } from '../rate/rate-link.ts';
import { Chance, type FaultPlace, MISSED, type Random } from './chance.ts';
import { liveFaults } from './live-faults.ts';
import { leaveTrace, TRACE_FIELD, takeTrace } from './traces.ts';

export const FAULT_RATE: Feature = { name: 'fault_rate', filter: (place) => createRateFault(place) };
export const FAULT_CUT: Feature = { name: 'fault_cut', filter: (place) => createCutFault(place) };

/** What a filter drew for an exchange, from its head to its link. */
type Drawn = WeakMap<Exchange, number>;

export function createRateFault(place: FaultPlace, random?: Random): Filter | null {
  const { faultRates, errorDetail } = place.settings;
  const chance = new Chance('rate', faultRates, place, random);
  if (!chance.isPossible) return null;
  const drawn: Drawn = new WeakMap();
  return {
    slot: 'fault_rate',
    isIdle: chance.isLiveOnly ? nobodySetAny : undefined,
    head(x) {
      const rate = drawFor(x, chance, drawn);
      if (rate === MISSED) return PASS;
      if (errorDetail) leaveTrace(x, `rate ${rate}`);
      return JOIN;
    },
    join: (x, next) => new RateLink(x, next, { rate: drawn.get(x) ?? 1, after: 0 }),
  };
}

/** Also tells of the faults before it, where that is wanted. */
export function createCutFault(place: FaultPlace, random?: Random): Filter | null {
  const { faultDelays, faultRates, faultCuts, errorDetail } = place.settings;
  const chance = new Chance('cut', faultCuts, place, random);
  const tells = errorDetail && (faultDelays.length > 0 || faultRates.length > 0);
  if (!chance.isPossible && !tells) return null;
  const drawn: Drawn = new WeakMap();
  return {
    slot: 'fault_cut',
    isIdle: chance.isLiveOnly && !tells ? nobodySetAny : undefined,
    head(x, head) {
      const bytes = drawFor(x, chance, drawn);
      if (errorDetail) {
        if (bytes !== MISSED) leaveTrace(x, `cut ${bytes}`);
        const trace = takeTrace(x);
        if (trace !== '') head.add(TRACE_FIELD, trace);
      }
      return bytes === MISSED ? PASS : JOIN;
    },
    join: (x, next) => new CutLink(x, next, drawn.get(x) ?? 0),
  };
}

const nobodySetAny = (): boolean => liveFaults.isEmpty;

/** HEAD has no body that anything could be done to. */
function drawFor(x: Exchange, chance: Chance, drawn: Drawn): number {
  if (x.isSub || x.method === 'HEAD') return MISSED;
  const value = chance.draw(x);
  if (value !== MISSED) drawn.set(x, value);
  return value;
}

/** Passes so many bytes; a body that has more breaks off there. */
export class CutLink extends FilterLink {
  #left: number;

  constructor(x: Exchange, next: AnswerSink, bytes: number) {
    super(x, next);
    this.#left = bytes;
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    if (b - a <= this.#left) {
      this.#left -= b - a;
      return this.emit(buf, a, b, flags);
    }
    this.emit(buf, a, a + this.#left, FLUSH);
    this.breakOff('fault_injected');
    return ENOUGH;
  }
}
