// Whether a request is hit by a fault of one kind, and by how much of it.
import type { Exchange } from '../../exchange/exchange.ts';
import { compileTemplate } from '../../route/template.ts';
import type { FeaturePlace } from '../feature.ts';
import { keyOf, liveFaults } from './live-faults.ts';
import type { Fault, FaultKind, FaultValue } from './rows.ts';

/** From 0 up to, but without, 1. */
export type Random = () => number;

/** What is needed of a place. */
export type FaultPlace = Pick<FeaturePlace, 'settings' | 'lookup' | 'server' | 'location'>;

/** No fault. */
export const MISSED = -1;

interface Die extends FaultValue {
  readonly share: number;
  readonly applies: ((x: Exchange) => boolean) | null;
}

export class Chance {
  readonly #dice: readonly Die[];
  /** '' where nobody can set any while lbproxy runs. */
  readonly #liveKey: string;
  readonly #random: Random;

  constructor(kind: FaultKind, faults: readonly Fault[], place: FaultPlace, random: Random = Math.random) {
    const { settings, lookup, server, location } = place;
    this.#random = random;
    this.#liveKey = settings.inspector !== null ? keyOf(kind, server, location) : '';
    this.#dice = faults
      .filter(({ share }) => share > 0)
      .map(({ low, high, share, condition }) => {
        if (condition === null) return { low, high, share, applies: null };
        const value = compileTemplate(condition, lookup);
        return { low, high, share, applies: (x) => !NO.has(value(x)) };
      });
  }

  /** A fault can come of it. */
  get isPossible(): boolean {
    return this.#dice.length > 0 || this.#liveKey !== '';
  }

  /** Only somebody who sets one while lbproxy runs can make it hit. */
  get isLiveOnly(): boolean {
    return this.#dice.length === 0;
  }

  /** The value of the first fault that hits, one set live before those of the configuration; MISSED without. */
  draw(x: Exchange): number {
    if (this.#liveKey !== '') {
      const live = liveFaults.of(this.#liveKey);
      if (live !== undefined && this.#random() < live.share) return this.#within(live);
    }
    for (const die of this.#dice) {
      if (die.applies !== null && !die.applies(x)) continue;
      if (this.#random() < die.share) return this.#within(die);
    }
    return MISSED;
  }

  #within({ low, high }: FaultValue): number {
    return low === high ? low : low + Math.floor(this.#random() * (high - low + 1));
  }
}

const NO: ReadonlySet<string> = new Set(['', '0']);
