// What a target of the fuzz runner is. A case is plain data, made of its seed and index alone: it can be printed, kept and run again.
import type { Random } from './random.ts';

export const TARGET_NAMES = ['config', 'client', 'peer', 'embed', 'ipc'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

export interface Target<Case> {
  /** How many cases are under way at a time. */
  readonly lanes: number;
  make(random: Random): Case;
  /** Rejects, or throws, with what is wrong. `lane` is the number of the lane that it runs on. */
  run(input: Case, lane: number): Promise<void> | void;
  /** Something that no case sees: called about every second and at the end. Throws what is wrong. */
  check?(): Promise<void> | void;
  /** The processes whose memory must stay flat, by name. */
  processes(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** Something that is wrong, in words for the report; any other error is told of with where it came from. */
export class Finding extends Error {}

export function fail(what: string): never {
  throw new Finding(what);
}

/** Every byte of a case can be seen, and pasted into a test. */
export function shown(input: unknown): string {
  return JSON.stringify(input).replace(
    /[\x7f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
