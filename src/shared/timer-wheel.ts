// One coarse wheel for every timeout of the process. Re-arming is one store: a deadline that moved later is
// noticed when its old slot comes up. Nothing on the request path creates a timer.
import { type Clock, systemClock } from './clock.ts';
import { rethrowLater } from './rethrow-later.ts';

/** How late a timeout may fire, in milliseconds; it never fires early. */
export const TICK_MS = 50;
const SLOTS = 1024;

/** A thing that can time out. Embed one per connection side and re-arm it as its phase changes. */
export class Deadline {
  /** Monotonic ms at which it fires; 0 when disarmed. */
  at = 0;
  slotTick = 0;
  slot: Deadline[] | null = null;
  index = 0;
  readonly onTimeout: () => void;
  constructor(onTimeout: () => void) {
    this.onTimeout = onTimeout;
  }
}

export class TimerWheel {
  #nowMs: number;
  readonly #clock: Clock;
  readonly #slots: Deadline[][] = Array.from({ length: SLOTS }, () => []);
  #tick = 0;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #origin: number;
  readonly #manual: boolean;

  /** With a clock of its own (tests) the wheel is turned by calling `advance()`; otherwise by one interval. */
  constructor(clock?: Clock) {
    this.#clock = clock ?? systemClock;
    this.#manual = clock !== undefined;
    this.#origin = this.#clock.now();
    this.#nowMs = this.#origin;
  }

  /** The coarse monotonic time in ms: one tick old at most, unless the loop stalled. */
  get nowMs(): number {
    // While nothing is armed the wheel stands still.
    if (this.#count === 0) this.#nowMs = this.#clock.now();
    return this.#nowMs;
  }

  /** Fires `deadline.onTimeout` once, `ms` from now unless re-armed or disarmed. */
  arm(deadline: Deadline, ms: number): void {
    const at = this.nowMs + ms;
    deadline.at = at;
    if (deadline.slot !== null) {
      if (at >= this.#origin + deadline.slotTick * TICK_MS) return;
      this.#unlink(deadline);
    }
    this.#link(deadline, at);
  }

  disarm(deadline: Deadline): void {
    deadline.at = 0;
  }

  /** Forgets the deadline and releases its place; for objects that end. */
  remove(deadline: Deadline): void {
    deadline.at = 0;
    if (deadline.slot !== null) this.#unlink(deadline);
  }

  /** Turns the wheel to the clock's present time, firing what is due. */
  advance(): void {
    this.#nowMs = this.#clock.now();
    const target = Math.floor((this.#nowMs - this.#origin) / TICK_MS);
    // After a long stall every slot is visited once at most: entries are checked by time, not by slot.
    if (target - this.#tick > SLOTS) this.#tick = target - SLOTS;
    while (this.#tick < target) {
      this.#tick++;
      const slot = this.#slots[this.#tick % SLOTS];
      if (slot.length > 0) this.#expire(slot);
    }
  }

  #expire(slot: Deadline[]): void {
    const entries = slot.splice(0);
    for (const entry of entries) entry.slot = null;
    this.#count -= entries.length;
    for (const entry of entries) {
      // Fired or removed by an earlier entry of this slot, or armed anew by one.
      if (entry.at === 0 || entry.slot !== null) continue;
      if (entry.at > this.#nowMs) {
        this.#link(entry, entry.at);
        continue;
      }
      entry.at = 0;
      try {
        entry.onTimeout();
      } catch (error) {
        // The others of this slot must not lose their time-outs.
        rethrowLater(error);
      }
    }
    if (this.#count === 0) this.#stop();
  }

  #link(deadline: Deadline, at: number): void {
    const now = Math.floor((this.#nowMs - this.#origin) / TICK_MS);
    if (this.#count === 0) this.#tick = now;
    let tick = Math.max(Math.ceil((at - this.#origin) / TICK_MS), this.#tick + 1);
    // Further away than one turn: looked at again when the wheel has gone round.
    if (tick > this.#tick + SLOTS - 1) tick = this.#tick + SLOTS - 1;
    const slot = this.#slots[tick % SLOTS];
    deadline.slotTick = tick;
    deadline.slot = slot;
    deadline.index = slot.length;
    slot.push(deadline);
    this.#count++;
    if (this.#timer === undefined && !this.#manual) {
      this.#timer = setInterval(() => this.advance(), TICK_MS);
      this.#timer.unref();
    }
  }

  #unlink(deadline: Deadline): void {
    const slot = deadline.slot;
    if (slot === null) return;
    const last = slot.pop();
    if (last !== undefined && last !== deadline) {
      slot[deadline.index] = last;
      last.index = deadline.index;
    }
    deadline.slot = null;
    this.#count--;
    if (this.#count === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** The wheel of this process. */
export const wheel = new TimerWheel();
