// What a slot and those around it know of each other. `S` is the slot: slot.ts stands above this file.
import type { Clock } from '../shared/clock.ts';
import type { OutputPlan, ProcessSpec } from './plan.ts';
import type { RunningProcess } from './process.ts';
import type { OutputListener, ReadySources } from './ready-probe.ts';
import type { ProcessState } from './state.ts';
import type { PipeSource } from './stdio-pipes.ts';
import type { Watchdog } from './watchdog.ts';

export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: object) => void;

/** A move from one state to another, for those who follow (events, tests). */
export interface StateChange<S> {
  readonly slot: S;
  readonly from: ProcessState;
  readonly to: ProcessState;
  readonly pid: number;
  /** Failed starts in a row. */
  readonly tries: number;
  /** EXITED with one of exitcodes. */
  readonly expected: boolean;
}

/** What takes the output of one process, from launch to launch. */
export interface SlotOutput {
  /** Takes over the streams of a launch. `onChunk` sees all of it. */
  begin(running: RunningProcess, onChunk: OutputListener | null): void;
  /** Holds at once, also for what runs. */
  change(plan: OutputPlan): void;
  /** It does its work: what it says from now on is news. */
  settle(): void;
  /** How the launch ended; null when it was told to. */
  exited(how: string | null): void;
  /** Nothing of the launch runs any more, and its state was told. */
  gone(): void;
  readonly stdoutLog: string | null;
  readonly stderrLog: string | null;
  /** The last lines of stderr (or of stdout where they are one). */
  lastWords(): string;
  clear(): Promise<void>;
}

/** What a slot needs of the supervisor. */
export interface SlotHost<S> {
  readonly clock: Clock;
  readonly watchdog: Watchdog;
  readonly pipes: PipeSource;
  readonly log: Log;
  readonly ready: ReadySources;
  output(slot: S): SlotOutput;
  /** What is known of it as a peer has changed. */
  announce(slot: S): void;
  /** Resolves when no request is under way on its port, or the limit is over. */
  drain(spec: ProcessSpec): Promise<void>;
  /** Resolves when all that it depends on is ready. */
  dependencies(spec: ProcessSpec): Promise<void>;
  /** The programs that it depends on and that are not ready yet. */
  awaited(spec: ProcessSpec): readonly string[];
  /** A descriptor that becomes stdin: the shared socket of an fcgi-program; null without. Rejects with the reason. */
  stdin(slot: S): Promise<number | null>;
  /** Added to the environment of a process of this user (null: our own), where the program does not set it. */
  variablesFor(uid: number | null): Readonly<Record<string, string>>;
  onState(change: StateChange<S>): void;
  /** A process has been started. */
  onLaunch(slot: S, pid: number): void;
}
