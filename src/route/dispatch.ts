// From a request to the handler of its location: server script, location search, location script, at most ten times round.
import type { Exchange, Handler, LocationRuntime } from '../exchange.ts';
import { createLocationFinder, type LocationEntry } from './locations.ts';
import type { Script } from './script.ts';
import { normaliseUri, PLAIN } from './uri.ts';

/** A location with the script that runs before its handler. */
export interface RoutedLocation {
  readonly runtime: LocationRuntime;
  readonly script: Script | null;
}

/** nginx: "rewrite or internal redirection cycle". */
const MAX_REDIRECTS = 10;

export interface Dispatcher {
  readonly dispatch: Handler;
  /** Goes to another URI of the same server, through the server's script again: index files. */
  readonly redirectInternally: (exchange: Exchange, uri: string) => void;
}

export function createDispatcher(
  root: RoutedLocation,
  serverScript: Script | null,
  locations: readonly LocationEntry<RoutedLocation>[],
): Dispatcher {
  const find = createLocationFinder(locations);

  const toLocation = (exchange: Exchange): void => {
    while (exchange.redirects++ <= MAX_REDIRECTS) {
      const found = find(exchange.uri, exchange) ?? root;
      exchange.location = found.runtime;
      const { maxBodyBytes } = found.runtime.client;
      if (maxBodyBytes > 0 && exchange.request.contentLength > maxBodyBytes) {
        exchange.closeAfter = true;
        exchange.failure = 'client_body_too_large';
        found.runtime.fail(
          exchange,
          413,
          `the body is larger than client_max_body_size (${maxBodyBytes} bytes)`,
        );
        return;
      }
      const outcome = found.script === null ? 'go-on' : found.script(exchange);
      if (outcome === 'answered') return;
      if (outcome === 'relocate') continue;
      exchange.location.handle(exchange);
      return;
    }
    exchange.location.fail(exchange, 500, 'rewrite or internal redirection cycle');
  };

  /** The server's own script may rewrite; a location is searched for in any case. */
  const enter = (exchange: Exchange): void => {
    if (serverScript !== null && serverScript(exchange) === 'answered') return;
    toLocation(exchange);
  };

  return {
    dispatch(exchange) {
      const { path } = exchange.request;
      if (PLAIN.test(path)) {
        exchange.uri = path;
      } else {
        const uri = normaliseUri(path);
        if (uri === null) {
          exchange.closeAfter = true;
          root.runtime.fail(exchange, 400, 'the request target is not a valid path');
          return;
        }
        exchange.uri = uri.uri;
        exchange.args = uri.args;
        exchange.hasArgs = uri.hasArgs;
      }
      enter(exchange);
    },
    redirectInternally(exchange, uri) {
      exchange.uri = uri;
      exchange.rewritten = true;
      exchange.locationHolds = true;
      exchange.location = root.runtime;
      enter(exchange);
    },
  };
}
