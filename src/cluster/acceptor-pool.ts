// The acceptors that the primary keeps: as many as are wanted, replaced when they die, killed when they no longer turn their loops. What
// they serve is the primary's business.
import { type Face, howEnded, type Told } from '../face/face.ts';
import type { Leaf } from '../local-ca/leaf.ts';
import type { Log } from '../observe/error-log.ts';
import { RequestTally, type TallyCounts } from '../observe/request-tally.ts';
import { Timer } from '../shared/timer.ts';
import { AcceptorSlot, type SlotEvents } from './acceptor-slot.ts';
import type { EarlyAcceptor, EarlyAcceptors } from './early-acceptors.ts';
import type { DrainWaits, FromAcceptor, PrepareProblem, ToAcceptor } from './messages.ts';
import { Refusal } from './refusal.ts';

/** Who says what acceptors serve. */
export interface PoolHome {
  readonly log: Log;
  readonly face: Face;
  /** How many there should be. */
  readonly wanted: number;
  /** Gives one that has started what the others serve, or says why it cannot serve that. */
  bringUp(slot: AcceptorSlot): Promise<PrepareProblem | null>;
  /** One that took the place of another could not serve. */
  onProblem(problem: PrepareProblem): void;
  onLog(slot: AcceptorSlot, message: Extract<FromAcceptor, { segment: number }>): void;
  /** A local certificate; null where there is none to be had. */
  findLeaf(wanted: string): Promise<Leaf | null>;
  onTraffic(slot: AcceptorSlot, message: Extract<FromAcceptor, { type: 'traffic' | 'scrape' }>): void;
  /** Its process is gone. */
  onGone(slot: AcceptorSlot): void;
}

/** An acceptor that lived shorter than this counts as a crash loop. */
const HEALTHY_MS = 5000;
const MAX_BACKOFF_MS = 5000;
const HEARTBEAT_CHECK_MS = 1000;
const STUCK_MS = 5000;
/** An acceptor that is busy longer than this is not waited for by whoever wants numbers. */
const COUNT_MS = 500;

export class AcceptorPool implements SlotEvents {
  readonly #home: PoolHome;
  readonly #slots = new Set<AcceptorSlot>();
  #crashes = 0;
  /** Acceptors that ended though nobody had told them to. */
  deaths = 0;
  #stopping = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #lastCheck = Date.now();
  /** Until all of the start serve. */
  #first: { left: number; resolve(): void; reject(error: Error): void } | null = null;
  readonly #onEmpty: (() => void)[] = [];

  constructor(home: PoolHome) {
    this.#home = home;
  }

  /** Resolves when all that are wanted serve; rejects when one of them cannot. `early`: processes that run already. */
  async start(early: EarlyAcceptors | null = null): Promise<void> {
    const left = this.#home.wanted;
    const up = new Promise<void>((resolve, reject) => {
      this.#first = { left, resolve, reject };
    });
    if (left === 0) this.#first?.resolve();
    for (let i = 0; i < left; i++) this.#fork(early?.take());
    early?.drop();
    this.#heartbeat = setInterval(() => this.#checkHeartbeats(), HEARTBEAT_CHECK_MS);
    await up;
  }

