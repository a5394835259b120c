// In the primary: takes what acceptors tell of their traffic, and gives the numbers of all to whoever asks. One for all configurations.
import { countsTraffic, trafficKeys } from '../compile/traffic-series.ts';
import type { Model } from '../config/model.ts';
import { metricsText } from '../observe/traffic/exposition.ts';
import type { Surroundings, TrafficSnapshot } from '../observe/traffic/snapshot.ts';
import { TrafficTotals } from '../observe/traffic/totals.ts';
import { Timer } from '../shared/timer.ts';
import type { AcceptorSlot } from './acceptor-slot.ts';
import type { FromAcceptor } from './messages.ts';

/** An acceptor that is busy longer than this is not waited for: what it told last is at most a moment old. */
const FRESH_MS = 500;
const NO_KEYS: ReadonlySet<string> = new Set();

export interface TrafficHome {
  /** Acceptors that serve, or did until now. */
  readonly acceptors: readonly AcceptorSlot[];
  readonly surroundings: Surroundings;
}

export class TrafficHub {
  readonly totals: TrafficTotals;
  readonly #home: TrafficHome;
  /** Whether what is served now is counted. */
  counting = false;
  #questions = 0;
  #fresh: Promise<TrafficSnapshot> | null = null;
  /** Those that are being made: whoever asks meanwhile gets the same. */
  readonly #texts = new Map<boolean, Promise<string>>();

  constructor(home: TrafficHome) {
    this.#home = home;
    this.totals = new TrafficTotals(() => home.surroundings);
  }

  /** A Model is about to be served. */
  use(model: Model): void {
    this.counting = countsTraffic(model);
    this.totals.use(this.counting, this.counting ? trafficKeys(model) : NO_KEYS);
  }

  join(slot: AcceptorSlot): void {
    this.totals.join(slot.id, slot.worker.process.pid ?? 0, slot.startedAt);
  }

  forget(slot: AcceptorSlot): void {
    this.totals.forget(slot.id);
  }

  hear(slot: AcceptorSlot, message: Extract<FromAcceptor, { type: 'traffic' | 'scrape' }>): void {
    if (message.type === 'traffic') return this.totals.add(slot.id, message);
    const { id } = message;
    void this.text(message.openMetrics).then((text) => slot.send({ type: 'scraped', id, text }));
  }

  /** /metrics: for Prometheus, as text 0.0.4 or as OpenMetrics. */
  text(openMetrics: boolean): Promise<string> {
    const under = this.#texts.get(openMetrics);
    if (under !== undefined) return under;
    const text = this.fresh().then((snapshot) => metricsText(snapshot, openMetrics));
    this.#texts.set(openMetrics, text);
    void text.finally(() => this.#texts.delete(openMetrics));
    return text;
  }

  /** With all that was counted until now. Whoever asks meanwhile gets the same. */
  fresh(): Promise<TrafficSnapshot> {
    this.#fresh ??= this.#ask().finally(() => {
      this.#fresh = null;
    });
    return this.#fresh;
  }

  async #ask(): Promise<TrafficSnapshot> {
    if (this.counting) {
      const id = ++this.#questions;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = new Timer(resolve, FRESH_MS);
      await Promise.all(this.#home.acceptors.map((slot) => slot.traffic(id, promise)));
      timer.stop();
      resolve();
    }
    return this.totals.snapshot();
  }
}
