// All groups of processes: starts, replaces and stops them, and tells the balancer which ports accept. Lives in the primary.
import { isDeepStrictEqual } from 'node:util';
import type { ProcessPort } from '../balance/process-port.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { Progress, Reread } from './control/face.ts';
import type { GroupPlan, PoolPlan, ProcessSpec } from './plan.ts';
import { changesOf, needsRestart, type PoolChanges, slotKey } from './pool-changes.ts';
import type { ReadySources } from './ready-probe.ts';
import { nameOf, Rollout } from './rollout.ts';
import { Slot } from './slot.ts';
import type { Log, SlotHost, SlotOutput, StateChange } from './slot-host.ts';
import { PipeSource } from './stdio-pipes.ts';
import { Watchdog } from './watchdog.ts';

export interface GroupChange {
  readonly what: 'ADDED' | 'REMOVED';
  readonly name: string;
}

export interface SupervisorOptions {
  readonly pool: PoolPlan;
  readonly log: Log;
  /** Takes what a process writes. */
  output(slot: Slot): SlotOutput;
  readonly ready: ReadySources;
  /**
   * All ports of a program in their order, each time something of one of them changes: at start (all down), as soon as a process is ready,
   * when it exits, and before one that is to stop gets its signal.
   */
  onPeers(program: string, ports: readonly ProcessPort[]): void;
  /** Resolves when no request is under way on a port that was told to be down, at the latest after `limitMs`. */
  drain(port: number, limitMs: number): Promise<unknown>;
  onState(change: StateChange): void;
  /** A process has been started. */
  onLaunch(slot: Slot, pid: number): void;
  /** The groups that run, at the start and when one came or went. */
  onGroups(groups: readonly GroupPlan[], change: GroupChange | null): void;
  /** A descriptor that becomes a process's stdin; null for a pipe. Rejects with the reason. */
  stdin(slot: Slot): Promise<number | null>;
  readonly clock?: Clock;
}

/** Beyond stopwaitsecs: for SIGKILL to work and the group to be seen gone. */
const KILL_MARGIN_MS = 3000;
const STOP_TRIES = 3;
/** Programs that others depend on may take long, but nothing is waited for without an end. */
const DEPENDENCY_LIMIT_MS = 24 * 3600 * 1000;

interface RunningGroup {
  plan: GroupPlan;
  slots: Slot[];
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #host: SlotHost;
  readonly #groups = new Map<string, RunningGroup>();
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
      announce: (slot) => this.#announce(slot.spec.program),
      drain: ({ policy }) =>
        policy.port === null ? Promise.resolve() : drained(options, policy.port, policy.drainLimitMs),
      dependencies: (spec) => this.#dependencies(spec),
      awaited: (spec) => [...new Set(this.#awaitedBy(spec).map((slot) => slot.spec.program))],
      stdin: (slot) => options.stdin(slot),
      onState: (change) => options.onState(change),
      onLaunch: (slot, pid) => options.onLaunch(slot, pid),
    };
    for (const plan of options.pool.groups)
      this.#groups.set(plan.name, { plan, slots: plan.processes.map((spec) => new Slot(spec, this.#host)) });
    this.#tellGroups(null);
  }

