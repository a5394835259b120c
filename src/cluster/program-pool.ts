// The primary's programs: the supervisor with all that it needs (outputs, events, shared sockets, ways to become ready), what the
// balancer has to know of their ports, and the face that control servers see.
// Past 300 lines: the face is long, and each of its commands is a line or two to the same parts.
import type { ProcessPort } from '../balance/process-port.ts';
import type { Log } from '../observe/error-log.ts';
import { type ControlPlan, ControlServer } from '../supervise/control/control-server.ts';
import type { PoolFace, ProcessHandle, Progress, Reread } from '../supervise/control/face.ts';
import { EventHub } from '../supervise/events/event-hub.ts';
import { LazyNotify } from '../supervise/lazy-notify.ts';
import { endLeftovers, findLeftovers, forgetRun, leftoverText, recordRun } from '../supervise/leftovers.ts';
import { ProgramLogs } from '../supervise/logs/program-logs.ts';
import { MainLog } from '../supervise/main-log.ts';
import type { OutputLine } from '../supervise/output.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import type { PoolChanges } from '../supervise/pool-changes.ts';
import { ProcessOutput } from '../supervise/process-output.ts';
import { SharedSockets } from '../supervise/shared-sockets.ts';
import type { Slot } from '../supervise/slot.ts';
import type { StateChange } from '../supervise/slot-host.ts';
import { refusalOf } from '../supervise/start-words.ts';
import { Supervisor } from '../supervise/supervisor.ts';
import { PoolUpkeep } from '../supervise/upkeep/pool-upkeep.ts';
import { VERSION } from '../version.ts';
import type { DrainWaits } from './messages.ts';

/** What the pool needs of the primary. */
export interface PoolHome {
  readonly log: Log;
  /** A port of a process came or went. */
  announce(): void;
  /** Resolves when no request is under way on the port, in any acceptor, at the latest after `limitMs`. */
  idle(port: number, limitMs: number): Promise<unknown>;
  /** Under way by port. */
  inFlight(): Promise<Readonly<Record<number, DrainWaits>>>;
  /** Reads the configuration again; programs of `scaled` have so many processes. */
  read(
    scaled: ReadonlyMap<string, number>,
  ): { readonly pool: PoolPlan } | { readonly errors: readonly string[] };
  /** Added to the environment of programs of this user (null: our own), where they do not set it. */
  variablesFor(uid: number | null): Readonly<Record<string, string>>;
  onOutput(line: OutputLine): void;
  /** Path of lbproxy's own control socket; null for none. */
  readonly controlSocket: string | null;
  /** Where the runs of this configuration are recorded; null for nowhere. */
  readonly runs: { readonly directory: string; readonly name: string } | null;
  reopenLogs(): Promise<Progress>;
  changedFiles(): readonly string[];
  shutdown(): void;
}

export class ProgramPool implements PoolFace {
  readonly #home: PoolHome;
  readonly #supervisor: Supervisor;
  readonly #logs: ProgramLogs;
  readonly #mainLog: MainLog;
  readonly #events: EventHub;
  readonly #sockets = new SharedSockets();
  readonly #notify: LazyNotify;
  readonly #upkeep: PoolUpkeep;
  readonly #control: ControlServer;
  #programs: Readonly<Record<string, readonly ProcessPort[]>> = {};
  #inFlight: Readonly<Record<number, DrainWaits>> = {};
  #restarting = false;
  /** This run is written down. */
  #recorded = false;
  #stopping = false;

