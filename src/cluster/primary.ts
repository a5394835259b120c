// The primary: owns sockets, acceptors, programs and signals, and touches no traffic. Changes of configuration go through one queue, in
// two phases: every acceptor compiles it beside what runs; only when all said yes do all switch.
// Past 300 lines: start, reload and stop share one queue. What acceptors are kept by is acceptor-pool.ts, what they need supplies.ts.
import { countsTraffic } from '../compile/traffic-series.ts';
import type { Model } from '../config/model.ts';
import { type PackedModel, packModel } from '../config/model-wire.ts';
import { FACES, type Face } from '../face/face.ts';
import type { Leaf } from '../local-ca/leaf.ts';
import type { Log } from '../observe/error-log.ts';
import { loadPinoLater } from '../observe/lazy-pino.ts';
import type { LogFiles } from '../observe/log-files.ts';
import type { RequestTally } from '../observe/request-tally.ts';
import type { Surroundings } from '../observe/traffic/snapshot.ts';
import type { PoolFace, ProcessView } from '../supervise/control/face.ts';
import type { OutputLine } from '../supervise/output.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import type { PoolChanges } from '../supervise/pool-changes.ts';
import type { Discovery } from '../upstream/discovery.ts';
import { VERSION } from '../version.ts';
import { AcceptorPool, type PoolHome } from './acceptor-pool.ts';
import { openSharedFiles, type SharedFiles, setUpAcceptors } from './acceptor-processes.ts';
import type { AcceptorSlot } from './acceptor-slot.ts';
import { Announcer } from './announcer.ts';
import { ChangeQueue } from './change-queue.ts';
import { describeChanges } from './changes.ts';
import type { EarlyAcceptors } from './early-acceptors.ts';
import { drainText, programsText, tellWhile } from './ending.ts';
import { GroupHub } from './group-hub.ts';
import { closeInherited } from './inherited-descriptors.ts';
import { LiveView, type LiveViewHome, type Written } from './live-view.ts';
import type { FromAcceptor, PrepareProblem, TlsMessage, ToAcceptor } from './messages.ts';
import { usesTls } from './needs.ts';
import { ProgramPool } from './program-pool.ts';
import { firstOf, problemsOf, problemText, Refusal } from './refusal.ts';
import { RuntimeLogs } from './runtime-logs.ts';
import { forgetPopulation } from './shared-population.ts';
import { Supplies, type SupplyHome } from './supplies.ts';
import { certificateSnapshots, ProgramCounts, processSnapshot, ReloadCounts } from './surroundings.ts';
import { surviveErrors } from './survival.ts';
import { TicketKeyring } from './ticket-keyring.ts';
import { type TrafficHome, TrafficHub } from './traffic-hub.ts';
import { sharesState, wantedAcceptors } from './wanted-acceptors.ts';

export interface PrimaryOptions {
  readonly model: Model;
  readonly pool: PoolPlan;
  /** Reads the configuration again and prints its problems. */
  readonly read: (scaled: ReadonlyMap<string, number>) => Reading;
  /** Prints problems, each with its place, the source line and a caret. */
  readonly printProblems: (problems: readonly PrepareProblem[]) => void;
  readonly stateDir: string;
  /** A reload restarts what runs though nothing of it changed. */
  readonly roll: boolean;
  /** A line of a program's process. */
  readonly onOutput: (line: OutputLine) => void;
  /** Path of lbproxy's own control socket; null for none. */
  readonly controlSocket: string | null;
  /** Where the runs of this configuration are recorded; null for nowhere. */
  readonly runs: { readonly directory: string; readonly name: string } | null;
  /** Its path, and what files that belong to it are called. */
  readonly configuration: { readonly path: string; readonly name: string };
  /** Files of the configuration that were changed after they were read. */
  readonly changedFiles: () => readonly string[];
  /** For the live view: the configuration as its files have it now. */
  readonly written: () => Written;
  /** A control server was told to end lbproxy. */
  readonly onShutdown: () => void;
  /** All that the process writes to. */
  readonly logFiles: LogFiles;
  /** What another primary has bound for this one, by address. */
  readonly sockets?: ReadonlyMap<string, unknown>;
  /** Where acceptors' stderr leads: a descriptor; that of this process without. */
  readonly acceptorStderr?: number;
  /** Acceptors' processes that were started before. */
  readonly early?: EarlyAcceptors | null;
}

