// A location that is compiled when the first request comes to it: most of a large configuration is asked for seldom.
import type { LocationRuntime } from '../exchange.ts';
import type { RoutedLocation } from './dispatch.ts';
import type { Script } from './script.ts';

export class LaterLocation implements RoutedLocation {
  readonly internal: boolean;
  readonly #make: () => RoutedLocation;
  #made: RoutedLocation | null = null;

  /** What can fail was tried before: `make` must not. */
  constructor(internal: boolean, make: () => RoutedLocation) {
    this.internal = internal;
    this.#make = make;
  }

  get runtime(): LocationRuntime {
    return this.#now.runtime;
  }

  get script(): Script | null {
    return this.#now.script;
  }

  get #now(): RoutedLocation {
    this.#made ??= this.#make();
    return this.#made;
  }
}
