// Long work beside traffic: done in slices, between which the event loop turns.

import { settleYoungObjects } from './young-objects.ts';

/** Longest time that work holds the loop, in ms. */
const SLICE_MS = 5;

export class Slices {
  #beganAt = performance.now();
  readonly #traffic: boolean;

  /** `traffic`: somebody is served beside it. */
  constructor(traffic = true) {
    this.#traffic = traffic;
  }

  /** Between two steps of the work: resolves at once while the slice lasts, else when all that waited has had its turn. */
  async step(): Promise<void> {
    if (performance.now() - this.#beganAt < SLICE_MS) return;
    if (this.#traffic) settleYoungObjects();
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#beganAt = performance.now();
  }
}
