// In an acceptor: tells the primary what was counted, a few times a second while anything was, and asks it for the numbers of all.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Group } from '../balance/group.ts';
import { spanCounts } from '../observe/trace/exporter.ts';
import { TrafficBook } from '../observe/traffic/book.ts';
import type { AcceptorNumbers, PeerNow } from '../observe/traffic/delta.ts';
import { MAX_SERIES, NAME_CHARS } from '../observe/traffic/series.ts';
import { exposition } from '../shared/exposition.ts';
import { population } from '../shared/population.ts';
import { Timer } from '../shared/timer.ts';
import type { FromAcceptor, ToAcceptor } from './messages.ts';

const TELL_MS = 250;
/** Where nothing passes it is told now and then how the process is. */
const QUIET_TURNS = 4;
/** Waits of the event loop are measured by a timer of so many ms. */
const LOOP_RESOLUTION_MS = 20;
/** Whoever asks for metrics has an answer by then. */
const SCRAPE_MS = 5000;
/** Clients that wait for the same text; more are turned away. */
const MOST_SCRAPES = 100;

export class TrafficTeller {
  readonly book = new TrafficBook();
  readonly #send: (message: FromAcceptor) => void;
  readonly #groups: () => Iterable<Group>;
  #turns = 0;
  #timer: NodeJS.Timeout | undefined;
  #loop: ReturnType<typeof monitorEventLoopDelay> | null = null;
  #quiet = 0;
  #accepted = 0;
  #handled = 0;
  #spansSent = 0;
  #spansDropped = 0;
  readonly #scrapes = new Map<number, (text: string | null) => void>();
  #lastScrape = 0;

  /** `groups`: those of the running configuration. */
  constructor(send: (message: FromAcceptor) => void, groups: () => Iterable<Group>) {
    this.#send = send;
    this.#groups = groups;
  }

  use(counting: boolean): void {
    if (counting === (this.#timer !== undefined)) return;
    if (!counting) {
      this.end();
      return;
    }
    this.#loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
    this.#loop.enable();
    this.#timer = setInterval(() => this.#turn(), TELL_MS).unref();
    exposition.ask = (openMetrics, done) => this.#scrape(openMetrics, done);
  }

  /** Nothing is counted any more: tells what was. */
  end(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    exposition.ask = null;
    this.#tell(0);
    this.#loop?.disable();
    this.#loop = null;
  }

  take(message: Extract<ToAcceptor, { type: 'traffic-now' | 'scraped' }>): void {
    if (message.type === 'traffic-now') return this.#tell(message.id);
    const done = this.#scrapes.get(message.id);
    this.#scrapes.delete(message.id);
    done?.(message.text);
  }

  #turn(): void {
    this.#turns++;
    if (this.book.hasNews || ++this.#quiet >= QUIET_TURNS) this.#tell(0);
  }

  #tell(id: number): void {
    this.#quiet = 0;
    // Somebody asks, or a second has passed.
    const now = id > 0 || this.#turns % QUIET_TURNS === 0 ? peersNow(this.#groups()) : null;
    this.#send({ type: 'traffic', id, ...this.book.take(), own: this.#numbers(), now });
  }

  #numbers(): AcceptorNumbers {
    const { accepted, handled, active, reading, writing, waiting } = population.own();
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    const came = { accepted: accepted - this.#accepted, handled: handled - this.#handled };
    this.#accepted = accepted;
    this.#handled = handled;
    return {
      heapBytes: memory.heapUsed,
      rssBytes: memory.rss,
      cpuMs: Math.round((cpu.user + cpu.system) / 1000),
      ...this.#loopDelay(),
      ...{ active, reading, writing, waiting },
      ...came,
      ...this.#spans(),
    };
  }

  #spans(): Pick<AcceptorNumbers, 'spansSent' | 'spansDropped'> {
    const { sent, dropped } = spanCounts;
    const came = { spansSent: sent - this.#spansSent, spansDropped: dropped - this.#spansDropped };
    this.#spansSent = sent;
    this.#spansDropped = dropped;
    return came;
  }

  /** How much later than they should its timers ran. */
  #loopDelay(): Pick<AcceptorNumbers, 'loopMaxMs' | 'loopP99Ms'> {
    const loop = this.#loop;
    if (loop === null || loop.count === 0) return { loopMaxMs: 0, loopP99Ms: 0 };
    const late = (ns: number): number => Math.max(0, Math.round(ns / 1e4) / 100 - LOOP_RESOLUTION_MS);
    const delay = { loopMaxMs: late(loop.max), loopP99Ms: late(loop.percentile(99)) };
    loop.reset();
    return delay;
  }

  #scrape(openMetrics: boolean, done: (text: string | null) => void): void {
    if (this.#scrapes.size >= MOST_SCRAPES) return done(null);
    const id = ++this.#lastScrape;
    const timer = new Timer(() => this.take({ type: 'scraped', id, text: null }), SCRAPE_MS);
    this.#scrapes.set(id, (text) => {
      timer.stop();
      done(text);
    });
    this.#send({ type: 'scrape', id, openMetrics });
  }
}

function peersNow(groups: Iterable<Group>): PeerNow[] {
  const now = performance.now();
  const peers: PeerNow[] = [];
  for (const group of groups) {
    const ofAll = group.countsMatter && group.sharing !== null ? 1 : 0;
    for (const peer of group.peers) {
      if (peers.length >= MAX_SERIES) return peers;
      const state = peer.down ? 2 : peer.isFailing(now) ? 1 : 0;
      peers.push([group.name.slice(0, NAME_CHARS), peer.name, peer.weight, peer.active, ofAll, state]);
    }
  }
  return peers;
}
