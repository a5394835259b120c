// Supervisor's events: takes what happens to the pool and brings it to the event listeners (listener-pool.ts).
//
// Who runs the processes does five things:
//  1. `use(groups)` with all groups of the plan, at the start and after each change of it, before `groupChanged('ADDED', …)` of the new;
//  2. `launched(group, name, send)` for each launch of a process of a group with a listener plan, before its first stdout is read;
//  3. to the run that this returns: `stdout(chunk)` for all that it writes to stdout, and `ended()` once it has ended and its stdout has
//     (an answer that is still in the pipe counts), after `processState` to EXITED, STOPPED or BACKOFF was told;
//  4. `processState(change)` for each change of state of each process. A listener gets events while its state is RUNNING and it said READY;
//  5. the rest as it happens: `output`, `communication`, `remote`, `supervisorState`, `groupChanged`. Where making an event costs
//     something, ask `wants(type)` first.
import type { GroupPlan } from '../plan.ts';
import { EVENT_TYPES, type EventType, isEventType } from './event-types.ts';
import { type EventLog, ListenerPool, type ListenerRun, type SendBytes } from './listener-pool.ts';
import {
  communicationPayload,
  type EventSource,
  groupPayload,
  logPayload,
  type ProcessStateChange,
  processStatePayload,
  processStateType,
  remotePayload,
  tickPayload,
} from './payloads.ts';
import { TickClock, type TickPeriod } from './tick-clock.ts';

export interface EventHubOptions {
  /** Supervisor's identifier. */
  readonly identifier: string;
  readonly log: EventLog;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const TICKS: Readonly<Record<TickPeriod, EventType>> = { 5: 'TICK_5', 60: 'TICK_60', 3600: 'TICK_3600' };
const PERIODS: readonly TickPeriod[] = [5, 60, 3600];

export class EventHub {
  readonly #options: EventHubOptions;
  readonly #clock: TickClock;
  #pools: readonly ListenerPool[] = [];
  #wanted: ReadonlySet<EventType> = new Set();
  #nextSerial = 0;

  constructor(options: EventHubOptions) {
    this.#options = options;
    this.#clock = new TickClock(
      (period, whenS) => this.notify(TICKS[period], tickPayload(whenS)),
      options.now,
    );
  }

  /** The listeners among these groups are all there are from now on. One that was there keeps its serial numbers and what waits. */
  use(groups: readonly GroupPlan[]): void {
    const pools: ListenerPool[] = [];
    for (const group of groups) {
      if (group.listener === null) continue;
      const known = this.#pools.find((pool) => pool.name === group.name);
      known?.follow(group, group.listener);
      pools.push(known ?? new ListenerPool(group, group.listener, this.#options));
    }
    this.#pools = pools;
    const types = EVENT_TYPES.filter(isEventType);
    this.#wanted = new Set(types.filter((type) => pools.some((pool) => pool.timesWanted(type) > 0)));
    this.#clock.want(PERIODS.filter((period) => this.#wanted.has(TICKS[period])));
  }

  /** Whether anybody listens to events of this type. */
  wants(type: EventType): boolean {
    return this.#wanted.has(type);
  }

  notify(type: EventType, payload: string | Buffer): void {
    if (!this.#wanted.has(type)) return;
    const event = { serial: this.#nextSerial++, type, payload };
    for (const pool of this.#pools) {
      const times = pool.timesWanted(type);
      if (times > 0) pool.accept(event, times);
    }
  }

  /** Undefined when that is no process of a listener. */
  launched(group: string, name: string, send: SendBytes): ListenerRun | undefined {
    return this.#pools.find((pool) => pool.name === group)?.launched(name, send);
  }

  processState(change: ProcessStateChange): void {
    const pool = this.#pools.find(({ name }) => name === change.group);
    pool?.setRunning(change.name, change.to === 'RUNNING');
    const type = processStateType(change);
    if (this.#wanted.has(type)) this.notify(type, processStatePayload(change));
    pool?.dispatch();
  }

  /** A piece of output of a process whose plan says `events`. */
  output(from: EventSource, channel: 'stdout' | 'stderr', data: string | Buffer): void {
    const type = channel === 'stdout' ? 'PROCESS_LOG_STDOUT' : 'PROCESS_LOG_STDERR';
    if (this.#wanted.has(type)) this.notify(type, logPayload(from, channel, data));
  }

  /** What stood between <!--XSUPERVISOR:BEGIN--> and END (logs/capture.ts). */
  communication(from: EventSource, channel: 'stdout' | 'stderr', data: string | Buffer): void {
    const type = channel === 'stdout' ? 'PROCESS_COMMUNICATION_STDOUT' : 'PROCESS_COMMUNICATION_STDERR';
    if (this.#wanted.has(type)) this.notify(type, communicationPayload(from, data));
  }

  remote(type: string, data: string): void {
    this.notify('REMOTE_COMMUNICATION', remotePayload(type, data));
  }

  supervisorState(state: 'RUNNING' | 'STOPPING'): void {
    this.notify(`SUPERVISOR_STATE_CHANGE_${state}`, '');
  }

  groupChanged(what: 'ADDED' | 'REMOVED', name: string): void {
    this.notify(`PROCESS_GROUP_${what}`, groupPayload(name));
  }

  /** Nobody listens any more. */
  close(): void {
    this.use([]);
  }
}