  #tellGroups(change: GroupChange | null): void {
    this.#options.onGroups(
      [...this.#groups.values()].map(({ plan }) => plan),
      change,
    );
  }

  groupOf(slot: Slot): GroupPlan | undefined {
    return this.#groups.get(slot.spec.group)?.plan;
  }

  /** Of all that this run starts (mark.ts). */
  get mark(): string {
    return this.#host.watchdog.mark;
  }

  /** Groups that run, in the order of their priority. */
  get groups(): readonly Readonly<RunningGroup>[] {
    return [...this.#groups.values()].sort(
      (a, b) => a.plan.priority - b.plan.priority || (a.plan.name < b.plan.name ? -1 : 1),
    );
  }

  get slots(): readonly Slot[] {
    return this.groups.flatMap((group) => group.slots);
  }

  get configured(): PoolPlan {
    return this.#configured;
  }

  slotOf(group: string, name: string): Slot | undefined {
    return this.#groups.get(group)?.slots.find((slot) => slot.spec.launch.name === name);
  }

  /** Tells of all ports, which are down and coming: for those who have to know of them before the start. */
  announceAll(): void {
    for (const slot of this.slots) slot.awaitsStart = slot.spec.policy.autostart;
    for (const program of new Set(this.slots.map((slot) => slot.spec.program))) this.#announce(program);
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

  /** All are stopped (`stopAll`), and it is as if none had run yet. One that did not end stays what it is. */
  renew(): void {
    for (const group of this.#groups.values())
      group.slots = group.slots.map((slot) => {
        if (!ENDED.has(slot.state)) return slot;
        slot.close();
        return new Slot(slot.spec, this.#host);
      });
  }

  // Changes of the configuration.

  /** What `update` would do, by the names of the processes. */
  changes(pool: PoolPlan): PoolChanges {
    return changesOf(this.#specs(), pool);
  }

  /** Takes note of a configuration that was read; nothing is started or stopped. What restarts nothing holds at once. */
  reread(pool: PoolPlan): Reread {
    const before = this.#groups;
    const plans = new Map(pool.groups.map((plan) => [plan.name, plan]));
    const added = [...plans.keys()].filter((name) => !before.has(name));
    const removed = [...before.keys()].filter((name) => !plans.has(name));
    const changed: string[] = [];
    for (const [name, plan] of plans) {
      const running = before.get(name);
      if (running !== undefined && !this.#takeOver(running, plan)) changed.push(name);
    }
    this.#configured = pool;
    return { added, changed, removed };
  }

  /** Takes over what restarts nothing; false where a process would have to be started anew, come, or go. */
  #takeOver(running: RunningGroup, plan: GroupPlan): boolean {
    const wanted = new Map(plan.processes.map((spec) => [slotKey(spec), spec]));
    let same =
      wanted.size === running.slots.length &&
      isDeepStrictEqual(plan.listener, running.plan.listener) &&
      isDeepStrictEqual(plan.socket, running.plan.socket);
    for (const slot of running.slots) {
      const spec = wanted.get(slotKey(slot.spec));
      if (spec === undefined || needsRestart(slot.spec, spec)) same = false;
      else slot.use(spec);
    }
    if (same) running.plan = plan;
    return same;
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
      stop: (slot) => this.stopSlot(slot),
      announce: (slot) => this.#announce(slot.spec.program),
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
    const gone = [...this.#groups.keys()].filter((name) => isMeant(name) && !plans.has(name));
    await Promise.all(gone.map((name) => this.#removeGroup(name)));
    for (const name of gone) tell(`${name}: removed process group`);
    const changed = new Map<Slot, ProcessSpec>();
    const added: Slot[] = [];
    for (const [name, plan] of plans) {
      const running = this.#groups.get(name);
      if (running === undefined) {
        added.push(...this.#addGroup(plan));
        tell(`${name}: added process group`);
      } else {
        await this.#updateGroup(running, plan, { changed, added, tell });
      }
    }
    this.#startAll(added);
    return this.#rollout(tell).replace(changed);
  }

  async #updateGroup(
    running: RunningGroup,
    plan: GroupPlan,
    found: {
      readonly changed: Map<Slot, ProcessSpec>;
      readonly added: Slot[];
      readonly tell: (line: string) => void;
    },
  ): Promise<void> {
    const wanted = new Map(plan.processes.map((spec) => [slotKey(spec), spec]));
    const kept: Slot[] = [];
    const gone: Slot[] = [];
    for (const slot of running.slots) {
      const spec = wanted.get(slotKey(slot.spec));
      if (spec === undefined) gone.push(slot);
      else kept.push(slot);
      if (spec === undefined) continue;
      if (needsRestart(slot.spec, spec)) found.changed.set(slot, spec);
      else slot.use(spec);
    }
    await Promise.all(gone.map((slot) => this.#giveUp(slot)));
    for (const slot of gone) found.tell(`${nameOf(slot)}: removed`);
    const byKey = new Map(kept.map((slot) => [slotKey(slot.spec), slot]));
    const fresh: Slot[] = [];
    running.plan = plan;
    this.#tellGroups(null);
    running.slots = plan.processes.map((spec) => {
      const slot = byKey.get(slotKey(spec));
      if (slot !== undefined) return slot;
      const added = new Slot(spec, this.#host);
      fresh.push(added);
      return added;
    });
    found.added.push(...fresh);
    for (const slot of fresh) found.tell(`${nameOf(slot)}: added`);
    for (const program of new Set([...gone, ...fresh].map((slot) => slot.spec.program)))
      this.#announce(program);
  }

  /** A group of the configuration that does not run yet; false when it runs. */
  addGroup(name: string): boolean {
    if (this.#groups.has(name)) return false;
    const plan = this.#configured.groups.find((group) => group.name === name);
    if (plan === undefined) throw new Error(`there is no group ${name} in the configuration`);
    this.#startAll(this.#addGroup(plan));
    return true;
  }

  /** False while some of its processes run. */
  removeGroup(name: string): boolean {
    const group = this.#groups.get(name);
    if (group === undefined) throw new Error(`there is no group ${name}`);
    if (group.slots.some((slot) => !ENDED.has(slot.state))) return false;
    void this.#removeGroup(name);
    return true;
  }

  #addGroup(plan: GroupPlan): readonly Slot[] {
    const slots = plan.processes.map((spec) => new Slot(spec, this.#host));
    this.#groups.set(plan.name, { plan, slots });
    this.#tellGroups({ what: 'ADDED', name: plan.name });
    if (!this.#stopping) for (const { spec } of slots) this.#announce(spec.program);
    return slots;
  }

  async #removeGroup(name: string): Promise<void> {
    const group = this.#groups.get(name);
    if (group === undefined) return;
    if (group.slots.every((slot) => ENDED.has(slot.state))) this.#groups.delete(name);
    await Promise.all(group.slots.map((slot) => this.#giveUp(slot)));
    if (this.#groups.get(name) === group) this.#groups.delete(name);
    this.#tellGroups({ what: 'REMOVED', name });
    for (const program of new Set(group.slots.map((slot) => slot.spec.program))) this.#announce(program);
  }

  async #giveUp(slot: Slot): Promise<void> {
    slot.retire();
    await this.stopSlot(slot);
    slot.close();
  }

  // Stopping.

  async stopSlot(slot: Slot): Promise<void> {
    const { drainLimitMs, stopWaitMs } = slot.spec.policy;
    // Somebody else may have it started again meanwhile: then it is stopped again.
    for (let tries = 0; tries < STOP_TRIES && slot.state !== 'STOPPED'; tries++) {
      slot.dispatch({ type: 'stop' });
      const limitMs = drainLimitMs + stopWaitMs + KILL_MARGIN_MS;
      if (!(await slot.until(() => slot.state !== 'STOPPING', limitMs))) return;
    }
  }

  /** Stops these side by side within a priority, those with the highest number first. Resolves when all are gone. */
  async stopAll(slots: readonly Slot[]): Promise<void> {
    const levels = Map.groupBy(slots, (slot) => this.#levelOf(slot));
    const inOrder = [...levels].sort(([a], [b]) => (a < b ? 1 : -1));
    for (const [, level] of inOrder) await Promise.all(level.map((slot) => this.stopSlot(slot)));
  }

  /** Sorts by the group's priority, and within by the program's. */
  #levelOf({ spec }: Slot): string {
    const group = this.#groups.get(spec.group)?.plan.priority ?? 0;
    const number = (n: number): string => String(n + 1e9).padStart(11, '0');
    return number(group) + number(spec.policy.priority);
  }

  /**
   * Stops everything, and then what programs had put outside their groups; resolves when all is gone, at the latest a little after the
   * longest stopwaitsecs of each priority.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const slot of this.slots) slot.retire();
    await this.stopAll(this.slots);
    await this.#host.watchdog.close();
    this.#host.pipes.close();
    for (const slot of this.slots) slot.close();
  }

  // What others have to know.

  #specs(): readonly ProcessSpec[] {
    return this.slots.map((slot) => slot.spec);
  }

  #announce(program: string): void {
    const slots = [...this.#groups.values()].flatMap((group) => group.slots);
    try {
      const ports = slots.flatMap((slot) => (slot.spec.program === program ? (slot.port ?? []) : []));
      this.#options.onPeers(
        program,
        ports.sort((a, b) => a.port - b.port),
      );
    } catch (error) {
      // Whoever brought the change about has its own things to put in order.
      rethrowLater(error);
    }
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

const ENDED: ReadonlySet<string> = new Set(['STOPPED', 'EXITED', 'FATAL']);
const ignore = (): void => undefined;

/** A drain that cannot be asked for is over. */
async function drained(options: SupervisorOptions, port: number, limitMs: number): Promise<void> {
  try {
    await options.drain(port, limitMs);
  } catch (error) {
    rethrowLater(error);
  }
}
