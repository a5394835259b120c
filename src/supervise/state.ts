// The states of one supervised process, the events that move it and what a move asks for: plain data, nothing runs here.
import type { StopSignal } from './rows.ts';

/**
 * Supervisor's process states. STARTING lasts until startsecs have passed *and* the port accepts; BACKOFF waits before
 * the next start; EXITED is an end that autorestart accepts; FATAL is reached only with give_up on.
 */
export type ProcessState = 'STOPPED' | 'STARTING' | 'RUNNING' | 'BACKOFF' | 'STOPPING' | 'EXITED' | 'FATAL';

/** How the first process of a group (the leader) ended: an exit status or a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly atMs: number;
}

export interface ProcessRecord {
  readonly state: ProcessState;
  /** Number of the latest start; events of earlier ones are stale and ignored. */
  readonly attempt: number;
  /** From `launch` until `gone` or `failed`: a process, or what is left of its group, may exist. */
  readonly live: boolean;
  /** The port accepts and the peers were told so. */
  readonly ready: boolean;
  /** startsecs have passed since the launch. */
  readonly stayedUp: boolean;
  readonly launchedAtMs: number;
  /** Failed starts in a row. */
  readonly failures: number;
  /** Why the latest start failed or what it lost; null once it serves. */
  readonly problem: string | null;
  /** Set between the leader's exit and the end of its group. */
  readonly exit: Exit | null;
  /** How far a stop has come. */
  readonly stopPhase: 'drain' | 'signalled' | 'killed' | null;
  /** Start again once it has stopped. */
  readonly startAgain: boolean;
}

export const STOPPED: ProcessRecord = {
  state: 'STOPPED',
  attempt: 0,
  live: false,
  ready: false,
  stayedUp: false,
  launchedAtMs: 0,
  failures: 0,
  problem: null,
  exit: null,
  stopPhase: null,
  startAgain: false,
};

/** What is configured about the moves. Times in milliseconds. */
export interface ProcessPolicy {
  readonly port: number | null;
  readonly startMs: number;
  readonly stopSignal: StopSignal;
  readonly stopWaitMs: number;
  readonly autorestart: boolean | 'unexpected';
  readonly exitcodes: readonly number[];
  /** Failed starts in a row that are tried again; null for no end. */
  readonly giveUpAfter: number | null;
  /** How long a process may run on without its port before it is restarted; null for ever. */
  readonly readyLostMs: number | null;
}

export type ProcessEvent =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** The one timer of the process has come; what for, the state says. */
  | { readonly type: 'timer' }
  /** Nobody else listens on the port. */
  | { readonly type: 'port-free'; readonly attempt: number }
  /** The port is taken, or the command could not be run: there is no process. */
  | { readonly type: 'failed'; readonly attempt: number; readonly reason: string }
  | { readonly type: 'ready'; readonly attempt: number }
  /** The port, which had accepted, refuses. */
  | { readonly type: 'lost'; readonly attempt: number }
  /** The leader of the group ended. `gone` follows, once nothing of the group is left. */
  | {
      readonly type: 'exited';
      readonly attempt: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  | { readonly type: 'gone'; readonly attempt: number };

export type Effect =
  /** Look whether the port is free; answered by `port-free` or `failed`. */
  | { readonly do: 'check-port'; readonly attempt: number }
  | { readonly do: 'launch'; readonly attempt: number }
  /** To the whole group. */
  | { readonly do: 'signal'; readonly signal: StopSignal }
  /** Tell the balancer. */
  | { readonly do: 'announce'; readonly up: boolean }
  /** Replaces the timer of the process; null only clears it. */
  | { readonly do: 'timer'; readonly afterMs: number | null }
  | { readonly do: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };
