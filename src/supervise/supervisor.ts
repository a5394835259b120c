// All programs of a configuration: starts, replaces and stops their processes, and tells the balancer which ports accept.
// Lives in the primary.
import { isDeepStrictEqual } from 'node:util';
import type { ProcessPort } from '../balance/process-port.ts';
import type { ProgramModel } from '../config/model.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import type { OutputSink } from './output.ts';
import type { ProcessSpec } from './plan.ts';
import { planProcesses } from './process-spec.ts';
import { type Log, type ProcessStatus, Slot, type SlotHost } from './slot.ts';
import { replacementBatch } from './update-order.ts';
import { Watchdog } from './watchdog.ts';

/** Names of processes. */
export interface ProgramChanges {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly replaced: readonly string[];
}

export interface SupervisorOptions {
  /** Valid ones: see validatePrograms. */
  readonly programs: readonly ProgramModel[];
  /** What relative directories start from. Absolute. */
  readonly prefix: string;
  readonly log: Log;
  /** Every line the processes write. Must not throw. */
  readonly onOutput: OutputSink;
  /**
   * All ports of a program in their order, each time one of them comes or goes: at start (all down), as soon as a port
   * accepts, when its process exits, and drainMs before a process that is to stop gets its signal.
   */
  onPeers(program: string, ports: readonly ProcessPort[]): void;
  /** How long the balancer and the acceptors have to take a peer out before its process is told to stop. Default 100. */
  readonly drainMs?: number;
  readonly clock?: Clock;
}

