// All pages that are open. What every one of them gets is made once a second for all, and not at all while there is none.
import type { ServerResponse } from 'node:http';
import { Timer } from '../shared/timer.ts';
import { CallError } from './call-input.ts';
import type { CockpitFace } from './face.ts';
import { stateOf } from './state-view.ts';
import { eventText, LiveStream, readStreamWish, type Turn } from './stream.ts';

const EVERY_MS = 1000;
/** Behind a change, or a page that was opened: several of them are one turn. */
const SOON_MS = 50;
const MOST_STREAMS = 16;

const NO_TOPOLOGY: Turn['topology'] = { key: '', text: '' };

export class LiveStreams {
  readonly #face: CockpitFace;
  readonly #report: (text: string) => void;
  readonly #open = new Set<LiveStream>();
  #timer: Timer | null = null;
  #isBusy = false;
  #isWanted = false;
  #topology = NO_TOPOLOGY;

  constructor(face: CockpitFace, report: (text: string) => void) {
    this.#face = face;
    this.#report = report;
  }

  /** Throws where there are too many, or the query is wrong. */
  open(query: URLSearchParams, response: ServerResponse): void {
    if (this.#open.size >= MOST_STREAMS)
      throw new CallError(503, `${MOST_STREAMS} pages are open, which is all that are served: close one`);
    const wish = readStreamWish(query);
    const stream = new LiveStream(this.#face, response, wish);
    this.#open.add(stream);
    response.on('close', () => this.#forget(stream));
    this.soon();
  }

  #forget(stream: LiveStream): void {
    this.#open.delete(stream);
    if (this.#open.size > 0) return;
    this.#timer?.stop();
    this.#timer = null;
    this.#topology = NO_TOPOLOGY;
  }

  /** Something was changed: all see it at once. */
  soon(): void {
    if (this.#isWanted || this.#open.size === 0) return;
    this.#isWanted = true;
    if (!this.#isBusy) this.#plan();
  }

  #plan(): void {
    this.#timer?.stop();
    this.#timer = new Timer(() => void this.#turn(), this.#isWanted ? SOON_MS : EVERY_MS).unref();
  }

  async #turn(): Promise<void> {
    this.#isBusy = true;
    this.#isWanted = false;
    try {
      await this.#sendAll();
    } catch (error) {
      this.#report(`the live view failed: ${(error as Error).stack ?? String(error)}`);
      // They come back.
      for (const stream of this.#open) stream.end();
    }
    this.#isBusy = false;
    if (this.#open.size > 0) this.#plan();
  }

  async #sendAll(): Promise<void> {
    const ready = [...this.#open].filter((stream) => stream.isReady);
    for (const stream of this.#open) if (!ready.includes(stream)) stream.skip();
    if (ready.length === 0) return;
    const turn = await this.#make();
    for (const stream of ready) if (this.#open.has(stream)) stream.send(turn);
  }

  async #make(): Promise<Turn> {
    const state = await stateOf(this.#face);
    const { startedAtMs: run, reloads, acceptors } = state.traffic;
    const key = `${run} ${reloads.lastDoneAtMs}`;
    if (key !== this.#topology.key)
      this.#topology = { key, text: eventText('topology', this.#face.topology()) };
    return {
      run,
      acceptors: new Set(acceptors.map(({ id }) => id)),
      state: eventText('state', state),
      topology: this.#topology,
    };
  }

  close(): void {
    for (const stream of this.#open) stream.end();
    this.#timer?.stop();
  }
}
