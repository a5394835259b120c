// A server that somebody looks on at: each exchange is shown to the tap before it is dispatched.
import type { Exchange, Handler, LocationRuntime, ServerRuntime } from '../exchange/exchange.ts';
import type { RoadTap } from '../exchange/tap.ts';

export class SeenServer implements ServerRuntime {
  readonly #server: ServerRuntime;
  readonly #tap: RoadTap;

  constructor(server: ServerRuntime, tap: RoadTap) {
    this.#server = server;
    this.#tap = tap;
  }

  get name(): string {
    return this.#server.name;
  }

  get root(): LocationRuntime {
    return this.#server.root;
  }

  readonly dispatch: Handler = (x: Exchange): void => {
    this.#tap.begin(x);
    this.#server.dispatch(x);
  };

  readonly refused: Handler = (x: Exchange): void => this.#tap.begin(x);

  get redirect(): ServerRuntime['redirect'] {
    return this.#server.redirect;
  }

  get toNamed(): ServerRuntime['toNamed'] {
    return this.#server.toNamed;
  }
}