const DRAIN_MS = 100;
/** Beyond stopwaitsecs: for SIGKILL to work and the group to be seen gone. */
const KILL_MARGIN_MS = 3000;
/** How long an update waits for one replaced process to serve before it leaves the others as they are. */
const REPLACE_TIMEOUT_MS = 60_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #host: SlotHost;
  readonly #slots = new Map<string, Slot>();
  #updates: Promise<void> = Promise.resolve();
  #stopping = false;

  /** Throws when a program cannot be expanded. Nothing runs before `start`. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#host = {
      drainMs: options.drainMs ?? DRAIN_MS,
      clock: options.clock ?? systemClock,
      watchdog: new Watchdog((message) => options.log('warn', message)),
      log: options.log,
      output: options.onOutput,
      announce: (program) => this.#announce(program),
    };
    for (const [key, spec] of this.#plan(options.programs)) this.#slots.set(key, new Slot(spec, this.#host));
  }

  /** Tells of all ports, which are down and coming: for those who have to know of them before the start. */
  announceAll(): void {
    for (const slot of this.#slots.values()) slot.awaitsStart = slot.spec.policy.autostart;
    for (const program of this.#programs()) this.#announce(program);
  }

  /** Starts every process; does not wait for any. */
  start(): void {
    for (const slot of this.#slots.values()) slot.dispatch({ type: 'start' });
  }

  /**
   * Goes over to new programs. A process whose command, port, directory, environment and name are the same keeps running.
   * Removed ones stop, new ones start, and changed ones that serve are replaced one after the other, each when the one
   * before serves. If one does not, the rest keep running as they are and the log says so. Rejects, with nothing
   * changed, when a program cannot be expanded.
   */
  update(programs: readonly ProgramModel[]): Promise<void> {
    const done = this.#updates.then(() => this.#update(this.#plan(programs)));
    this.#updates = done.catch(() => undefined);
    return done;
  }

  /** What `update` would do, by the names of the processes. Throws when a program cannot be expanded. */
  changes(programs: readonly ProgramModel[]): ProgramChanges {
    const wanted = this.#plan(programs);
    const started: string[] = [];
    const replaced: string[] = [];
    for (const [key, spec] of wanted) {
      const slot = this.#slots.get(key);
      if (slot === undefined) started.push(spec.launch.name);
      else if (!isDeepStrictEqual(slot.spec.launch, spec.launch)) replaced.push(spec.launch.name);
    }
    const gone = [...this.#slots].filter(([key]) => !wanted.has(key));
    return { started, stopped: gone.map(([, slot]) => slot.spec.launch.name), replaced };
  }

  /**
   * Stops everything, group by group at once, and then what programs had put outside their groups; resolves when all is gone, at the
   * latest a little after the longest stopwaitsecs.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#slots.values()].map((slot) => this.#stopSlot(slot)));
    await this.#host.watchdog.close();
  }

  get status(): readonly ProcessStatus[] {
    return [...this.#slots.values()].map((slot) => slot.status);
  }

  #plan(programs: readonly ProgramModel[]): ReadonlyMap<string, ProcessSpec> {
    const cx = { prefix: this.#options.prefix, env: process.env };
    const problems: string[] = [];
    const specs = programs.flatMap((program) =>
      planProcesses(program, cx, (message) =>
        problems.push(`${program.at}: program "${program.name}": ${message}`),
      ),
    );
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return new Map(specs.map((spec) => [`${spec.program}/${spec.index}`, spec]));
  }

  async #update(wanted: ReadonlyMap<string, ProcessSpec>): Promise<void> {
    if (this.#stopping) return;
    await this.#remove([...this.#slots.keys()].filter((key) => !wanted.has(key)));
    const changed = new Map<Slot, ProcessSpec>();
    for (const [key, spec] of wanted) {
      const slot = this.#slots.get(key);
      if (slot === undefined) this.#add(key, spec);
      else if (isDeepStrictEqual(slot.spec.launch, spec.launch)) slot.spec = spec;
      else changed.set(slot, spec);
    }
    // What does not serve has nothing to lose: all at once.
    await this.#replace(
      [...changed.keys()].filter((slot) => !slot.serves),
      changed,
    );
    while (changed.size > 0 && !this.#stopping) {
      const batch = replacementBatch(changed);
      await this.#replace(batch, changed);
      if (!(await this.#allServe(batch))) return this.#giveUpUpdate([...changed.keys()]);
    }
  }

  async #remove(keys: readonly string[]): Promise<void> {
    await Promise.all(
      keys.map(async (key) => {
        const slot = this.#slots.get(key);
        if (slot === undefined) return;
        await this.#stopSlot(slot);
        this.#slots.delete(key);
        this.#announce(slot.spec.program);
      }),
    );
  }

  #add(key: string, spec: ProcessSpec): void {
    if (this.#stopping) return;
    const slot = new Slot(spec, this.#host);
    this.#slots.set(key, slot);
    this.#announce(spec.program);
    slot.dispatch({ type: 'start' });
  }

  /** Stops these, gives them their new specifications (taking them off the list) and starts them. */
  async #replace(slots: readonly Slot[], changed: Map<Slot, ProcessSpec>): Promise<void> {
    for (const slot of slots) slot.awaitsStart = true;
    await Promise.all(slots.map((slot) => this.#stopSlot(slot)));
    if (this.#stopping) return;
    for (const slot of slots) {
      slot.spec = changed.get(slot) ?? slot.spec;
      changed.delete(slot);
    }
    for (const program of new Set(slots.map((slot) => slot.spec.program))) this.#announce(program);
    for (const slot of slots) slot.dispatch({ type: 'start' });
  }

  async #allServe(slots: readonly Slot[]): Promise<boolean> {
    const settled = (slot: Slot): boolean => slot.serves || slot.state !== 'STARTING';
    await Promise.all(slots.map((slot) => slot.until(() => settled(slot), REPLACE_TIMEOUT_MS)));
    return slots.every((slot) => slot.serves);
  }

  #giveUpUpdate(left: readonly Slot[]): void {
    if (this.#stopping || left.length === 0) return;
    const names = left.map((slot) => slot.spec.launch.name).join(', ');
    const message = `the update stops here, as the replaced process does not serve: ${names} keep running as they were`;
    this.#options.log('error', `${message}; correct the program and reload`);
  }

  async #stopSlot(slot: Slot): Promise<void> {
    slot.dispatch({ type: 'stop' });
    const withinMs = this.#host.drainMs + slot.spec.policy.stopWaitMs + KILL_MARGIN_MS;
    await slot.until(() => slot.state === 'STOPPED', withinMs);
  }

  #programs(): Set<string> {
    return new Set([...this.#slots.values()].map((slot) => slot.spec.program));
  }

  #announce(program: string): void {
    const ports: ProcessPort[] = [];
    for (const slot of this.#slots.values()) {
      const { port } = slot;
      if (slot.spec.program === program && port !== null) ports.push(port);
    }
    ports.sort((a, b) => a.port - b.port);
    this.#options.onPeers(program, ports);
  }
}
