// The primary's side of one acceptor process: what it was sent, what it answered, whether it still turns its loop.
import cluster, { type Worker } from 'node:cluster';
import { existsSync } from 'node:fs';
import { inspect } from 'node:util';
import type { PackedModel } from '../config/model-wire.ts';
import type { TallyCounts } from '../observe/request-tally.ts';
import type { EarlyAcceptor } from './early-acceptors.ts';
import { readFromAcceptor } from './from-acceptor.ts';
import type { DrainWaits, FromAcceptor, PortCounts, PrepareProblem, ToAcceptor } from './messages.ts';
import { type Culprit, onAccountOf, onOwnAccount } from './survival.ts';

/** One that has not come up by then never will. */
const START_MS = 30_000;
/** An acceptor that does not answer for so long is killed and replaced. */
const ANSWER_MS = 10_000;

type Prepare = Extract<ToAcceptor, { type: 'prepare' }>;

export interface SlotEvents {
  onReady(slot: AcceptorSlot): void;
  onLog(slot: AcceptorSlot, message: Extract<FromAcceptor, { type: 'log-full' | 'log-switched' }>): void;
  /** A client of it waits for a local certificate. */
  onLeafWish(slot: AcceptorSlot, wish: Extract<FromAcceptor, { type: 'leaf' }>): void;
  /** It tells what it has counted, or a client of its wants the metrics of all. */
  onTraffic(slot: AcceptorSlot, message: Extract<FromAcceptor, { type: 'traffic' | 'scrape' }>): void;
  onTally?(counts: TallyCounts): void;
  /** It sent what is no message, and is about to be killed. */
  onOffence(slot: AcceptorSlot, what: string): void;
  onExit(slot: AcceptorSlot, code: number | null, signal: string | null): void;
}

export class AcceptorSlot implements Culprit {
  readonly worker: Worker;
  readonly startedAt = Date.now();
  /** It serves a committed configuration. */
  serving = false;
  /** It was sent the state of the groups: from then on it has to hear of every change. */
  joined = false;
  /** It was told to go: its exit is no accident. */
  leaving = false;
  exited = false;
  /** Why there is no process: out of descriptors, or of processes. */
  notStarted: string | null = null;
  lastAlive = Date.now();
  /** What its drain waits for; null while it does not drain. */
  waits: DrainWaits | null = null;
  readonly #events: SlotEvents;
  readonly #starting: NodeJS.Timeout;
  #ready = false;
  #killed = false;
  readonly #sent = new Set<string>();
  readonly #waiting = new Map<string, (message: FromAcceptor | null) => void>();

