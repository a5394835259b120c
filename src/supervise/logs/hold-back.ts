// Holds processes back while a queue is full; and lets them go, with what they print lost, when nothing is taken from it for too long.
import { Timer } from '../../shared/timer.ts';

export class HoldBack {
  readonly #patienceMs: number;
  #waiting: PromiseWithResolvers<void> | null = null;
  /** Runs while somebody waits; begins anew with each write that succeeds. */
  #patience: Timer | null = null;
  #isOver = false;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Patience is at an end: what does not fit is to be dropped. */
  get isOver(): boolean {
    return this.#isOver;
  }

  wait(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#patience ??= new Timer(() => this.giveUp(), this.#patienceMs).unref();
    this.#waiting ??= Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  /** Something was taken; `hasRoom` lets those go on who wait. */
  progress(hasRoom: boolean): void {
    this.#isOver = false;
    this.#patience?.stop();
    this.#patience = null;
    if (this.#waiting === null) return;
    if (hasRoom) this.release();
    else this.#patience = new Timer(() => this.giveUp(), this.#patienceMs).unref();
  }

  release(): void {
    this.#patience?.stop();
    this.#patience = null;
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  giveUp(): void {
    this.#isOver = true;
    this.release();
  }
}