/** A reading of the configuration: all of it, or why it is none. */
export type Reading =
  | { readonly model: Model; readonly pool: PoolPlan }
  | { readonly errors: readonly PrepareProblem[] };

/** What came of a wish; the text is for whoever had it. */
export interface Outcome {
  readonly ok: boolean;
  readonly text: string;
}

export class Primary implements PoolHome, SupplyHome, TrafficHome, LiveViewHome {
  readonly #options: Omit<PrimaryOptions, 'model' | 'early'>;
  readonly #early: EarlyAcceptors | null;
  #model: Model;
  #generation = 0;
  readonly #logFiles: LogFiles;
  #logs: RuntimeLogs;
  readonly #acceptors = new AcceptorPool(this);
  readonly #shared: SharedFiles;
  readonly #hub: GroupHub;
  readonly #supplies: Supplies;
  /** Shows what happens, where the configuration asks for it. */
  readonly liveView: LiveView;
  #pool: ProgramPool | null = null;
  /** Of the running configuration, as it was read with it. */
  #tls: TlsMessage = { selfSigned: null, files: {} };
  readonly #ticketKeys: TicketKeyring;
  /** What passes, as all acceptors tell of it. */
  readonly traffic = new TrafficHub(this);
  readonly #queue = new ChangeQueue((error) => this.log.error(`internal: ${String(error)}`));
  #stopping = false;
  readonly #startedAtMs = Date.now();
  readonly #reloads = new ReloadCounts();
  readonly #programs = new ProgramCounts();

