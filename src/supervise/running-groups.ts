// The groups that run: their processes come and go here, and what others have to know of them is told.
import { isDeepStrictEqual } from 'node:util';
import type { ProcessPort } from '../balance/process-port.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { Reread } from './control/face.ts';
import type { GroupPlan, PoolPlan, ProcessSpec } from './plan.ts';
import { needsRestart, slotKey } from './pool-changes.ts';
import { nameOf } from './rollout.ts';
import { Slot } from './slot.ts';
import type { SlotHost } from './slot-host.ts';

export interface GroupChange {
  readonly what: 'ADDED' | 'REMOVED';
  readonly name: string;
}

export interface RunningGroup {
  plan: GroupPlan;
  slots: Slot[];
}

export interface GroupEvents {
  /**
   * All ports of a program in their order, each time something of one of them changes: at start (all down), as soon as a process is ready,
   * when it exits, and before one that is to stop gets its signal.
   */
  onPeers(program: string, ports: readonly ProcessPort[]): void;
  /** The groups that run, at the start and when one came or went. */
  onGroups(groups: readonly GroupPlan[], change: GroupChange | null): void;
}

/** Beyond stopwaitsecs: for SIGKILL to work and the group to be seen gone. */
const KILL_MARGIN_MS = 3000;
const STOP_TRIES = 3;
const ENDED: ReadonlySet<string> = new Set(['STOPPED', 'EXITED', 'FATAL']);

export class RunningGroups {
  readonly #groups = new Map<string, RunningGroup>();
  readonly #host: SlotHost<Slot>;
  readonly #events: GroupEvents;

  constructor(plans: readonly GroupPlan[], host: SlotHost<Slot>, events: GroupEvents) {
    this.#host = host;
    this.#events = events;
    for (const plan of plans)
      this.#groups.set(plan.name, { plan, slots: plan.processes.map((spec) => new Slot(spec, host)) });
    this.#tell(null);
  }

  get(name: string): RunningGroup | undefined {
    return this.#groups.get(name);
  }

  get names(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** Groups that run, in the order of their priority. */
  get all(): readonly Readonly<RunningGroup>[] {
    return [...this.#groups.values()].sort(
      (a, b) => a.plan.priority - b.plan.priority || (a.plan.name < b.plan.name ? -1 : 1),
    );
  }

  get slots(): readonly Slot[] {
    return this.all.flatMap((group) => group.slots);
  }

  slotOf(group: string, name: string): Slot | undefined {
    return this.#groups.get(group)?.slots.find((slot) => slot.spec.launch.name === name);
  }

  #tell(change: GroupChange | null): void {
    this.#events.onGroups(
      [...this.#groups.values()].map(({ plan }) => plan),
      change,
    );
  }

  groupOf(slot: Slot): GroupPlan | undefined {
    return this.#groups.get(slot.spec.group)?.plan;
  }

  add(plan: GroupPlan, announced: boolean): readonly Slot[] {
    const slots = plan.processes.map((spec) => new Slot(spec, this.#host));
    this.#groups.set(plan.name, { plan, slots });
    this.#tell({ what: 'ADDED', name: plan.name });
    if (announced) for (const { spec } of slots) this.announce(spec.program);
    return slots;
  }

  async remove(name: string): Promise<void> {
    const group = this.#groups.get(name);
    if (group === undefined) return;
    if (group.slots.every((slot) => ENDED.has(slot.state))) this.#groups.delete(name);
    await Promise.all(group.slots.map((slot) => this.#giveUp(slot)));
    if (this.#groups.get(name) === group) this.#groups.delete(name);
    this.#tell({ what: 'REMOVED', name });
    for (const program of new Set(group.slots.map((slot) => slot.spec.program))) this.announce(program);
  }

  async #giveUp(slot: Slot): Promise<void> {
    slot.retire();
    await this.stopSlot(slot);
    slot.close();
  }

  /** False while some of its processes run. */
  removeEnded(name: string): boolean {
    const group = this.#groups.get(name);
    if (group === undefined) throw new Error(`there is no group ${name}`);
    if (group.slots.some((slot) => !ENDED.has(slot.state))) return false;
    void this.remove(name);
    return true;
  }

  /** Goes over to another plan of a group: who is changed and who is new is added to what was found; those that are gone have ended. */
  async update(
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
    this.#tell(null);
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
      this.announce(program);
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

  /** All are stopped (`stopAll`), and it is as if none had run yet. One that did not end stays what it is. */
  renew(): void {
    for (const group of this.#groups.values())
      group.slots = group.slots.map((slot) => {
        if (!ENDED.has(slot.state)) return slot;
        slot.close();
        return new Slot(slot.spec, this.#host);
      });
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

  /** All ports of a program, as they are now. */
  announce(program: string): void {
    const slots = [...this.#groups.values()].flatMap((group) => group.slots);
    try {
      const ports = slots.flatMap((slot) => (slot.spec.program === program ? (slot.port ?? []) : []));
      this.#events.onPeers(
        program,
        ports.sort((a, b) => a.port - b.port),
      );
    } catch (error) {
      // Whoever brought the change about has its own things to put in order.
      rethrowLater(error);
    }
  }
}