  /** `early`: its process, where that runs already. */
  constructor(events: SlotEvents, early: EarlyAcceptor | null = null) {
    stayExecutable();
    this.worker = early?.worker ?? onAccountOf(this, () => cluster.fork());
    this.#events = events;
    this.#starting = setTimeout(() => this.kill(), START_MS).unref();
    this.worker.on('message', (sent: unknown) => onOwnAccount(() => this.#onMessage(sent)));
    this.worker.on('exit', (code, signal) => onOwnAccount(() => this.#end(code, signal)));
    // A send to a process that just died fails; its 'exit' tells the rest. Where there is no process no 'exit' will come.
    this.worker.on('error', (error: Error) => {
      if (this.worker.process.pid !== undefined || this.exited) return;
      this.notStarted = `could not be started (${error.message})`;
      onOwnAccount(() => this.#end(null, null));
    });
    for (const sent of early?.handOver(this) ?? [])
      setImmediate(() => onOwnAccount(() => this.#onMessage(sent)));
  }

  #end(code: number | null, signal: string | null): void {
    clearTimeout(this.#starting);
    this.exited = true;
    for (const key of [...this.#waiting.keys()]) this.#answer(key, null);
    this.#events.onExit(this, code, signal);
  }

  #onMessage(sent: unknown): void {
    if (this.#killed) return;
    const message = readFromAcceptor(sent);
    // What it had counted may arrive behind the word that it is gone.
    if (this.exited && message?.type !== 'traffic') return;
    if (message === null || (message.type === 'ready' && this.#ready)) {
      const shown = inspect(sent, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 80 });
      return this.onOffence(new Error(`${shown.slice(0, 200)} is no message of an acceptor`));
    }
    this.lastAlive = Date.now();
    if (message.type === 'ready') {
      this.#ready = true;
      clearTimeout(this.#starting);
      this.#events.onReady(this);
    } else if (message.type === 'log-full' || message.type === 'log-switched')
      this.#events.onLog(this, message);
    else if (message.type === 'leaf') this.#events.onLeafWish(this, message);
    else if (message.type === 'tally') this.#events.onTally?.(message.counts);
    else if (message.type === 'draining') this.waits = message.waits;
    else if (message.type === 'traffic') {
      this.#events.onTraffic(this, message);
      if (message.id > 0) this.#answer(`traffic ${message.id}`, message);
    } else if (message.type === 'scrape') this.#events.onTraffic(this, message);
    else if (message.type === 'peer-idle' || message.type === 'counts' || message.type === 'answer')
      this.#answer(`${message.type} ${message.id}`, message);
    else if (message.type !== 'alive') this.#answer(`${message.type} ${message.generation}`, message);
  }

  /** It sent what it never should: what else it does cannot be trusted. */
  onOffence(error: unknown): void {
    if (this.exited || this.#killed) return;
    this.#events.onOffence(this, error instanceof Error ? error.message : String(error));
    this.kill();
  }

  get id(): number {
    return this.worker.id;
  }

  send(message: ToAcceptor, handle?: unknown): void {
    if (this.exited || !this.worker.isConnected()) return;
    this.worker.process.send(message, handle as never, {}, () => {});
  }

  /** Sends a bound socket once per listener of the acceptor. */
  sendSocket(identity: string, handle: unknown): void {
    if (handle === undefined || this.#sent.has(identity)) return;
    this.#sent.add(identity);
    this.send({ type: 'socket', identity }, handle);
  }

  /** Identities that the committed configuration no longer has must be sent anew if they come back. */
  keepSockets(identities: ReadonlySet<string>): void {
    for (const identity of this.#sent) if (!identities.has(identity)) this.#sent.delete(identity);
  }

  /** Null when it agreed; a problem otherwise. One that dies meanwhile has no objection: its successor gets what holds then. */
  async prepare(message: Prepare, model: PackedModel): Promise<PrepareProblem | null> {
    const { generation } = message;
    for (const text of model) {
      this.send({ type: 'piece', generation, text });
      if ((await this.#wait(`more ${generation}`)) === null) return null;
    }
    this.send(message);
    const answer = await this.#wait(`prepared ${generation}`);
    return answer?.type === 'prepared' ? answer.problem : null;
  }

  async commit(message: Extract<ToAcceptor, { type: 'commit' }>): Promise<string | null> {
    this.joined = true;
    this.send(message);
    const answer = await this.#wait(`committed ${message.generation}`);
    if (answer?.type !== 'committed') return null;
    // One that lacks an address serves all others, and hears of the next configuration.
    this.serving ||= answer.problem === null;
    if (answer.problem !== null) this.#sent.clear();
    return answer.problem;
  }

  /** The logs that did not open. */
  async reopen(generation: number): Promise<readonly string[]> {
    this.send({ type: 'reopen', generation });
    // One that is starting does it when it gets to it, and opens its logs anew anyway.
    if (!this.serving) return [];
    const answer = await this.#wait(`reopened ${generation}`);
    return answer?.type === 'reopened' ? answer.problems : [];
  }

  /** Resolves with true once it has no exchange on these ports, or is gone; with false at the latest when `until` settles. */
  async peerIdle(id: number, ports: readonly number[], until: Promise<unknown>): Promise<boolean> {
    this.send({ type: 'drain-peer', id, ports });
    return (await this.#ask(`peer-idle ${id}`, until)) !== 'late';
  }

  /** What is under way on ports of this machine; null where it did not say until then. */
  async counts(id: number, until: Promise<unknown>): Promise<PortCounts | null> {
    this.send({ type: 'count', id });
    const answer = await this.#ask(`counts ${id}`, until);
    return answer !== null && answer !== 'late' && answer.type === 'counts' ? answer.ports : null;
  }

  /** What its inspector answers; null where it did not until then. */
  async ask(id: number, question: string, until: Promise<unknown>): Promise<string | null> {
    this.send({ type: 'ask', id, question });
    const answer = await this.#ask(`answer ${id}`, until);
    return answer !== null && answer !== 'late' && answer.type === 'answer' ? answer.answer : null;
  }

  /** Has it tell what it has counted; settles when it has, is gone, or is late. */
  async traffic(id: number, until: Promise<unknown>): Promise<void> {
    this.send({ type: 'traffic-now', id });
    await this.#ask(`traffic ${id}`, until);
  }

  /** As `#wait`, but being late is no offence. Null when it is gone. */
  #ask(key: string, until: Promise<unknown>): Promise<FromAcceptor | null | 'late'> {
    // To one that is about to be gone nothing is sent any more.
    if (this.exited || !this.worker.isConnected()) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting.set(key, resolve);
      void until.then(() => {
        this.#waiting.delete(key);
        resolve('late');
      });
    });
  }

  #wait(key: string): Promise<FromAcceptor | null> {
    if (this.exited) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.kill(), ANSWER_MS);
      this.#waiting.set(key, (message) => {
        clearTimeout(timer);
        resolve(message);
      });
    });
  }

  #answer(key: string, message: FromAcceptor | null): void {
    const resolve = this.#waiting.get(key);
    this.#waiting.delete(key);
    resolve?.(message);
  }

  kill(): void {
    this.#killed = true;
    if (!this.exited) this.worker.process.kill('SIGKILL');
  }
}

/** The Node that runs this process, wherever its file went since (a package that is installed anew). Linux; elsewhere it must stay. */
function stayExecutable(): void {
  const own = '/proc/self/exe';
  if (!existsSync(process.execPath) && existsSync(own)) process.execPath = own;
}