  /** All, those on their way in or out among them. */
  get all(): AcceptorSlot[] {
    return [...this.#slots];
  }

  /** Those that serve and were not told to go. */
  get serving(): AcceptorSlot[] {
    return this.all.filter((slot) => !slot.leaving && slot.serving);
  }

  #staying(): AcceptorSlot[] {
    return this.all.filter((slot) => !slot.leaving && !this.#retiring.has(slot));
  }

  broadcast(message: ToAcceptor): void {
    for (const slot of this.#slots) slot.send(message);
  }

  #questions = 0;

  /**
   * Resolves with true once no acceptor has an exchange or a tunnel on these ports of this machine; with false after `limitMs`, at once for
   * 0. Broadcast before that the ports are down: each acceptor reads this behind it. One that dies is idle, and so is one that does
   * not serve yet: it begins with what is known then.
   */
  async idle(ports: readonly number[], limitMs: number): Promise<boolean> {
    if (limitMs <= 0) return false;
    const id = ++this.#questions;
    const limit = startLimit(limitMs);
    const slots = this.all.filter((slot) => slot.joined);
    const answers = await Promise.all(slots.map((slot) => slot.peerIdle(id, ports, limit.over)));
    limit.end();
    const isIdle = !answers.includes(false);
    if (!isIdle) for (const slot of slots) slot.send({ type: 'drain-stop', id });
    return isIdle;
  }

  /**
   * Exchanges and tunnels under way in all acceptors, by ports of this machine. One that does not say within 500 ms is left out. Every
   * acceptor that answered has done what it was sent before.
   */
  async inFlight(): Promise<Record<number, DrainWaits>> {
    const id = ++this.#questions;
    const limit = startLimit(COUNT_MS);
    const slots = this.all.filter((slot) => slot.joined);
    const answers = await Promise.all(slots.map((slot) => slot.counts(id, limit.over)));
    limit.end();
    const sums: Record<number, DrainWaits> = {};
    for (const counts of answers)
      for (const [port, { exchanges, tunnels }] of Object.entries(counts ?? {})) {
        const sum = sums[Number(port)] ?? { exchanges: 0, tunnels: 0 };
        sums[Number(port)] = { exchanges: sum.exchanges + exchanges, tunnels: sum.tunnels + tunnels };
      }
    return sums;
  }

  /** Asks the inspectors of all acceptors, or of the one with this id: what each answered in time, as JSON, by its id. */
  async ask(question: string, limitMs: number, to = 0): Promise<Map<number, string>> {
    const id = ++this.#questions;
    const limit = startLimit(limitMs);
    const slots = this.all.filter((slot) => slot.joined && (to === 0 || slot.id === to));
    const answers = await Promise.all(slots.map((slot) => slot.ask(id, question, limit.over)));
    limit.end();
    const found = new Map<number, string>();
    for (const [i, answer] of answers.entries()) if (answer !== null) found.set(slots[i].id, answer);
    return found;
  }

  #paused = false;

  /** All go once they are idle, at the latest after `drainMs`; none is started until `resume`. */
  pause(drainMs: number): void {
    this.#paused = true;
    this.#retiring.clear();
    for (const slot of this.#staying()) this.#letGo(slot, drainMs);
  }

  resume(): void {
    this.#paused = false;
    this.#fill();
  }

  #fork(early: EarlyAcceptor | null = null): void {
    if (this.#paused) return;
    try {
      this.#slots.add(new AcceptorSlot(this, early));
    } catch (error) {
      // Out of memory, for one: such errors Node throws, others it tells by an event.
      this.#notStarted(`could not be started (${(error as Error).message})`);
    }
  }

  #notStarted(how: string): void {
    if (this.#stopping) return;
    if (this.#first !== null)
      return this.#first.reject(new Error(`an acceptor ${how} before it could serve`));
    this.#crashes++;
    const delayMs = this.#pauseMs();
    this.#home.log.error(`an acceptor ${how}; a new one starts in ${delayMs} ms`);
    new Timer(() => this.#refill(), delayMs);
  }

  /** Before the next start after so many crashes in a row. */
  #pauseMs(): number {
    return this.#crashes === 0 ? 0 : Math.min(MAX_BACKOFF_MS, 100 * 2 ** (this.#crashes - 1));
  }

  /** Another number is wanted: more start, those too many go once they are idle, at the latest after `drainMs`. */
  resize(drainMs: number): void {
    if (this.#stopping) return;
    for (const slot of this.#staying().slice(this.#home.wanted)) this.#letGo(slot, drainMs);
    this.#fill();
  }

  /** Starts those that are missing. */
  #fill(): void {
    if (this.#stopping) return;
    for (let i = this.#staying().length; i < this.#home.wanted; i++) this.#fork();
  }

  /** Those that go once another one serves in their place. */
  readonly #retiring = new Set<AcceptorSlot>();

  /** New processes for all that serve: each of these drains, at most so long, when its successor serves. */
  renew(drainMs: number): void {
    if (this.#stopping) return;
    this.#drainMs = drainMs;
    for (const slot of this.serving) {
      if (this.#retiring.has(slot)) continue;
      this.#retiring.add(slot);
      this.#fork();
    }
    this.#retireSpare();
  }

  #drainMs = 0;

  /** Lets go as many as others serve for: a successor that died before it could is none. */
  #retireSpare(): void {
    for (const slot of this.#retiring) {
      if (this.serving.length <= this.#home.wanted) return;
      this.#retiring.delete(slot);
      this.#letGo(slot, this.#drainMs);
    }
  }

  #letGo(slot: AcceptorSlot, drainMs: number): void {
    slot.leaving = true;
    slot.send({ type: 'drain', timeoutMs: drainMs });
  }

  onReady(slot: AcceptorSlot): void {
    this.#home
      .bringUp(slot)
      .then((problem) => {
        if (problem === null) {
          this.#retireSpare();
          return this.#firstUp();
        }
        if (this.#first === null) this.#home.onProblem(problem);
        this.#first?.reject(new Refusal([problem]));
        slot.kill();
      })
      .catch((error: unknown) => {
        // It will never serve; its successor may.
        this.#home.log.crit(
          `acceptor ${slot.worker.process.pid} cannot be told what to serve: ${String(error)}`,
        );
        slot.kill();
      });
  }

  onOffence(slot: AcceptorSlot, what: string): void {
    this.#home.log.crit(`acceptor ${slot.worker.process.pid} sent garbage: killed (${what})`);
  }

  #firstUp(): void {
    const first = this.#first;
    if (first === null || --first.left > 0) return;
    this.#first = null;
    first.resolve();
  }

  onLog(slot: AcceptorSlot, message: Extract<FromAcceptor, { segment: number }>): void {
    this.#home.onLog(slot, message);
  }

  onLeafWish(slot: AcceptorSlot, { id, wanted }: Extract<FromAcceptor, { type: 'leaf' }>): void {
    void this.#home.findLeaf(wanted).then((leaf) => slot.send({ type: 'leaf', id, leaf }));
  }

  onTraffic(slot: AcceptorSlot, message: Extract<FromAcceptor, { type: 'traffic' | 'scrape' }>): void {
    this.#home.onTraffic(slot, message);
  }

  /** Of all whose last word has come. */
  readonly tally = new RequestTally();

  onTally(counts: TallyCounts): void {
    this.tally.join(counts);
  }

  onExit(slot: AcceptorSlot, code: number | null, signal: string | null): void {
    const { log, face } = this.#home;
    this.#slots.delete(slot);
    // Whatever becomes of its counts, it is replaced.
    setImmediate(() => this.#home.onGone(slot));
    const { notStarted } = slot;
    const isReplaced = this.#retiring.delete(slot);
    const wanted = this.#stopping || slot.leaving;
    const end = { pid: slot.worker.process.pid, code, signal, notStarted, wanted };
    if (wanted || isReplaced) {
      tell(log, face.exited(end, 'another takes its place'));
      if (this.#stopping && this.#slots.size === 0) for (const done of this.#onEmpty.splice(0)) done();
      return;
    }
    if (this.#first !== null)
      return this.#first.reject(new Error(`an acceptor ${howEnded(end)} before it could serve`));
    this.deaths++;
    const lived = Date.now() - slot.startedAt;
    this.#crashes = lived < HEALTHY_MS ? this.#crashes + 1 : 0;
    const delayMs = this.#pauseMs();
    tell(log, face.exited(end, `a new one starts ${delayMs === 0 ? 'at once' : `in ${delayMs} ms`}`));
    if (delayMs === 0) this.#fork();
    else new Timer(() => this.#refill(), delayMs);
  }

  #refill(): void {
    if (!this.#stopping && this.#staying().length < this.#home.wanted) this.#fork();
  }

  #checkHeartbeats(): void {
    const now = Date.now();
    // After a pause of the whole machine nobody could have sent anything.
    const paused = now - this.#lastCheck > 2 * HEARTBEAT_CHECK_MS;
    this.#lastCheck = now;
    for (const slot of this.#slots) {
      if (paused) slot.lastAlive = now;
      else if (slot.serving && now - slot.lastAlive > STUCK_MS) {
        this.#home.log.crit(
          `acceptor ${slot.worker.process.pid} has not answered for ${STUCK_MS} ms: killed`,
        );
        slot.kill();
      }
    }
  }

  /** Nobody is replaced any more; a start that is under way has failed. */
  stop(): void {
    this.#stopping = true;
    this.#first?.reject(new Error('stopped before it was ready'));
    this.#first = null;
  }

  /** After `stop`: resolves when the last one is gone. They are killed after `limitMs`; 0 = never. */
  async gone(limitMs: number): Promise<void> {
    if (this.#slots.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty.push(resolve);
        if (limitMs > 0) new Timer(() => this.#killAll(), limitMs).unref();
      });
    }
    clearInterval(this.#heartbeat);
  }

  #killAll(): void {
    for (const slot of this.#slots) slot.kill();
  }
}

function tell(log: Log, { level, text }: Told): void {
  log[level](text);
}

/** A promise that settles after `ms`, or when it is not needed any more. */
function startLimit(ms: number): { readonly over: Promise<void>; end(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = new Timer(resolve, ms);
  return {
    over: promise,
    end() {
      timer.stop();
      resolve();
    },
  };
}
