// What is to run, whichever syntax asked for it: groups of processes with every text expanded. Plain data, nothing runs here.
import type { ProcessPolicy } from './state.ts';

/** All of one configuration. */
export interface PoolPlan {
  readonly groups: readonly GroupPlan[];
  /** Where commands are taken besides lbproxy's own socket: [unix_http_server] and [inet_http_server]. */
  readonly controlServers: readonly ControlServerPlan[];
  /** Supervisor's identifier: in names of AUTO logs, in events, in getIdentification. */
  readonly identifier: string;
  /** Where AUTO logs are made. Absolute. */
  readonly childLogDirectory: string;
  /** AUTO logs of an earlier run stay (nocleanup). */
  readonly keepsOldAutoLogs: boolean;
  /** Supervisor's own log file ([supervisord] logfile), absolute; null where there is no such section. */
  readonly logFile: string | null;
  /** How that file is rotated, and the lowest level that is written into it. */
  readonly logFileLimits: MainLogLimits;
  /** [supervisord] pidfile, absolute; null without. */
  readonly pidFile: string | null;
}

export interface MainLogLimits {
  readonly maxBytes: number;
  readonly backups: number;
  readonly level: 'critical' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'blather';
}

/** What starts, stops and is named together. A program that is in no group is one of its own name. */
export interface GroupPlan {
  readonly name: string;
  /** Lower ones start first and stop last. Supervisor's default is 999. */
  readonly priority: number;
  /** `file:line:column` of the block. */
  readonly at: string;
  readonly processes: readonly ProcessSpec[];
  /** Of an [eventlistener:x]; else null. */
  readonly listener: ListenerPlan | null;
  /** Of an [fcgi-program:x]: the listening socket that its processes have as stdin; else null. */
  readonly socket: SharedSocketPlan | null;
}

/** One process. Its group and name are what it is called by; group, program and index are what it is known by across reloads. */
export interface ProcessSpec {
  readonly group: string;
  /** Name of the program block or section. */
  readonly program: string;
  /** From 0 within the program. */
  readonly index: number;
  /** `file:line:column` of the block. */
  readonly at: string;
  readonly launch: Launch;
  readonly policy: ProcessPolicy;
  readonly output: OutputPlan;
  /** What stands in the file of things that the launch has only as they work out; null where nothing does. */
  readonly written: { readonly directory: string | null; readonly serverUrl: string | null };
}

/** What a process is started with; when any of it changes, the process has to be started anew. */
export interface Launch {
  readonly name: string;
  /** Whose rules hold for what is added to the environment, and for the pauses between starts. */
  readonly dialect: 'lbproxy' | 'supervisor';
  /** 1..65535: where it listens, as far as that is known; else null. */
  readonly port: number | null;
  /** Command and arguments; at least one word. */
  readonly argv: readonly string[];
  /** The command line as it was expanded: what is shown. */
  readonly command: string;
  /** Absolute. */
  readonly directory: string;
  /** The program's own variables, without those of lbproxy. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whom it runs as; null for lbproxy's own user. */
  readonly user: UserPlan | null;
  /** File mode creation mask; null to inherit lbproxy's. */
  readonly umask: number | null;
  /** SUPERVISOR_SERVER_URL; null to set none. */
  readonly serverUrl: string | null;
  /** Why it cannot be started as it is written (an unknown user …), a whole clause with the next step; else null. */
  readonly problem: string | null;
}

export interface UserPlan {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Its home directory. */
  readonly home: string;
}

/** Where stdout and stderr of a process go. */
export interface OutputPlan {
  /** stderr goes where stdout goes, in one stream. */
  readonly redirectStderr: boolean;
  readonly stdout: StreamPlan;
  readonly stderr: StreamPlan;
}

export interface StreamPlan {
  readonly target: LogTarget;
  /** Also, or alone, to syslog. */
  readonly syslog: boolean;
  /** Size in bytes at which the file is rotated; 0 for never. */
  readonly maxBytes: number;
  /** Rotated files that are kept. */
  readonly backups: number;
  /** Rotated at midnight too. */
  readonly daily: boolean;
  /** Rotated files are gzipped. */
  readonly gzip: boolean;
  /** Bytes of all rotated files of the path together; 0 for no limit. */
  readonly totalBytes: number;
  /** Size of the capture buffer between <!--XSUPERVISOR:BEGIN--> and END; 0 for none. */
  readonly captureMaxBytes: number;
  /** Each piece of output is an event PROCESS_LOG. */
  readonly events: boolean;
  /** ANSI escape sequences are taken out before a line is written. */
  readonly stripAnsi: boolean;
}

export type LogTarget =
  /** Printed by lbproxy line by line, each with the name of the process in front. */
  | { readonly kind: 'console' }
  | { readonly kind: 'none' }
  /** A file of its own in childLogDirectory with a random name, gone with the next start of lbproxy. */
  | { readonly kind: 'auto' }
  /** Absolute. Devices and FIFOs (/dev/stdout, /dev/fd/3) too. */
  | {
      readonly kind: 'file';
      readonly path: string;
      /** As it is written, which is how Supervisor names it; the path unless given. */
      readonly shown?: string;
    };

export interface ListenerPlan {
  /** Names of event types; a type stands for all below it (PROCESS_STATE, EVENT). */
  readonly events: readonly string[];
  /** Events that may wait. */
  readonly bufferSize: number;
}

/** Where a socket of ours is. */
export type BoundAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'unix';
      readonly path: string;
      readonly mode: number;
      readonly uid: number | null;
      readonly gid: number | null;
    };

export interface SharedSocketPlan {
  /** As written: `tcp://localhost:9002`, `unix:///run/app.sock`. */
  readonly url: string;
  readonly address: BoundAddress;
  readonly backlog: number | null;
}

export interface ControlServerPlan {
  /** host '' is all addresses. */
  readonly address: BoundAddress;
  /** null for access without a password. `password` may be `{SHA}` and 40 hex digits. */
  readonly login: { readonly user: string; readonly password: string } | null;
  /** `file:line:column` of the section. */
  readonly at: string;
}
