// What makes processes start anew without being asked: files that change (watch), memory that grows (max_memory).
import { MemoryWatch } from '../memory-watch.ts';
import type { Slot } from '../slot.ts';
import type { StateChange } from '../slot-host.ts';
import { FileWatch } from './file-watch.ts';

export interface UpkeepHost {
  /** One after the other; those that wait after failed starts at once. */
  restart(slots: readonly Slot[], why: string): void;
  warn(message: string): void;
}

const MIB = 1024 * 1024;

export class PoolUpkeep {
  readonly #host: UpkeepHost;
  readonly #files: FileWatch;
  readonly #memory: MemoryWatch;
  readonly #limited = new Map<string, Slot>();

  constructor(host: UpkeepHost) {
    this.#host = host;
    this.#files = new FileWatch({
      restart: (slots, changed) => this.#onFiles(slots, changed),
      warn: (message) => host.warn(message),
    });
    this.#memory = new MemoryWatch((key, bytes) => this.#onMemory(key, bytes));
  }

  /** These are all there are from now on, and their policies hold. */
  use(slots: readonly Slot[]): void {
    this.#files.use(slots);
    for (const slot of slots) this.#limit(slot, slot.state === 'RUNNING');
  }

  onState({ slot, to }: StateChange<Slot>): void {
    this.#limit(slot, to === 'RUNNING');
  }

  #limit(slot: Slot, runs: boolean): void {
    const { maxMemoryBytes } = slot.spec.policy;
    if (runs && maxMemoryBytes !== null && slot.pid !== 0) {
      this.#limited.set(slot.key, slot);
      this.#memory.watch(slot.key, slot.pid, maxMemoryBytes);
    } else if (this.#limited.delete(slot.key)) {
      this.#memory.forget(slot.key);
    }
  }

  #onFiles(slots: readonly Slot[], changed: readonly string[]): void {
    if (slots.length === 0) return;
    const [first] = changed;
    const more = changed.length > 1 ? ` and ${changed.length - 1} more` : '';
    this.#host.restart(slots, `${first}${more} changed: ${slots[0].spec.program} starts anew`);
  }

  #onMemory(key: string, bytes: number): void {
    const slot = this.#limited.get(key);
    if (slot === undefined) return;
    const limit = Math.round((slot.spec.policy.maxMemoryBytes ?? 0) / MIB);
    this.#host.restart(
      [slot],
      `${key} uses ${Math.round(bytes / MIB)} MB, and may use ${limit} (max_memory): it starts anew`,
    );
  }

  close(): void {
    this.#files.close();
    this.#memory.close();
    this.#limited.clear();
  }
}