  constructor(pool: PoolPlan, home: PoolHome) {
    this.#home = home;
    const { identifier, childLogDirectory } = pool;
    this.#logs = new ProgramLogs({
      childLogDirectory,
      identifier,
      print: home.onOutput,
      report: (message) => home.log.warn(message),
    });
    if (!pool.keepsOldAutoLogs) this.#logs.cleanAutoLogs();
    this.#mainLog = new MainLog(this.#logs, pool);
    this.#events = new EventHub({ identifier, log: (level, message) => home.log[level](message) });
    this.#notify = new LazyNotify((message) => home.log.warn(message));
    this.#upkeep = new PoolUpkeep({
      restart: (slots, why) => this.#onUpkeep(slots, why),
      warn: (message) => home.log.warn(message),
    });
    this.#control = new ControlServer({
      pool: this,
      version: VERSION,
      report: (message) => home.log.warn(message),
    });
    const places = { logs: this.#logs, events: this.#events, print: home.onOutput };
    this.#supervisor = new Supervisor({
      pool,
      log: (level, message, fields) =>
        home.log[level](message, fields as Record<string, unknown> | undefined),
      output: (slot) => new ProcessOutput(slot.spec, places),
      ready: { notify: this.#notify },
      onPeers: (program, ports) => {
        this.#programs = { ...this.#programs, [program]: ports };
        home.announce();
      },
      drain: (port, limitMs) => home.idle(port, limitMs),
      variablesFor: (uid) => home.variablesFor(uid),
      onState: (change) => this.#onState(change),
      onLaunch: (slot, pid) => this.#mainLog.launched(slot, pid),
      onGroups: (groups, change) => {
        this.#events.use(groups);
        if (change !== null) this.#events.groupChanged(change.what, change.name);
      },
      stdin: (slot) => this.#sockets.stdinOf(slot, this.#supervisor.groupOf(slot)?.socket ?? null),
    });
    this.#supervisor.announceAll();
  }

  // For the primary.

  /** Program → its ports in order. */
  get ports(): Readonly<Record<string, readonly ProcessPort[]>> {
    return this.#programs;
  }

  get slots(): readonly Slot[] {
    return this.#supervisor.slots;
  }

  /**
   * Ends what an earlier run left, and opens the control servers. Rejects with the reason where one that the configuration names cannot be
   * opened; without lbproxy's own socket `ctl` cannot reach it, which is told.
   */
  async open(): Promise<void> {
    await this.#endLeftovers();
    const own = this.#ownServer();
    try {
      await this.#control.open(own);
    } catch (error) {
      this.#home.log.warn(`lbproxy ctl cannot reach this lbproxy: ${(error as Error).message}`);
    }
    await this.#control.reload(this.#servers(this.#supervisor.configured));
  }

  #ownServer(): ControlPlan[] {
    const { controlSocket } = this.#home;
    if (controlSocket === null) return [];
    const address = { kind: 'unix', path: controlSocket, mode: 0o600, uid: null, gid: null } as const;
    return [{ plan: { address, login: null, at: '' }, own: true }];
  }

  #servers(pool: PoolPlan): ControlPlan[] {
    const own = this.#control.isOpen ? this.#ownServer() : [];
    return [...own, ...pool.controlServers.map((plan) => ({ plan, own: false }))];
  }

  async #endLeftovers(): Promise<void> {
    const { runs, log } = this.#home;
    if (runs === null) return;
    const found = findLeftovers(runs.directory, runs.name);
    for (const one of found) log.warn(`an earlier run left ${leftoverText(one)}: it is ended`);
    for (const one of await endLeftovers(found)) log.error(`${leftoverText(one)} is still there`);
    if (this.slots.length > 0) this.#recordRun(runs);
  }

  #recordRun({ directory, name }: NonNullable<PoolHome['runs']>): void {
    try {
      recordRun(directory, name, this.#supervisor.mark);
      this.#recorded = true;
    } catch (error) {
      this.#home.log.warn(
        `the next start will not find what this run may leave: ${(error as Error).message}`,
      );
    }
  }

  start(): void {
    for (const { plan } of this.#supervisor.groups) this.#events.groupChanged('ADDED', plan.name);
    this.#events.supervisorState('RUNNING');
    this.#mainLog.write('info', `supervisord started with pid ${process.pid}`);
    this.#supervisor.start();
    this.#upkeep.use(this.slots);
  }

  /** Waits for a change of the pool; what watches its processes follows. */
  async #changed<T>(change: Promise<T>): Promise<T> {
    const done = await change;
    if (this.#stopping) return done;
    const { runs } = this.#home;
    if (runs !== null && !this.#recorded && this.slots.length > 0) this.#recordRun(runs);
    this.#mainLog.use(this.#supervisor.configured);
    this.#upkeep.use(this.slots);
    await this.#control.reload(this.#servers(this.#supervisor.configured)).catch((error: unknown) => {
      this.#home.log.error(`a control server stays as it was: ${(error as Error).message}`);
    });
    return done;
  }

  #onUpkeep(slots: readonly Slot[], why: string): void {
    if (this.#stopping) return;
    this.#home.log.notice(why);
    this.#supervisor.restartOnce(slots);
  }

  changes(pool: PoolPlan): PoolChanges {
    return this.#supervisor.changes(pool);
  }

  /** Goes over to another configuration; with `roll` what it does not change starts anew as well. */
  async use(pool: PoolPlan, roll = false): Promise<Progress> {
    const before = new Map(this.slots.map((slot) => [slot, slot.launches]));
    const done = await this.#changed(this.#supervisor.update(pool));
    if (!roll || !done.ok) return done;
    const left = this.slots.filter((slot) => slot.pid !== 0 && slot.launches === before.get(slot));
    return this.#supervisor.restart(left, () => {});
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#upkeep.close();
    this.#events.supervisorState('STOPPING');
    await this.#supervisor.stop();
    const { runs } = this.#home;
    if (runs !== null && this.#recorded) forgetRun(runs.directory, runs.name, this.#supervisor.mark);
    await this.#control.close();
    this.#events.close();
    this.#sockets.close();
    await this.#notify.close();
    await this.#logs.flushAll(FLUSH_MS);
    this.#logs.closeAll();
  }

  #onState(change: StateChange<Slot>): void {
    const { slot, from, to, pid, tries, expected } = change;
    const { group, launch } = slot.spec;
    this.#upkeep.onState(change);
    this.#mainLog.onState(change);
    this.#events.processState({ group, name: launch.name, from, to, pid, tries, expected });
    if (to === 'STOPPED' || to === 'FATAL' || (to === 'EXITED' && !slot.willRestart))
      this.#sockets.release(slot);
  }

  // For control servers.

  get identifier(): string {
    return this.#supervisor.configured.identifier;
  }

  get state(): PoolFace['state'] {
    return this.#stopping ? 'SHUTDOWN' : this.#restarting ? 'RESTARTING' : 'RUNNING';
  }

  get mainLog(): string | null {
    return this.#supervisor.configured.logFile;
  }

  clearMainLog(): Promise<void> {
    return this.#mainLog.clear();
  }

  groups(): ReturnType<PoolFace['groups']> {
    return this.#supervisor.groups.map(({ plan, slots }) => ({
      plan,
      processes: slots.map((slot) => this.#handle(slot)),
    }));
  }

  configured(): ReturnType<PoolFace['configured']> {
    const running = new Set(this.#supervisor.groups.map(({ plan }) => plan.name));
    const plans = this.#supervisor.configured.groups.toSorted(
      (a, b) => a.priority - b.priority || byName(a, b),
    );
    return plans.map((plan) => ({
      plan,
      inUse: running.has(plan.name),
      written: (process) => process.written,
    }));
  }

  reread(): Promise<Reread> {
    return this.#read(NONE_SCALED).then((pool) => this.#supervisor.reread(pool));
  }

  async #read(scaled: ReadonlyMap<string, number>): Promise<PoolPlan> {
    const read = this.#home.read(scaled);
    if ('errors' in read) throw new Error(read.errors.join('\n'));
    return read.pool;
  }

  addGroup(name: string): boolean {
    const added = this.#supervisor.addGroup(name);
    this.#upkeep.use(this.slots);
    return added;
  }

  removeGroup(name: string): boolean {
    const removed = this.#supervisor.removeGroup(name);
    this.#upkeep.use(this.slots);
    return removed;
  }

  async update(names: readonly string[], tell: (line: string) => void): Promise<Progress> {
    const pool = await this.#read(NONE_SCALED);
    const known = new Set([...this.#supervisor.groups.map(({ plan }) => plan.name), ...namesOf(pool)]);
    const unknown = names.filter((name) => !known.has(name));
    for (const name of unknown) tell(`ERROR: no such group: ${name}`);
    if (unknown.length > 0 && unknown.length === names.length) return { ok: false, text: '' };
    const done = await this.#changed(this.#supervisor.update(pool, names.length === 0 ? null : names, tell));
    return unknown.length === 0 ? done : { ...done, ok: false };
  }

  restart(processes: readonly ProcessHandle[], tell: (line: string) => void): Promise<Progress> {
    return this.#supervisor.restart(this.#slotsOf(processes), tell);
  }

  async scale(program: string, count: number, tell: (line: string) => void): Promise<Progress> {
    const pool = await this.#read(new Map([[program, count]]));
    const groups = pool.groups.filter(({ processes }) => processes.some((spec) => spec.program === program));
    if (groups.length === 0 && count > 0) return { ok: false, text: `there is no program ${program}` };
    const names = groups.map(({ name }) => name);
    return this.#changed(this.#supervisor.update(pool, names, tell));
  }

  async drain({ view }: ProcessHandle, on: boolean): Promise<Progress> {
    const slot = this.#supervisor.slotOf(view.group, view.name);
    if (slot === undefined) return { ok: false, text: `${view.group}:${view.name}: ERROR (no such process)` };
    slot.drained = on;
    const { port, drainLimitMs } = slot.spec.policy;
    if (!on || port === null) return { ok: true, text: '' };
    await this.#home.idle(port, drainLimitMs);
    return { ok: true, text: '' };
  }

  remoteEvent(type: string, data: string): void {
    this.#events.remote(type, data);
  }

  changedFiles(): readonly string[] {
    return this.#home.changedFiles();
  }

  /** Those of the programs alone; gives what did not open. */
  reopenProgramLogs(): string[] {
    return this.#logs.reopenAll();
  }

  reopenLogs(): Promise<Progress> {
    return this.#home.reopenLogs();
  }

  shutdown(): void {
    this.#home.shutdown();
  }

  restartAll(): void {
    if (this.#restarting || this.#stopping) return;
    this.#restarting = true;
    void this.#restartAll().finally(() => {
      this.#restarting = false;
    });
  }

  async #restartAll(): Promise<void> {
    await this.#supervisor.stopAll(this.#supervisor.slots);
    if (this.#stopping) return;
    this.#supervisor.renew();
    try {
      const read = this.#home.read(NONE_SCALED);
      // Its problems were printed; what ran before runs again.
      if ('pool' in read) await this.use(read.pool);
    } finally {
      this.#supervisor.start();
    }
  }

  async countInFlight(): Promise<void> {
    this.#inFlight = await this.#home.inFlight();
  }

  #slotsOf(processes: readonly ProcessHandle[]): readonly Slot[] {
    return processes.flatMap(({ view }) => this.#supervisor.slotOf(view.group, view.name) ?? []);
  }

  #handle(slot: Slot): ProcessHandle {
    const inFlight = this.#inFlight;
    return {
      get view() {
        const { view } = slot;
        return { ...view, inFlight: view.port === null ? null : underWay(inFlight[view.port]) };
      },
      whyNoCommand: () => refusalOf(slot.spec.launch, process.env),
      start: () => slot.dispatch({ type: 'start' }),
      stop: () => slot.dispatch({ type: 'stop' }),
      signal: (signal) => slot.signal(signal),
      write: (data) => slot.write(data),
      clearLogs: () => slot.output.clear(),
      until: (reached, withinMs) => slot.until(reached, withinMs),
    };
  }
}

const namesOf = (pool: PoolPlan): readonly string[] => pool.groups.map(({ name }) => name);

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function underWay(waits: DrainWaits | undefined): number {
  return waits === undefined ? 0 : waits.exchanges + waits.tunnels;
}

/** For what the programs said last. */
const FLUSH_MS = 2000;
const NONE_SCALED: ReadonlyMap<string, number> = new Map();