  constructor(options: PrimaryOptions) {
    // The first Model goes with the first reload.
    const { model, early = null, ...others } = options;
    this.#options = others;
    this.#early = early;
    this.#shared = early?.shared ?? openSharedFiles();
    this.#logFiles = options.logFiles;
    this.#model = model;
    this.#logs = new RuntimeLogs(model, this.#logFiles);
    this.#logs.use();
    this.#ticketKeys = new TicketKeyring((keys) => this.#acceptors.broadcast({ type: 'ticket-keys', keys }));
    this.#hub = new GroupHub(this.#shared.log, {
      joined: () => this.#acceptors.all.filter((slot) => slot.joined).map((slot) => slot.id),
      onSealed: () => this.#acceptors.broadcast({ type: 'log-sealed' }),
    });
    this.#supplies = new Supplies(this, () => this.#announcer.announce());
    this.liveView = new LiveView(this, {
      acceptors: this.#acceptors,
      hub: this.#hub,
      announcer: this.#announcer,
      configuration: options.configuration,
      written: options.written,
    });
    if (options.sockets !== undefined) this.#supplies.adopt(options.sockets);
  }

  get log(): Log {
    return this.liveView.listening(this.#logs.main);
  }

  get programs(): PoolFace | null {
    return this.#pool;
  }

  get face(): Face {
    return FACES[this.#model.settings.face];
  }

  get stateDir(): string {
    return this.#options.stateDir;
  }

  /** What is served. */
  get model(): Model {
    return this.#model;
  }

  #discovery(): Discovery {
    return {
      hosts: this.#supplies.hosts,
      programs: this.#pool?.ports ?? {},
      steered: this.liveView.steered,
    };
  }

  /** Resolves when all acceptors serve, and starts the programs then; rejects when that cannot be. */
  async start(): Promise<void> {
    surviveErrors(() => this.log);
    const model = this.#model;
    this.#tls = await this.#supply(model, this.#options.pool);
    if (this.#stopping) return;
    // What is there already was started because there is nothing to close.
    if (this.#early === null) closeInherited();
    setUpAcceptors(this.#shared, this.#options.acceptorStderr);
    // They know of the programs' ports from the beginning, but have what they need of the system before programs take the rest.
    const pool = this.#createPool();
    this.#hub.use(model, this.#discovery(), sharesState(model));
    this.traffic.use(model);
    this.#ticketKeys.start();
    const started = this.#acceptors.start(this.#early);
    // While they load.
    if (this.wanted > 0) this.#packed(model);
    await started;
    loadPinoLater();
    if (!this.#stopping)
      await pool
        .open()
        .catch((error: Error) => Promise.reject(new Refusal([{ at: '', message: error.message }])));
    if (!this.#stopping) await this.liveView.use();
    if (!this.#stopping) pool.start();
    if (this.#options.sockets !== undefined) this.#keepOwn();
  }

  /** All that is bound, by address. */
  get sockets(): ReadonlyMap<string, unknown> {
    return this.#supplies.sockets;
  }

  /** Another primary has taken over: the sockets are its own from here on, too. */
  handedOver = false;

  /** Lets all acceptors end once they are idle, and starts none until `resume`. */
  pause(): void {
    this.#acceptors.pause(this.#model.settings.workerShutdownTimeoutMs);
  }

  resume(): void {
    this.#acceptors.resume();
  }

  /** Gets what a Model needs before acceptors can serve it. Rejects with all that is missing. */
  #supply(model: Model, pool: PoolPlan): Promise<TlsMessage> {
    const running = { acceptors: this.#acceptors.all.length, processes: this.processes.length };
    return this.#supplies.gather(model, pool, running);
  }

  // Acceptors.

  get wanted(): number {
    return wantedAcceptors(this.#model);
  }

  /** Gives one acceptor what the others serve already. */
  bringUp(slot: AcceptorSlot): Promise<PrepareProblem | null> {
    return this.#queue.beside(async () => {
      const generation = ++this.#generation;
      this.#supplies.send(slot, this.#model);
      const message = this.#prepareMessage(this.#model, this.#tls, generation);
      const problem = await slot.prepare(message, this.#packed(this.#model));
      if (problem !== null) return problem;
      this.traffic.join(slot);
      slot.send({ type: 'faults', faults: this.liveView.faults() });
      const failed = await slot.commit({ type: 'commit', generation, state: this.#hub.state() });
      return failed === null ? null : { at: '', message: failed };
    });
  }

  onProblem(problem: PrepareProblem): void {
    this.#options.printProblems([problem]);
  }

  onGone(slot: AcceptorSlot): void {
    this.#hub.forget(slot.id);
    forgetPopulation(this.#shared.rotation, slot.id);
    this.traffic.forget(slot);
  }

  readonly #packs = new WeakMap<Model, PackedModel>();

  /** Made once for all acceptors, those that take the place of others too. */
  #packed(model: Model): PackedModel {
    const packed = this.#packs.get(model) ?? packModel(model);
    this.#packs.set(model, packed);
    return packed;
  }

  #prepareMessage(
    model: Model,
    tls: TlsMessage,
    generation: number,
  ): Extract<ToAcceptor, { type: 'prepare' }> {
    return {
      type: 'prepare',
      generation,
      discovery: this.#discovery(),
      tls,
      ticketKeys: this.#ticketKeys.keysFor(usesTls(model)),
      shared: sharesState(model),
      counting: countsTraffic(model),
    };
  }

  // Traffic.

  onTraffic(slot: AcceptorSlot, message: Extract<FromAcceptor, { type: 'traffic' | 'scrape' }>): void {
    this.traffic.hear(slot, message);
  }

  get acceptors(): readonly AcceptorSlot[] {
    return this.#acceptors.all.filter((slot) => slot.joined);
  }

  get surroundings(): Surroundings {
    const processes = this.processes.map(processSnapshot);
    return {
      version: VERSION,
      startedAtMs: this.#startedAtMs,
      acceptorDeaths: this.#acceptors.deaths,
      reloads: this.#reloads.snapshot,
      processes,
      programs: this.#programs.snapshot(processes),
      certificates: certificateSnapshots(this.#model, this.#tls),
    };
  }

  findLeaf(wanted: string): Promise<Leaf | null> {
    return this.#supplies.local.find(wanted);
  }

  onLog(slot: AcceptorSlot, message: Extract<FromAcceptor, { segment: number }>): void {
    if (message.type === 'log-full') this.#hub.seal(message.segment);
    else this.#hub.left(slot.id, message.segment);
  }

  // Programs and discovery.

  #createPool(): ProgramPool {
    const log = (): Log => this.log;
    const pool = new ProgramPool(this.#options.pool, {
      get log() {
        return log();
      },
      announce: () => this.#announcer.announce(),
      idle: (port, limitMs) => {
        // Each acceptor hears first that the port is down.
        this.#announcer.flush();
        return this.#acceptors.idle([port], limitMs);
      },
      inFlight: () => this.#acceptors.inFlight(),
      variablesFor: (uid) => this.#supplies.local.variablesFor(uid),
      read: (scaled) => {
        const read = this.#options.read(scaled);
        return 'errors' in read ? { errors: read.errors.map(problemText) } : read;
      },
      onOutput: this.#options.onOutput,
      controlSocket: this.#options.controlSocket,
      runs: this.#options.runs,
      reopenLogs: () => this.reopenLogs(),
      changedFiles: this.#options.changedFiles,
      shutdown: this.#options.onShutdown,
    });
    this.#pool = pool;
    this.#announcer.announce();
    return pool;
  }

  /** What is known of all requests once acceptors have gone; empty unless their lines are shown. */
  get tally(): RequestTally {
    return this.#acceptors.tally;
  }

  /** What is known of the processes now. */
  get processes(): readonly ProcessView[] {
    return this.#pool?.slots.map((slot) => slot.view) ?? [];
  }

  /** What was learned of peers and not told yet is told to the acceptors now. */
  tellAcceptors(): void {
    this.#announcer.flush();
  }

  readonly #announcer = new Announcer(() => {
    const discovery = this.#discovery();
    this.#hub.discover(discovery);
    this.#acceptors.broadcast({ type: 'discovery', discovery });
  });

  // Reload.

  #nextReload: Promise<Outcome> | null = null;

  /** Reads the configuration again and serves it, or says why not; requests that come meanwhile are served throughout. */
  reload(): Promise<Outcome> {
    // Several wishes that wait are one.
    this.#nextReload ??= this.#queue.alone(() => {
      this.#nextReload = null;
      return this.#reload();
    });
    return this.#nextReload;
  }

  async #reload(): Promise<Outcome> {
    if (this.#stopping) return { ok: false, text: 'reload refused: lbproxy is about to end' };
    const startedAt = Date.now();
    const read = this.#options.read(NONE_SCALED);
    if ('errors' in read) return this.#refuse(read.errors);
    const { model, pool } = read;
    const before = this.#model;
    const programs = this.#pool?.changes(pool) ?? NO_POOL_CHANGES;
    const problems = await this.#supply(model, pool).then(
      (tls) => this.#switch(model, pool, tls),
      problemsOf,
    );
    if (problems.length > 0) {
      this.#keepOwn();
      this.#options.printProblems(problems);
      return this.#refuse(problems);
    }
    const text = `reloaded: ${describeChanges(before, model, programs)}`;
    this.#reloads.add(true);
    this.log.notice(text, { ms: Date.now() - startedAt });
    return { ok: true, text };
  }

  #refuse(problems: readonly PrepareProblem[]): Outcome {
    const kept = 'the running configuration stays';
    this.#reloads.add(false);
    this.log.error(`reload refused: ${firstOf(problems)}; ${kept}`, { problems: problems.map(problemText) });
    const count = `${problems.length} problem${problems.length === 1 ? '' : 's'}`;
    return { ok: false, text: `reload refused: ${count}; ${kept}` };
  }

  /** Both phases. A problem of any acceptor leaves all as they were. */
  async #switch(model: Model, pool: PoolPlan, tls: TlsMessage): Promise<readonly PrepareProblem[]> {
    if (this.#stopping) return [ENDING];
    const generation = ++this.#generation;
    const slots = this.#acceptors.serving;
    const logs = this.#ownLogs(model);
    if (!(logs instanceof RuntimeLogs)) return [logs];
    const message = this.#prepareMessage(model, tls, generation);
    for (const slot of slots) this.#supplies.send(slot, model);
    const packed = this.#packed(model);
    const problems = await Promise.all(slots.map((slot) => slot.prepare(message, packed)));
    const problem = this.#stopping ? ENDING : problems.find((p) => p !== null);
    if (problem) {
      for (const slot of slots) slot.send({ type: 'discard', generation });
      this.#logFiles.discard();
      return [problem];
    }
    this.#model = model;
    this.#tls = tls;
    this.#logs = logs;
    logs.use();
    this.#logFiles.retire();
    this.traffic.use(model);
    this.#hub.use(model, this.#discovery(), sharesState(model));
    const failed = await Promise.all(
      slots.map((slot) => slot.commit({ type: 'commit', generation, state: this.#hub.place })),
    );
    for (const text of failed)
      if (text !== null) this.log.error(`an acceptor could not open all addresses: ${text}`);
    this.#keepOwn();
    await this.liveView.use();
    this.#acceptors.resize(model.settings.workerShutdownTimeoutMs);
    if (this.face.renewsAcceptors) this.#acceptors.renew(model.settings.workerShutdownTimeoutMs);
    void this.#pool?.use(pool, this.#options.roll).catch((error: unknown) => this.log.error(String(error)));
    return [];
  }

  #keepOwn(): void {
    this.#supplies.keepThoseOf(this.#model, this.#acceptors.all);
  }

  #ownLogs(model: Model): RuntimeLogs | PrepareProblem {
    try {
      return new RuntimeLogs(model, this.#logFiles);
    } catch (error) {
      this.#logFiles.discard();
      return { at: '', message: (error as Error).message };
    }
  }

  async reopenLogs(): Promise<Outcome> {
    const own = [...this.#logFiles.reopenAll(), ...(this.#pool?.reopenProgramLogs() ?? [])];
    const generation = ++this.#generation;
    const others = await Promise.all(this.#acceptors.all.map((slot) => slot.reopen(generation)));
    const problems = [...new Set([...own, ...others.flat()])];
    if (problems.length > 0) return { ok: false, text: problems.join('\n') };
    this.log.notice('logs reopened');
    return { ok: true, text: 'logs reopened' };
  }

  // Stop.

  /** Graceful: exchanges under way end first, as long as worker_shutdown_timeout lets them. Else at once. */
  stop(graceful: boolean, tell?: (text: string) => void): Promise<void> {
    if (tell !== undefined) this.#tell = tell;
    // Once it is under way it can only be hastened.
    if (this.#ending === null || !graceful) this.#ending = this.#end(graceful);
    return this.#ending;
  }

  #ending: Promise<void> | null = null;
  /** Hears what the stop waits for. */
  #tell: (text: string) => void = () => {};

  async #end(graceful: boolean): Promise<void> {
    this.#stopping = true;
    this.#acceptors.stop();
    const timeoutMs = this.#model.settings.workerShutdownTimeoutMs;
    const startedAt = Date.now();
    this.#acceptors.broadcast(graceful ? { type: 'drain', timeoutMs } : { type: 'stop' });
    this.#supplies.end(this.handedOver);
    this.#ticketKeys.stop();
    void this.liveView.close();
    const limitMs = graceful ? (timeoutMs > 0 ? timeoutMs + 2000 : 0) : 2000;
    const leftMs = (): number | null => (timeoutMs > 0 ? startedAt + timeoutMs - Date.now() : null);
    await this.#telling(
      () =>
        drainText(
          this.#acceptors.all.map((slot) => slot.waits),
          leftMs(),
        ),
      this.#acceptors.gone(limitMs),
    );
    // The apps go last: until now they had requests to answer.
    await this.#telling(() => programsText(this.processes), this.#pool?.stop());
  }

  /** Says what is waited for while it is. */
  async #telling(text: () => string | null, awaited: Promise<void> | undefined): Promise<void> {
    const stopTelling = tellWhile(text, (what) => {
      this.log.notice(what);
      this.#tell(what);
    });
    await awaited;
    stopTelling();
  }
}

const NONE_SCALED: ReadonlyMap<string, number> = new Map();
const NO_POOL_CHANGES: PoolChanges = { started: [], stopped: [], replaced: [] };

/** Why nothing is changed any more. */
const ENDING: PrepareProblem = { at: '', message: 'lbproxy is about to end' };
