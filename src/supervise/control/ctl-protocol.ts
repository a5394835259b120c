// What `lbproxy ctl` and lbproxy's own socket say to each other: POST /ctl with one CtlRequest as JSON, answered with status 200 and
// one JSON value a line (application/x-ndjson): any number of `line` and `result`, as things happen, then exactly one `done`.
// A request that cannot be read is answered with 400 and a plain sentence. Reading, signals, logs and stdin go over XML-RPC (/RPC2)
// and /logtail/NAME/stdout on the same socket.
import type { ProcessView } from './face.ts';

/**
 * Names are those of supervisorctl: `group:process`, `group:*` (or `group:`), `process` for `process:process`, `all`. No names at all
 * stands for all processes in `status`, and for all groups in `update`; elsewhere it is refused.
 */
export type CtlRequest =
  | { readonly command: 'status'; readonly args: { readonly names: readonly string[] } }
  | { readonly command: 'start' | 'stop'; readonly args: NamesAndWait }
  /** Rolling, where there is something to roll: group by group, max_unavailable processes at a time. */
  | { readonly command: 'restart'; readonly args: NamesAndWait }
  /** Names of groups. */
  | { readonly command: 'update'; readonly args: NamesAndWait }
  | { readonly command: 'scale'; readonly args: ScaleArgs }
  | { readonly command: 'drain' | 'undrain'; readonly args: NamesAndWait }
  | {
      readonly command: 'reopen' | 'reload' | 'shutdown' | 'info';
      readonly args: Readonly<Record<string, never>>;
    };

export interface NamesAndWait {
  readonly names: readonly string[];
  /** false: `done` comes as soon as the work has begun. */
  readonly wait: boolean;
}

export interface ScaleArgs {
  /** A program, or a group with one program. */
  readonly program: string;
  readonly count: number;
  readonly wait: boolean;
}

export type CtlCommand = CtlRequest['command'];

/** What became of one name, or of one process that a name stands for. */
export interface CtlResult {
  readonly group: string;
  /** '' where a group, or nothing, bears the name that was asked for. */
  readonly name: string;
  /** Supervisor's fault code; 80 (SUCCESS) for done. */
  readonly status: number;
  /** `OK`, or what Supervisor says, such as `BAD_NAME: web`. */
  readonly description: string;
  /** What a person wants to know beyond it (lbproxy's own words on why it failed); null for nothing. */
  readonly problem: string | null;
}

export type CtlAnswer =
  | { readonly line: string }
  | { readonly result: CtlResult }
  /** `text` sums it up in one sentence without a final dot; '' where results or data say it all. */
  | { readonly done: true; readonly ok: boolean; readonly text: string; readonly data: CtlData | null };

/** The data of `done`, by command; null for the others. */
export type CtlData = CtlStatus | CtlInfo;

export interface CtlStatus {
  readonly kind: 'status';
  /** In the order of Supervisor: by name of group, then of process. Those of names that were not found are in results before. */
  readonly processes: readonly CtlProcess[];
}

/** All there is to know of a process, with what XML-RPC's getProcessInfo adds. */
export interface CtlProcess extends ProcessView {
  /** `group:name`, or `name` where both are the same. */
  readonly namespec: string;
  /** As supervisorctl shows it: `pid 10336, uptime 0:02:18`. */
  readonly description: string;
  /** Supervisor's number of the state. */
  readonly stateCode: number;
}

export interface CtlInfo {
  readonly kind: 'info';
  readonly version: string;
  readonly pid: number;
  readonly identifier: string;
  readonly state: 'RUNNING' | 'RESTARTING' | 'SHUTDOWN';
  readonly mainLog: string | null;
  readonly groups: readonly string[];
}
