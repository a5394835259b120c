// Faults that somebody set for locations while lbproxy runs, until the next reload. The primary tells the whole table whenever it changes.
import type { FaultKind, FaultValue } from './rows.ts';

export interface LiveFault extends FaultValue {
  /** As they are counted (`server_name`, and the location as it stands in the file; - outside of all). */
  readonly server: string;
  readonly location: string;
  readonly kind: FaultKind;
  /** As it was written. */
  readonly value: string;
  /** Of the requests, from 0 to 1. */
  readonly share: number;
}

export class LiveFaults {
  #byPlace: ReadonlyMap<string, LiveFault> | null = null;

  /** These hold from now on, and no others. */
  use(faults: readonly LiveFault[]): void {
    this.#byPlace =
      faults.length === 0
        ? null
        : new Map(faults.map((fault) => [keyOf(fault.kind, fault.server, fault.location), fault]));
  }

  get isEmpty(): boolean {
    return this.#byPlace === null;
  }

  /** `key`: `keyOf` of a place. */
  of(key: string): LiveFault | undefined {
    return this.#byPlace?.get(key);
  }
}

export function keyOf(kind: FaultKind, server: string, location: string): string {
  return `${kind}\n${server}\n${location}`;
}

/** Those of this process. */
export const liveFaults = new LiveFaults();
