// All groups of processes: starts, replaces and stops them, and tells the balancer which ports accept. Lives in the primary.
import { type Clock, systemClock } from '../shared/clock.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { Progress, Reread } from './control/face.ts';
import type { GroupPlan, PoolPlan, ProcessSpec } from './plan.ts';
import { changesOf, needsRestart, type PoolChanges, slotKey } from './pool-changes.ts';
import type { ReadySources } from './ready-probe.ts';
import { Rollout } from './rollout.ts';
import { type GroupEvents, RunningGroups } from './running-groups.ts';
import type { Slot } from './slot.ts';
import type { Log, SlotHost, SlotOutput, StateChange } from './slot-host.ts';
import { PipeSource } from './stdio-pipes.ts';
import { Watchdog } from './watchdog.ts';

export interface SupervisorOptions extends GroupEvents {
  readonly pool: PoolPlan;
  readonly log: Log;
  /** Takes what a process writes. */
  output(slot: Slot): SlotOutput;
  readonly ready: ReadySources;
  /** Resolves when no request is under way on a port that was told to be down, at the latest after `limitMs`. */
  drain(port: number, limitMs: number): Promise<unknown>;
  onState(change: StateChange<Slot>): void;
  /** A process has been started. */
  onLaunch(slot: Slot, pid: number): void;
  /** A descriptor that becomes a process's stdin; null for a pipe. Rejects with the reason. */
  stdin(slot: Slot): Promise<number | null>;
  /** Added to the environment of processes of this user (null: our own), where the program does not set it. */
  variablesFor?(uid: number | null): Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/** Programs that others depend on may take long, but nothing is waited for without an end. */
const DEPENDENCY_LIMIT_MS = 24 * 3600 * 1000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #host: SlotHost<Slot>;
  readonly #groups: RunningGroups;
  /** As it was read last; its groups need not run. */
  #configured: PoolPlan;
  #updates: Promise<unknown> = Promise.resolve();
  /** The latest update that waits for its turn. */
  #next: { readonly pool: PoolPlan; readonly names: readonly string[] | null } | null = null;
  /** They wait for their turn to start anew. */
  readonly #due = new Set<Slot>();
  #stopping = false;

  /** Nothing runs before `start`. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#configured = options.pool;
    const watchdog = new Watchdog((message) => options.log('warn', message));
    this.#host = {
      clock: options.clock ?? systemClock,
      watchdog,
      pipes: new PipeSource((directory) => watchdog.tidy(directory)),
      log: options.log,
      ready: options.ready,
      output: (slot) => options.output(slot),
      announce: (slot) => this.#groups.announce(slot.spec.program),
      drain: ({ policy }) =>
        policy.port === null ? Promise.resolve() : drained(options, policy.port, policy.drainLimitMs),
      dependencies: (spec) => this.#dependencies(spec),
      awaited: (spec) => [...new Set(this.#awaitedBy(spec).map((slot) => slot.spec.program))],
      stdin: (slot) => options.stdin(slot),
      variablesFor: (uid) => options.variablesFor?.(uid) ?? {},
      onState: (change) => options.onState(change),
      onLaunch: (slot, pid) => options.onLaunch(slot, pid),
    };
    this.#groups = new RunningGroups(options.pool.groups, this.#host, options);
  }

  /** Those that run, in the order of their priority. */
  get groups(): RunningGroups['all'] {
    return this.#groups.all;
  }

  get slots(): readonly Slot[] {
    return this.#groups.slots;
  }

  groupOf(slot: Slot): GroupPlan | undefined {
    return this.#groups.get(slot.spec.group)?.plan;
  }

  slotOf(group: string, name: string): Slot | undefined {
    return this.#groups.slotOf(group, name);
  }

  /** Of all that this run starts (mark.ts). */
  get mark(): string {
    return this.#host.watchdog.mark;
  }

  get configured(): PoolPlan {
    return this.#configured;
  }

  /** Tells of all ports, which are down and coming: for those who have to know of them before the start. */
  announceAll(): void {
    for (const slot of this.slots) slot.awaitsStart = slot.spec.policy.autostart;
    for (const program of new Set(this.slots.map((slot) => slot.spec.program)))
      this.#groups.announce(program);
  }

  /** Starts what is to start by itself, in the order of priority; does not wait for any. */
  start(): void {
    this.#startAll(this.slots);
  }

  #startAll(slots: readonly Slot[]): void {
    if (this.#stopping) return;
    for (const slot of slots) slot.openOutput();
    const inOrder = [...slots].sort((a, b) => a.spec.policy.priority - b.spec.policy.priority);
    for (const slot of inOrder) if (slot.spec.policy.autostart) slot.dispatch({ type: 'start' });
  }

  // Changes of the configuration.

  /** What `update` would do, by the names of the processes. */
  changes(pool: PoolPlan): PoolChanges {
    const specs = this.slots.map((slot) => slot.spec);
    return changesOf(specs, pool);
  }

  /** Takes note of a configuration that was read; nothing is started or stopped. What restarts nothing holds at once. */
  reread(pool: PoolPlan): Reread {
    this.#configured = pool;
    return this.#groups.reread(pool);
  }

