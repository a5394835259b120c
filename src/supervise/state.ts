// The states of one supervised process, the events that move it and what a move asks for: plain data, nothing runs here.
/**
 * Supervisor's process states. STARTING lasts until startsecs have passed *and*, where the policy says so, the process is ready;
 * BACKOFF waits before the next start; EXITED is an end that autorestart accepts; FATAL is reached only where the policy gives up.
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
  /** It takes requests, and the peers were told so. Without a port: what its `ready` plan asks for has come. */
  readonly ready: boolean;
  /** It was ready since its launch. */
  readonly wasReady: boolean;
  /** startsecs have passed since the launch. */
  readonly stayedUp: boolean;
  readonly launchedAtMs: number;
  /** Failed starts in a row. */
  readonly failures: number;
  /** Ends in a row that came soon after RUNNING: a crash loop with a longer breath. */
  readonly shortLives: number;
  /** Lives in a row, failed starts among them, in which it never was ready. */
  readonly unreadyLives: number;
  /** Why the latest start failed or what it lost; null once it serves. */
  readonly problem: string | null;
  /** Set between the leader's exit and the end of its group. */
  readonly exit: Exit | null;
  /** How far a stop has come. */
  readonly stopPhase: 'drain' | 'signalled' | 'killed' | null;
  /** Start again once it has stopped, or, in EXITED, when the pause is over. */
  readonly startAgain: boolean;
}

export const STOPPED: ProcessRecord = {
  state: 'STOPPED',
  attempt: 0,
  live: false,
  ready: false,
  wasReady: false,
  stayedUp: false,
  launchedAtMs: 0,
  failures: 0,
  shortLives: 0,
  unreadyLives: 0,
  problem: null,
  exit: null,
  stopPhase: null,
  startAgain: false,
};

/** When a process counts as ready, and the balancer may send requests to it. */
export type ReadyPlan =
  /** It runs: for programs without a port. */
  | { readonly by: 'running' }
  /** Its port accepts. */
  | { readonly by: 'tcp' }
  /** A GET of the path on its port is answered with one of these statuses; an empty list is 200 to 399. */
  | { readonly by: 'http'; readonly path: string; readonly statuses: readonly number[] }
  /** A line of its output matches. */
  | { readonly by: 'log'; readonly pattern: string }
  /** It sends READY=1 to $NOTIFY_SOCKET (sd_notify(3)). */
  | { readonly by: 'notify' };

/** What is configured about the life of a process; a change of it restarts nothing. Times in milliseconds. */
export interface ProcessPolicy {
  readonly port: number | null;
  /** Of the program: lower ones start first and stop last. */
  readonly priority: number;
  /** Started with lbproxy, and when it is added. */
  readonly autostart: boolean;
  readonly startMs: number;
  readonly stopSignal: NodeJS.Signals;
  readonly stopWaitMs: number;
  /** stopSignal goes to the whole process group. */
  readonly stopAsGroup: boolean;
  /** SIGKILL goes to the whole process group. */
  readonly killAsGroup: boolean;
  readonly autorestart: boolean | 'unexpected';
  readonly exitcodes: readonly number[];
  /** Failed starts in a row that are tried again; null for no end. */
  readonly giveUpAfter: number | null;
  /** The pause after the n-th failed start: doubling from 250 ms to 10 s, or n seconds as in Supervisor. */
  readonly backOff: 'doubling' | 'supervisor';
  readonly ready: ReadyPlan;
  /** STARTING lasts until it is ready. Without, as in Supervisor, startsecs alone decide, and being ready is the balancer's business. */
  readonly readyGates: boolean;
  /** A start that is not ready by then has failed; null for no limit. */
  readonly readyTimeoutMs: number | null;
  /** How long a process may run on without its port before it is restarted; null for ever. */
  readonly readyLostMs: number | null;
  /** How long requests under way may take to end before a process that is to stop gets its signal; 0 to wait for none. */
  readonly drainLimitMs: number;
  /** Programs that have to be ready before it starts. */
  readonly dependsOn: readonly string[];
  /** Paths whose change restarts it. Absolute. */
  readonly watch: readonly string[];
  /** Memory of its whole group above which it is replaced; null for no limit. Bytes. */
  readonly maxMemoryBytes: number | null;
  /** How many processes of the program a rolling restart may take out at once. At least 1. */
  readonly maxUnavailable: number;
  /** How long its share of the requests grows from a tenth to the whole after it became ready; 0 for at once. */
  readonly slowStartMs: number;
}

export type ProcessEvent =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** A stop, and a start after it. */
  | { readonly type: 'restart' }
  /** The one timer of the process has come; what for, the state says. */
  | { readonly type: 'timer' }
  /** What it depends on is ready, and nobody else listens on its port. */
  | { readonly type: 'prepared'; readonly attempt: number }
  /** The port is taken, or the command could not be run: there is no process. */
  | { readonly type: 'failed'; readonly attempt: number; readonly reason: string }
  | { readonly type: 'ready'; readonly attempt: number }
  /** The port, which had accepted, refuses. */
  | { readonly type: 'lost'; readonly attempt: number }
  /** Nothing is under way on it any more. */
  | { readonly type: 'drained'; readonly attempt: number }
  /** The leader of the group ended. `gone` follows, once nothing of the group is left. */
  | {
      readonly type: 'exited';
      readonly attempt: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  | { readonly type: 'gone'; readonly attempt: number };

export type Effect =
  /** Wait for what it depends on and look whether the port is free; answered by `prepared` or `failed`. */
  | { readonly do: 'prepare'; readonly attempt: number }
  | { readonly do: 'launch'; readonly attempt: number }
  /** To the whole group, or to its leader alone. */
  | { readonly do: 'signal'; readonly signal: NodeJS.Signals; readonly group: boolean }
  /** Tell the balancer. */
  | { readonly do: 'announce'; readonly up: boolean }
  /** Wait until nothing is under way on it; answered by `drained`. */
  | { readonly do: 'drain'; readonly attempt: number }
  /** Replaces the timer of the process; null only clears it. */
  | { readonly do: 'timer'; readonly afterMs: number | null }
  | { readonly do: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };
