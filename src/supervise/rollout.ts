// Replaces or restarts processes a few at a time, each batch once the one before serves; stops at the first that does not, so that the rest
// keep serving.
import type { Progress } from './control/face.ts';
import type { ProcessSpec } from './plan.ts';
import type { Slot } from './slot.ts';
import { replacementBatch } from './update-order.ts';

export interface RolloutHost {
  /** Resolves when the process is gone. */
  stop(slot: Slot): Promise<void>;
  announce(slot: Slot): void;
  isStopping(): boolean;
  /** A line for whoever waits. */
  tell(line: string): void;
}

/** How long a process may take to serve, where no ready_timeout says so. */
const READY_LIMIT_MS = 60_000;

export class Rollout {
  readonly #host: RolloutHost;

  constructor(host: RolloutHost) {
    this.#host = host;
  }

  /** The same again: each is stopped and started. Those that do not run are started. */
  async restart(slots: readonly Slot[]): Promise<Progress> {
    const left = [...slots].sort((a, b) => a.spec.policy.priority - b.spec.policy.priority);
    // What does not serve has nothing to lose: all at once, after those that do have shown that the release starts at all.
    const serving = left.filter((slot) => slot.serves);
    const others = left.filter((slot) => !slot.serves);
    while (serving.length > 0) {
      const [{ spec }] = serving;
      const isMate = (slot: Slot): boolean =>
        slot.spec.program === spec.program && slot.spec.group === spec.group;
      const batch = serving.filter(isMate).slice(0, spec.policy.maxUnavailable);
      serving.splice(0, serving.length, ...serving.filter((slot) => !batch.includes(slot)));
      const failed = await this.#restartBatch(batch);
      if (failed !== null) return this.#leave(failed, [...serving, ...others]);
    }
    const failed = await this.#restartBatch(others);
    return failed === null ? DONE : { ok: false, text: failed };
  }

  async #restartBatch(batch: readonly Slot[]): Promise<string | null> {
    if (this.#host.isStopping()) return ENDING;
    if (batch.length === 0) return null;
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

  /** Goes over to new specifications. Those that serve one after the other, where ports change hands in rings those together. */
  async replace(changed: Map<Slot, ProcessSpec>): Promise<Progress> {
    const idle = [...changed.keys()].filter((slot) => !slot.serves);
    const failedIdle = await this.#replaceBatch(idle, changed);
    while (changed.size > 0) {
      const batch = replacementBatch(changed);
      const failed = await this.#replaceBatch(batch, changed);
      if (failed !== null) return this.#leave(failed, [...changed.keys()]);
    }
    return failedIdle === null ? DONE : { ok: false, text: failedIdle };
  }

  /** Stops these, gives them their new specifications (taking them off the list) and starts them; why one does not serve, or null. */
  async #replaceBatch(slots: readonly Slot[], changed: Map<Slot, ProcessSpec>): Promise<string | null> {
    if (slots.length === 0) return null;
    const wasUp = slots.filter((slot) => slot.state !== 'STOPPED' && slot.state !== 'EXITED');
    for (const slot of wasUp) slot.awaitsStart = true;
    await Promise.all(slots.map((slot) => this.#host.stop(slot)));
    if (this.#host.isStopping()) {
      changed.clear();
      return ENDING;
    }
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

  /** Waits until all serve or have failed; why one does not serve, or null. */
  async #settled(slots: readonly Slot[]): Promise<string | null> {
    const isSettled = (slot: Slot): boolean => slot.serves || slot.state !== 'STARTING' || slot.failures > 0;
    await Promise.all(
      slots.map((slot) =>
        slot.until(() => isSettled(slot), (slot.spec.policy.readyTimeoutMs ?? READY_LIMIT_MS) + 1000),
      ),
    );
    if (this.#host.isStopping()) return ENDING;
    const failed: string[] = [];
    for (const slot of slots) {
      if (slot.serves || slot.isDone) this.#host.tell(`${nameOf(slot)}: started`);
      else failed.push(`${nameOf(slot)} does not serve: ${slot.view.problem ?? `it is ${slot.state}`}`);
    }
    return failed.length === 0 ? null : failed.join('\n');
  }

  #leave(failed: string, left: readonly Slot[]): Progress {
    if (left.length === 0 || failed === ENDING) return { ok: false, text: failed };
    const names = left.map(nameOf).join(', ');
    const rest = `the update stops here: ${names} keep running as they were; correct the program and reload`;
    return { ok: false, text: `${failed}; ${rest}` };
  }
}

/** As Supervisor shows it: a process that is called like its group goes by that name. */
function nameOf(slot: Slot): string {
  const { group, launch } = slot.spec;
  return group === launch.name ? group : `${group}:${launch.name}`;
}

const DONE: Progress = { ok: true, text: '' };
const ENDING = 'lbproxy is about to end';
