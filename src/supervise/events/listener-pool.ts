// The processes of one [eventlistener:x] and the events that wait for them. Supervisor's rules: the oldest event goes to the first
// process that is READY; what a process rejects, or takes with it as it dies, is the next to be sent again.
import type { GroupPlan, ListenerPlan } from '../plan.ts';
import { type EventType, isOf } from './event-types.ts';
import { ListenerProtocol } from './listener-protocol.ts';

export type EventLog = (level: 'info' | 'warn' | 'error', message: string) => void;

/**
 * Writes to the stdin of a listener. False: it cannot be written to, and nothing was. A promise: the bytes wait for the reader; the
 * listener gets nothing more before it is settled, and nothing at all once it is rejected.
 */
export type SendBytes = (bytes: Buffer) => boolean | Promise<void>;

/** One event, the same object in all pools. */
export interface PoolEvent {
  readonly serial: number;
  readonly type: EventType;
  readonly payload: string | Buffer;
}

/** One launch of a listener, for whoever runs it. */
export interface ListenerRun {
  /** All that it writes to stdout, in order. */
  stdout(chunk: Buffer): void;
  /** After its last stdout. The event that it had is sent again. Calls after the first do nothing. */
  ended(): void;
}

interface Waiting {
  readonly event: PoolEvent;
  readonly poolSerial: number;
}

interface Seat {
  readonly name: string;
  running: boolean;
  run: Run | null;
}

interface Run {
  readonly protocol: ListenerProtocol;
  readonly send: SendBytes;
  /** What it is busy with. */
  has: Waiting | null;
  /** Bytes of an event wait for it to read. */
  writing: boolean;
  closed: boolean;
}

export class ListenerPool {
  readonly name: string;
  readonly #identifier: string;
  readonly #log: EventLog;
  #plan: ListenerPlan;
  /** In the order of the configuration. */
  #seats: readonly Seat[] = [];
  readonly #waiting: Waiting[] = [];
  #nextSerial = 0;

  constructor(
    group: GroupPlan,
    plan: ListenerPlan,
    options: { readonly identifier: string; readonly log: EventLog },
  ) {
    this.name = group.name;
    this.#identifier = options.identifier;
    this.#log = options.log;
    this.#plan = plan;
    this.follow(group, plan);
  }

  /** Goes over to another plan of the same name; what waits and who runs stays. */
  follow(group: GroupPlan, plan: ListenerPlan): void {
    this.#plan = plan;
    this.#seats = group.processes.map(
      ({ launch: { name } }) => this.#seat(name) ?? { name, running: false, run: null },
    );
    while (this.#waiting.length > plan.bufferSize) this.#discardOldest();
  }

  /** How often an event of this type comes: who asks for EVENT and TICK gets each tick twice, in Supervisor too. */
  timesWanted(type: EventType): number {
    return this.#plan.events.filter((wanted) => isOf(type, wanted)).length;
  }

  /** Takes an event `times` times and sends what can be sent. */
  accept(event: PoolEvent, times: number): void {
    const waiting = { event, poolSerial: this.#nextSerial++ };
    for (let i = 0; i < times; i++) {
      this.#makeRoom();
      this.#waiting.push(waiting);
    }
    this.dispatch();
  }

  /** The state of one of its processes is RUNNING now, or another. `dispatch` follows, once its event is in. */
  setRunning(name: string, running: boolean): void {
    const seat = this.#seat(name);
    if (seat !== undefined) seat.running = running;
  }

  /** A process was launched. Undefined for a name that is not in the plan. */
  launched(name: string, send: SendBytes): ListenerRun | undefined {
    const seat = this.#seat(name);
    if (seat === undefined) return undefined;
    if (seat.run !== null) this.#end(seat, seat.run);
    const run: Run = { protocol: new ListenerProtocol(), send, has: null, writing: false, closed: false };
    seat.run = run;
    return {
      stdout: (chunk) => {
        if (seat.run === run) this.#hear(seat, run, chunk);
      },
      ended: () => {
        if (seat.run === run) this.#end(seat, run);
      },
    };
  }

  #seat(name: string): Seat | undefined {
    return this.#seats.find((seat) => seat.name === name);
  }

  #hear(seat: Seat, run: Run, chunk: Buffer): void {
    const { result, violation } = run.protocol.take(chunk);
    if (violation !== null) {
      this.#log(
        'warn',
        `${seat.name}: has entered the UNKNOWN state and will no longer receive events: ${violation}; ` +
          'its stdout belongs to the protocol, let it write other things to stderr, and restart it',
      );
    } else if (result === 'rejected') {
      this.#log('warn', `${seat.name}: event was rejected`);
    }
    if (result !== null) {
      const { has } = run;
      run.has = null;
      if (result === 'rejected' && has !== null) this.#again(has);
    }
    this.dispatch();
  }

  #end(seat: Seat, run: Run): void {
    seat.run = null;
    if (run.has !== null) this.#again(run.has);
    this.dispatch();
  }

  #again(waiting: Waiting): void {
    this.#makeRoom();
    this.#waiting.unshift(waiting);
  }

  #makeRoom(): void {
    if (this.#waiting.length >= this.#plan.bufferSize) this.#discardOldest();
  }

  #discardOldest(): void {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#log(
      'error',
      `pool ${this.name} event buffer overflowed, discarding event ${oldest.event.serial}; ` +
        `raise buffer_size (it is ${this.#plan.bufferSize}), or let more processes listen (numprocs)`,
    );
  }

  /** Sends what can be sent. */
  dispatch(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#sendToFirst(next)) return;
      this.#waiting.shift();
    }
  }

  /** False when no process can take it now. */
  #sendToFirst(waiting: Waiting): boolean {
    let bytes: Buffer | undefined;
    for (const { running, run } of this.#seats) {
      if (!running || run === null || run.writing || run.closed || run.protocol.state !== 'READY') continue;
      bytes ??= this.#envelope(waiting);
      const sent = run.send(bytes);
      if (sent === false) continue;
      run.protocol.sent();
      run.has = waiting;
      if (sent !== true) this.#whenWritten(run, sent);
      return true;
    }
    return false;
  }

  #whenWritten(run: Run, written: Promise<void>): void {
    run.writing = true;
    written.then(
      () => {
        run.writing = false;
        this.dispatch();
      },
      () => {
        // What it has is sent again when it ends, or it says what came of it.
        run.closed = true;
      },
    );
  }

  #envelope({ event, poolSerial }: Waiting): Buffer {
    const payload = typeof event.payload === 'string' ? Buffer.from(event.payload) : event.payload;
    const head =
      `ver:3.0 server:${this.#identifier} serial:${event.serial} pool:${this.name} ` +
      `poolserial:${poolSerial} eventname:${event.type} len:${charactersOf(payload)}\n`;
    return Buffer.concat([Buffer.from(head), payload]);
  }
}

/** Supervisor counts characters, not bytes, and the listeners written for it read as many. */
function charactersOf(utf8: Buffer): number {
  let count = 0;
  for (const byte of utf8) if ((byte & 0xc0) !== 0x80) count++;
  return count;
}
