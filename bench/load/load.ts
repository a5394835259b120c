// What a load is: one way of asking a running contender for something, and the figures that come of it.
import type { Running } from '../contenders/contender.ts';

/**
 * What a round found, by name, the unit in the name. Loads of requests give requestsPerSecond, p50Ms, p90Ms, p99Ms, p999Ms,
 * cpuUs, userUs, systemUs (CPU µs per request of the contender's whole process tree), pssMb and failures; others have their own.
 */
export type Figures = Readonly<Record<string, number>>;

/** A load as data; `kind` names its loader in load/index.ts. Every loader declares its own members. */
export interface Load {
  readonly kind: string;
}

/** One round against one running contender. */
export type RunLoad<L extends Load = Load> = (running: Running, load: L, seconds: number) => Promise<Figures>;

/** Methods, not properties, so that a loader of one kind of load stands in the table of all. */
export interface Loader<L extends Load = Load> {
  /** Throws when the contender answers wrongly; called once before anything is timed. */
  verify(running: Running, load: L): Promise<void>;
  /** Makes the load concrete when all its contenders run, such as a rate relative to what they reach. */
  prepare?(contenders: readonly Running[], load: L): Promise<L>;
  /** One round. A load that measures starts or reloads makes its own instance from `running.contender`, `.setup` and `.place`. */
  run(running: Running, load: L, seconds: number): Promise<Figures>;
  /** Whether a round of one second goes before the measured ones; default true. */
  readonly warm?: boolean;
}
