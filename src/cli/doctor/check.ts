// What a check of `lbproxy doctor` is given, and what it finds.
import type { Model } from '../../config/model.ts';
import type { Tree } from '../../config/tree.ts';
import type { PoolPlan } from '../../supervise/plan.ts';

/** `problem`: something does not work. `advice`: it may surprise. */
export type Level = 'problem' | 'advice';

export interface Finding {
  readonly check: string;
  readonly level: Level;
  /** `file:line:column`, '' where there is no place. */
  readonly at: string;
  readonly what: string;
  /** What to do. */
  readonly fix: string;
}

/** The machine, as far as checks ask for it. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** Without its `v`. */
  readonly nodeVersion: string;
  readonly nowMs: number;
  /** Most descriptors of a process; null where nobody tells. */
  readonly descriptors: number | null;
  /** Undefined for what cannot be read. */
  readFile(path: string): string | undefined;
  isDirectory(path: string): boolean;
  /** When a file was changed last; undefined where there is none. */
  changedAtMs(path: string): number | undefined;
  /** Addresses of a name; none where it does not resolve. */
  addressesOf(name: string): Promise<readonly string[]>;
  /** A sentence for an address that cannot be listened on. */
  whyPortUnusable(host: string, port: number): Promise<string | undefined>;
  accepts(host: string, port: number): Promise<boolean>;
  /** Stores of this machine that do not believe local certificates; null where there is no authority yet. */
  distrustedBy(stateDir: string): readonly string[] | null;
}

/** A configuration that was read without errors. */
export interface ReadSite {
  readonly file: string;
  readonly model: Model;
  readonly tree: Tree;
  readonly pool: PoolPlan;
  /** An lbproxy runs with it: its ports are its own. */
  readonly runs: boolean;
}

export interface Check {
  readonly name: string;
  /** What is looked at, for the list of all. */
  readonly about: string;
  /** `site` is null where there is no configuration. */
  run(here: Surroundings, site: ReadSite | null): readonly Finding[] | Promise<readonly Finding[]>;
}

/** Makes a check's findings. */
export function finder(check: string) {
  const find =
    (level: Level) =>
    (what: string, fix: string, at = ''): Finding => ({ check, level, at, what, fix });
  return { problem: find('problem'), advice: find('advice') };
}
