// What a scenario is: a setup of the contenders, a load on them, and who takes part. Data only.
import type { Setup } from '../contenders/contender.ts';
import type { Load } from '../load/load.ts';

export interface Scenario<L extends Load = Load> {
  readonly name: string;
  /** One line: what is asked, and why it matters. */
  readonly about: string;
  /** What differs from PLAIN_SETUP. */
  readonly setup: Partial<Setup>;
  readonly load: L;
  /** Names of the contenders that make sense; default all that support the setup. */
  readonly contenders?: readonly string[];
  /** The figure that is compared, round by round; default cpuUs. */
  readonly figure?: string;
  /** Scenarios of one family run interleaved, because they are compared with each other. */
  readonly family?: string;
  /** Least seconds of a round that mean something. */
  readonly leastSeconds?: number;
  /** Seconds of load before the first round; default 2. */
  readonly warmSeconds?: number;
  /** Whether `--quick` runs it; default no. */
  readonly quick?: boolean;
}