  /**
   * Goes over to a configuration, or, of it, to these groups. A process whose launch is the same keeps running. Removed ones stop, new ones
   * start, and changed ones that serve are replaced one after the other, each when the one before serves. If one does not, the rest keep
   * running as they are.
   */
  update(
    pool: PoolPlan,
    names: readonly string[] | null = null,
    tell: (line: string) => void = ignore,
  ): Promise<Progress> {
    const next = { pool, names };
    this.#next = next;
    for (const slot of this.slots) slot.lookAgain();
    return this.#queue(() => {
      if (this.#next === next) this.#next = null;
      return this.#told(this.#update(pool, names, tell));
    });
  }

  /** The update that waits makes another process of it, or none. */
  #isOutdated({ spec }: Slot): boolean {
    if (this.#next === null) return false;
    const { pool, names } = this.#next;
    if (names !== null && !names.includes(spec.group)) return false;
    const group = pool.groups.find(({ name }) => name === spec.group);
    const wanted = group?.processes.find((one) => slotKey(one) === slotKey(spec));
    return wanted === undefined || needsRestart(spec, wanted);
  }

  /** Starts processes anew, one after the other. */
  restart(slots: readonly Slot[], tell: (line: string) => void): Promise<Progress> {
    // Some may be gone when their turn has come.
    const present = (): readonly Slot[] => slots.filter((slot) => this.slots.includes(slot));
    return this.#queue(() => this.#told(this.#rollout(tell).restart(present())));
  }

  /** The same for a reason that may come again before its turn has: then they are started anew once. */
  restartOnce(slots: readonly Slot[]): void {
    const isQueued = this.#due.size > 0;
    for (const slot of slots) this.#due.add(slot);
    if (isQueued) return;
    void this.#queue(() => {
      const due = [...this.#due];
      this.#due.clear();
      return this.#told(this.#rollout(ignore).restart(due));
    });
  }

  /** What failed is told to the log, too: nobody may wait for it. */
  async #told(progress: Promise<Progress>): Promise<Progress> {
    const done = await progress;
    if (!done.ok && !this.#stopping) this.#options.log('error', done.text);
    return done;
  }

  #queue<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#updates.then(task);
    this.#updates = done.catch(() => undefined);
    return done;
  }

  #rollout(tell: (line: string) => void): Rollout {
    return new Rollout({
      stop: (slot) => this.#groups.stopSlot(slot),
      announce: (slot) => this.#groups.announce(slot.spec.program),
      isStopping: () => this.#stopping,
      isOutdated: (slot) => this.#isOutdated(slot),
      tell,
    });
  }

  async #update(
    pool: PoolPlan,
    names: readonly string[] | null,
    tell: (line: string) => void,
  ): Promise<Progress> {
    if (this.#stopping) return { ok: false, text: 'lbproxy is about to end' };
    this.#configured = pool;
    const isMeant = (name: string): boolean => names === null || names.includes(name);
    const plans = new Map(pool.groups.filter(({ name }) => isMeant(name)).map((plan) => [plan.name, plan]));
    const gone = this.#groups.names.filter((name) => isMeant(name) && !plans.has(name));
    await Promise.all(gone.map((name) => this.#groups.remove(name)));
    for (const name of gone) tell(`${name}: removed process group`);
    const changed = new Map<Slot, ProcessSpec>();
    const added: Slot[] = [];
    for (const [name, plan] of plans) {
      const running = this.#groups.get(name);
      if (running === undefined) {
        added.push(...this.#groups.add(plan, !this.#stopping));
        tell(`${name}: added process group`);
      } else {
        await this.#groups.update(running, plan, { changed, added, tell });
      }
    }
    this.#startAll(added);
    return this.#rollout(tell).replace(changed);
  }

  /** A group of the configuration that does not run yet; false when it runs. */
  addGroup(name: string): boolean {
    if (this.#groups.get(name) !== undefined) return false;
    const plan = this.#configured.groups.find((group) => group.name === name);
    if (plan === undefined) throw new Error(`there is no group ${name} in the configuration`);
    this.#startAll(this.#groups.add(plan, !this.#stopping));
    return true;
  }

  /** False while some of its processes run. */
  removeGroup(name: string): boolean {
    return this.#groups.removeEnded(name);
  }

  /** Stops these side by side within a priority, those with the highest number first. Resolves when all are gone. */
  stopAll(slots: readonly Slot[]): Promise<void> {
    return this.#groups.stopAll(slots);
  }

  /** All are stopped (`stopAll`), and it is as if none had run yet. */
  renew(): void {
    this.#groups.renew();
  }

  // Stopping.

  /**
   * Stops everything, and then what programs had put outside their groups; resolves when all is gone, at the latest a little after the
   * longest stopwaitsecs of each priority.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const slot of this.slots) slot.retire();
    await this.#groups.stopAll(this.slots);
    await this.#host.watchdog.close();
    this.#host.pipes.close();
    for (const slot of this.slots) slot.close();
  }

  async #dependencies(spec: ProcessSpec): Promise<void> {
    // An update may have made others of them meanwhile.
    for (let [first] = this.#awaitedBy(spec); first !== undefined; [first] = this.#awaitedBy(spec)) {
      const awaited = first;
      await awaited.until(() => isMet(awaited) || awaited.isClosed, DEPENDENCY_LIMIT_MS);
    }
  }

  #awaitedBy({ policy }: ProcessSpec): readonly Slot[] {
    return this.slots.filter(
      (slot) => policy.dependsOn.includes(slot.spec.program) && !isMet(slot) && !slot.isClosed,
    );
  }
}

/** A job has to have ended well; everything else has to serve. */
function isMet(slot: Slot): boolean {
  const { autorestart, ready } = slot.spec.policy;
  const isJob = autorestart === false && ready.by === 'running';
  return slot.isDone || (slot.serves && !isJob);
}

const ignore = (): void => undefined;

/** A drain that cannot be asked for is over. */
async function drained(options: SupervisorOptions, port: number, limitMs: number): Promise<void> {
  try {
    await options.drain(port, limitMs);
  } catch (error) {
    rethrowLater(error);
  }
}
