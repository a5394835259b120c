// Replaces or restarts processes a few at a time, each batch once the one before serves; stops at the first that does not, so that the rest
// keep serving.
import type { Progress } from './control/face.ts';
import type { ProcessSpec } from './plan.ts';
import type { Slot } from './slot.ts';
import { replacementBatch, withThoseInTheWay } from './update-order.ts';

export interface RolloutHost {
  /** Resolves when the process is gone. */
  stop(slot: Slot): Promise<void>;
  announce(slot: Slot): void;
  isStopping(): boolean;
  /** What is to be done next makes something else of it: whether it serves as it is matters to nobody. */
  isOutdated(slot: Slot): boolean;
  /** A line for whoever waits. */
  tell(line: string): void;
}

/** How long a process may take to serve, where no ready_timeout says so. */
const READY_LIMIT_MS = 60_000;

interface Failure {
  readonly slot: Slot;
  readonly why: string;
}

export class Rollout {
  readonly #host: RolloutHost;

  constructor(host: RolloutHost) {
    this.#host = host;
  }

  /** The same again: each is stopped and started. Those that do not run are started. */
  async restart(slots: readonly Slot[]): Promise<Progress> {
    const serving = slots.filter((slot) => slot.serves);
    const left = new Set(serving.sort((a, b) => a.spec.policy.priority - b.spec.policy.priority));
    // What does not serve has nothing to lose: all at once, and first. While it does not start, no other of its program is touched,
    // however often that is asked for.
    const failed = await this.#restartBatch(slots.filter((slot) => !slot.serves));
    const kept = takeMates(failed, left);
    while (left.size > 0 && !this.#host.isStopping()) {
      const [first] = left;
      const batch = [...left]
        .filter((slot) => areMates(slot, first))
        .slice(0, first.spec.policy.maxUnavailable);
      for (const slot of batch) left.delete(slot);
      const wrong = await this.#restartBatch(batch);
      failed.push(...wrong);
      if (wrong.length > 0) break;
    }
    return this.#outcome(failed, [...kept, ...left]);
  }

  async #restartBatch(batch: readonly Slot[]): Promise<Failure[]> {
    if (this.#host.isStopping() || batch.length === 0) return [];
    for (const slot of batch) slot.dispatch({ type: 'restart' });
    const stopping = batch.filter((slot) => slot.state === 'STOPPING');
    await Promise.all(
      stopping.map(async (slot) => {
        const limitMs = slot.spec.policy.drainLimitMs + slot.spec.policy.stopWaitMs + READY_LIMIT_MS;
        await slot.until(() => slot.state !== 'STOPPING', limitMs);
        this.#host.tell(`${nameOf(slot)}: stopped`);
      }),
    );
    return this.#settled(batch);
  }

  /** Goes over to new specifications: what does not serve at once, then the others a few at a time, each with what is in its way. */
  async replace(changed: Map<Slot, ProcessSpec>): Promise<Progress> {
    const isIdle = (slot: Slot): boolean => withThoseInTheWay(slot, changed).every((one) => !one.serves);
    const failed = await this.#replaceBatch([...changed.keys()].filter(isIdle), changed);
    const kept = takeMates(failed, changed);
    while (changed.size > 0 && !this.#host.isStopping()) {
      const wrong = await this.#replaceBatch(nextBatch(changed), changed);
      failed.push(...wrong);
      if (wrong.length > 0) break;
    }
    return this.#outcome(failed, [...kept, ...changed.keys()]);
  }

  /** Stops these, gives them their new specifications (taking them off the list) and starts them. Those that do not serve then. */
  async #replaceBatch(slots: readonly Slot[], changed: Map<Slot, ProcessSpec>): Promise<Failure[]> {
    if (slots.length === 0) return [];
    const wasUp = slots.filter((slot) => slot.state !== 'STOPPED' && slot.state !== 'EXITED');
    for (const slot of wasUp) slot.awaitsStart = true;
    await Promise.all(slots.map((slot) => this.#host.stop(slot)));
    if (this.#host.isStopping()) return [];
    for (const slot of wasUp) this.#host.tell(`${nameOf(slot)}: stopped`);
    for (const slot of slots) {
      const spec = changed.get(slot);
      if (spec !== undefined) slot.use(spec);
      changed.delete(slot);
    }
    for (const slot of slots) this.#host.announce(slot);
    const started = slots.filter((slot) => slot.spec.policy.autostart || wasUp.includes(slot));
    for (const slot of started) slot.dispatch({ type: 'start' });
    return this.#settled(started);
  }

  /** Waits until all serve or have failed, and gives those that do not serve. */
  async #settled(slots: readonly Slot[]): Promise<Failure[]> {
    const isSettled = (slot: Slot): boolean =>
      slot.serves || !isComing(slot) || slot.failures > 0 || this.#host.isOutdated(slot);
    await Promise.all(
      slots.map((slot) =>
        slot.until(() => isSettled(slot), (slot.spec.policy.readyTimeoutMs ?? READY_LIMIT_MS) + 1000),
      ),
    );
    if (this.#host.isStopping()) return [];
    const failed: Failure[] = [];
    for (const slot of slots) {
      if (slot.serves || slot.isDone) this.#host.tell(`${nameOf(slot)}: started`);
      else failed.push({ slot, why: `${nameOf(slot)} does not serve: ${this.#reasonOf(slot)}` });
    }
    return failed;
  }

  #reasonOf(slot: Slot): string {
    if (slot.view.problem !== null) return slot.view.problem;
    if (!isComing(slot)) return `it is ${slot.state}`;
    if (this.#host.isOutdated(slot)) return 'it was starting as another change came';
    return `it is ${slot.state}, and did not become ready in time`;
  }

  #outcome(failed: readonly Failure[], left: readonly Slot[]): Progress {
    if (this.#host.isStopping()) return { ok: false, text: 'lbproxy is about to end' };
    const text = failed.map(({ why }) => why).join('\n');
    if (left.length === 0) return { ok: failed.length === 0, text };
    const rest = `the update stops here: ${left.map(nameOf).join(', ')} keep running as they were`;
    return { ok: false, text: `${text}; ${rest}; correct the program and reload` };
  }
}

function areMates({ spec: a }: Slot, { spec: b }: Slot): boolean {
  return a.program === b.program && a.group === b.group;
}

/** Takes out those whose program has shown that it does not start. */
function takeMates(failed: readonly Failure[], left: Set<Slot> | Map<Slot, ProcessSpec>): readonly Slot[] {
  const mates = [...left.keys()].filter((slot) => failed.some((one) => areMates(one.slot, slot)));
  for (const slot of mates) left.delete(slot);
  return mates;
}

/** As many as max_unavailable says, where no other is in their way; else those that have to go together. */
function nextBatch(changed: ReadonlyMap<Slot, ProcessSpec>): readonly Slot[] {
  const batch = replacementBatch(changed);
  if (batch.length > 1) return batch;
  const [first] = batch;
  return [...changed.keys()]
    .filter((slot) => areMates(slot, first) && withThoseInTheWay(slot, changed).length === 1)
    .slice(0, changed.get(first)?.policy.maxUnavailable);
}

/** Under Supervisor's rules it is RUNNING after startsecs, and may accept on its port only later. */
function isComing({ state }: Slot): boolean {
  return state === 'STARTING' || state === 'RUNNING';
}

/** As Supervisor shows it: a process that is called like its group goes by that name. */
export function nameOf(slot: Slot): string {
  const { group, launch } = slot.spec;
  return group === launch.name ? group : `${group}:${launch.name}`;
}
