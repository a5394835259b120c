// What the runner and the process of a target say to each other.
/** What a process is to do, as its one argument. */
export interface Job {
  /** Its name, or the address of a module. */
  readonly target: string;
  readonly seed: number;
  /** From this index to before that one. */
  readonly from: number;
  readonly to: number;
  readonly forMs: number;
  readonly rate: number;
  /** The file that it writes the index of each case to before the case begins, as a double. */
  readonly indexFile: string;
}

export type FromTarget =
  | { readonly type: 'processes'; readonly pids: Readonly<Record<string, number>> }
  | { readonly type: 'progress'; readonly done: number; readonly slowestMs: number; readonly slowest: number }
  | { readonly type: 'failure'; readonly index: number; readonly what: string; readonly input: string }
  | { readonly type: 'end' };
