// What a control server (XML-RPC, `lbproxy ctl`) sees of the pool: plain views, and the few things that can be asked for. The pool itself
// stands behind it, and a test can put a stand-in there.
import type { GroupPlan, ProcessSpec } from '../plan.ts';
import type { ProcessState } from '../state.ts';

/** One process as it is now. */
export interface ProcessView {
  readonly group: string;
  readonly name: string;
  readonly program: string;
  readonly state: ProcessState;
  /** 0 while there is none. */
  readonly pid: number;
  /** Milliseconds since the epoch of the latest launch and of the latest end; 0 for never. */
  readonly startedAtMs: number;
  readonly stoppedAtMs: number;
  /** Of the latest end: the exit status, -1 for a signal; 0 before. */
  readonly exitStatus: number;
  /** Why the latest start failed; null once it runs. */
  readonly problem: string | null;
  /**
   * The same in Supervisor's words, '' for nothing: set by a failed start (`Exited too quickly (process log may have details)`, `can't
   * find command '/x'`) and by an end with a status not in exitcodes (`Bad exit code 2`), kept through BACKOFF, FATAL, EXITED and STOPPED,
   * and emptied by `start` at once.
   */
  readonly spawnError: string;
  /** Paths of the log files; null where there is none that can be read. */
  readonly stdoutLog: string | null;
  readonly stderrLog: string | null;
  readonly port: number | null;
  /** It takes requests (or runs, where it has no port). */
  readonly ready: boolean;
  /** Exchanges under way on it, in all acceptors; null where that is not known. */
  readonly inFlight: number | null;
  /** Launches after the first. */
  readonly restarts: number;
}

export interface GroupView {
  readonly plan: GroupPlan;
  /** In the order of priority, then of the configuration. */
  readonly processes: readonly ProcessHandle[];
}

/** Commands to one process. Those that cannot be done in its state do nothing. */
export interface ProcessHandle {
  readonly view: ProcessView;
  /** Why its command cannot be run, looked up in the file system now, in Supervisor's words; null where it can. */
  whyNoCommand(): { readonly kind: 'missing' | 'not-executable'; readonly text: string } | null;
  /** Its state is STARTING (or RUNNING) as this returns. */
  start(): void;
  /** Out of the balancer, drained, then told to end. */
  stop(): void;
  /** To the process itself. Throws where that is not allowed or it is gone. */
  signal(signal: NodeJS.Signals | number): void;
  /** To its stdin; false when that is closed. */
  write(data: Buffer): boolean;
  /** Empties the log files (and removes rotated ones). Rejects with the reason. */
  clearLogs(): Promise<void>;
  /** Resolves with true once `reached` holds, with false when it does not within `withinMs`. Asked again at each change of state. */
  until(reached: () => boolean, withinMs: number): Promise<boolean>;
}

/** What a reading of the configuration found against what runs: names of groups. */
export interface Reread {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** A group of the configuration as it was read last. */
export interface ConfiguredGroup {
  readonly plan: GroupPlan;
  /** A group of that name runs (as it is here, or as it was before). */
  readonly inUse: boolean;
  /** What is written in the file of things that the plan has only as they work out; null where nothing is. */
  written(process: ProcessSpec): { readonly directory: string | null; readonly serverUrl: string | null };
}

/** What came of a longer command, for whoever waits. */
export interface Progress {
  readonly ok: boolean;
  readonly text: string;
}

export interface PoolFace {
  readonly identifier: string;
  /** Supervisor's states of itself. */
  readonly state: 'RUNNING' | 'RESTARTING' | 'SHUTDOWN';
  /** Path of lbproxy's own log as far as it is a file; else null. */
  readonly mainLog: string | null;
  /** Empties the main log. Rejects with the reason. */
  clearMainLog(): Promise<void>;
  /** Asks how many requests are under way, for the views that follow. */
  countInFlight(): Promise<void>;
  /** Files of the configuration that were changed after they were read. */
  changedFiles(): readonly string[];
  /** Running groups in the order of priority, then of name as Supervisor sorts them. */
  groups(): readonly GroupView[];
  /** All groups of the configuration as it was read last, in the order of priority, then of name. */
  configured(): readonly ConfiguredGroup[];
  /** Reads the configuration again; rejects with all problems, one a line. Nothing is started or stopped. */
  reread(): Promise<Reread>;
  /** Takes a group of the last reading into what runs and starts what is to start by itself; false when it runs already. Throws for an unknown name. */
  addGroup(name: string): boolean;
  /** False when some of its processes run. Throws for an unknown name. */
  removeGroup(name: string): boolean;
  /** Reads the configuration and goes over to it; only what a process depends on restarts it, one after the other. */
  update(names: readonly string[], tell: (line: string) => void): Promise<Progress>;
  /** Starts processes anew one after the other (max_unavailable at a time), each once the one before is ready. */
  restart(processes: readonly ProcessHandle[], tell: (line: string) => void): Promise<Progress>;
  /** Changes the number of processes of a program until the next update. */
  scale(program: string, count: number, tell: (line: string) => void): Promise<Progress>;
  /** Out of the balancer, with its process running on; `on` = false takes it back. Resolves when nothing is under way on it, or the limit is over. */
  drain(process: ProcessHandle, on: boolean): Promise<Progress>;
  /** Text for programs from outside (sendRemoteCommEvent). */
  remoteEvent(type: string, data: string): void;
  /** Opens all log files anew. */
  reopenLogs(): Promise<Progress>;
  /** Ends lbproxy. Returns at once. */
  shutdown(): void;
  /** Stops all programs, reads the configuration, and starts them anew. Returns at once. */
  restartAll(): void;
}
