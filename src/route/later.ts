// Servers and locations that are compiled when the first request comes to them: most of a large configuration is asked for seldom.
import type { Handler, LocationRuntime, ServerRuntime } from '../exchange/exchange.ts';
import type { RoutedLocation } from './dispatch.ts';
import type { Script } from './script.ts';

/** Made once. What can fail was tried before: `make` must not. */
class Later<T> {
  readonly #make: () => T;
  #made: T | null = null;

  constructor(make: () => T) {
    this.#make = make;
  }

  protected get made(): T {
    this.#made ??= this.#make();
    return this.#made;
  }
}

export class LaterLocation extends Later<RoutedLocation> implements RoutedLocation {
  readonly internal: boolean;

  constructor(internal: boolean, make: () => RoutedLocation) {
    super(make);
    this.internal = internal;
  }

  get runtime(): LocationRuntime {
    return this.made.runtime;
  }

  get limited(): RoutedLocation['limited'] {
    return this.made.limited;
  }

  get script(): Script | null {
    return this.made.script;
  }
}

export class LaterServer extends Later<ServerRuntime> implements ServerRuntime {
  get name(): string {
    return this.made.name;
  }

  get root(): LocationRuntime {
    return this.made.root;
  }

  get dispatch(): Handler {
    return this.made.dispatch;
  }

  get redirect(): ServerRuntime['redirect'] {
    return this.made.redirect;
  }

  get toNamed(): ServerRuntime['toNamed'] {
    return this.made.toNamed;
  }
}
