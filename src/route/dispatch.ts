// From a request to the handler of its location: server script, location search, location script, at most ten times round.
import type { Exchange, Handler, LocationRuntime, ServerRuntime, Step } from '../exchange/exchange.ts';
import { createLocationFinder, type LocationEntry, type LocationFinder } from './locations.ts';
import type { Script } from './script.ts';
import { plainTarget, resolvedUri } from './uri.ts';

/** A location with the script that runs before its handler. */
export interface RoutedLocation {
  readonly runtime: LocationRuntime;
  readonly script: Script | null;
  /** Clients do not come here. */
  readonly internal: boolean;
  /** Takes the place of both for other methods than these (limit_except). */
  readonly limited: { readonly except: ReadonlySet<string>; readonly runtime: LocationRuntime } | null;
}

/** What a server has before it looks for a location; null = it has none. */
export interface BeforeLocation {
  readonly script: Script | null;
  /** For a client's own request, before the script (nginx's phase POST_READ). */
  readonly realip: Step | null;
}

/** nginx: "rewrite or internal redirection cycle". */
const MAX_REDIRECTS = 10;

export interface Dispatcher {
  readonly dispatch: Handler;
  readonly redirect: ServerRuntime['redirect'];
  readonly toNamed: ServerRuntime['toNamed'];
}

type Entries = readonly LocationEntry<RoutedLocation>[];

/** Who looks on: gives what stands in the place of the search for a location. */
export interface DispatchWatch {
  finder(locations: Entries, find: LocationFinder<RoutedLocation>): LocationFinder<RoutedLocation>;
}

export function createDispatcher(
  root: RoutedLocation,
  { script: serverScript, realip }: BeforeLocation,
  locations: Entries,
  watch?: DispatchWatch,
): Dispatcher {
  const plain = createLocationFinder(locations);
  const find = watch?.finder(locations, plain) ?? plain;

  const named = namedLocations(locations);

  const toLocation = (exchange: Exchange): void => {
    while (enterLocation(exchange, find(exchange.uri, exchange) ?? root, false) === 'relocate')
      if (!mayTurn(exchange, `while processing "${exchange.uri}"`)) return;
  };

  /** The server's own script may rewrite; a location is searched for in any case. */
  const enter = (exchange: Exchange): void => {
    if (serverScript !== null && serverScript(exchange) === 'answered') return;
    toLocation(exchange);
  };

  return {
    dispatch(exchange) {
      const { request, client } = exchange;
      const uri = plainTarget(request) ?? resolvedUri(request.path, client.entry.root.client.mergeSlashes);
      if (uri === null) {
        exchange.closeAfter = true;
        exchange.uriRefused = true;
        // nginx knows no Host yet when it reads the target.
        exchange.server = client.entry;
        exchange.location = exchange.server.root;
        exchange.location.fail(exchange, 400, 'the request target is not a valid path');
        return;
      }
      exchange.uri = uri.uri;
      exchange.args = uri.args;
      exchange.hasArgs = uri.hasArgs;
      realip?.run(exchange);
      enter(exchange);
    },
    redirect(exchange, uri, args) {
      if (!mayTurn(exchange, `while internally redirecting to "${uri}"`)) return;
      leaveLocation(exchange, root.runtime);
      exchange.uri = uri;
      if (args !== undefined) {
        exchange.args = args ?? '';
        exchange.hasArgs = args !== null;
      }
      exchange.rewritten = true;
      exchange.locationHolds = true;
      exchange.uriInAlias = false;
      exchange.coding = 0;
      enter(exchange);
    },
    toNamed(exchange, name) {
      if (!mayTurn(exchange, `while redirecting to named location "${name}"`)) return;
      const found = named.get(name);
      if (found === undefined) {
        exchange.location.fail(exchange, 500, `could not find named location "${name}"`);
        return;
      }
      leaveLocation(exchange, found.runtime);
      if (
        enterLocation(exchange, found, true) === 'relocate' &&
        mayTurn(exchange, `while processing "${exchange.uri}"`)
      )
        toLocation(exchange);
    },
  };
}

/** Whether the exchange may go to yet another location; else it is answered. */
function mayTurn(exchange: Exchange, what: string): boolean {
  if (++exchange.redirects <= MAX_REDIRECTS) return true;
  exchange.location.fail(exchange, 500, `rewrite or internal redirection cycle ${what}`);
  return false;
}

/** What the location so far has begun ends with it; variables stay. */
function leaveLocation(exchange: Exchange, to: LocationRuntime): void {
  exchange.dropAnswer();
  exchange.proxyHost = '';
  exchange.tellsProxyHost = false;
  exchange.isInternal = true;
  exchange.location = to;
}

/** Of chunks, what has come of them. */
function bodyBytes({ request, body }: Exchange): number {
  return request.chunked ? (body?.received ?? 0) : request.contentLength;
}

/**
 * Script, then phases and content. 'relocate': the script wants another location. A named one does not look at the body's length
 * (ngx_http_core_find_config_phase does).
 */
function enterLocation(exchange: Exchange, found: RoutedLocation, isNamed: boolean): 'relocate' | 'entered' {
  const { limited, internal } = found;
  let { runtime, script } = found;
  exchange.location = runtime;
  exchange.isUriChanged = false;
  if (internal && !exchange.isInternal) {
    runtime.fail(exchange, 404, 'this location is internal');
    return 'entered';
  }
  if (limited !== null && !limited.except.has(exchange.method)) {
    runtime = limited.runtime;
    script = null;
    exchange.location = runtime;
  }
  const maxBodyBytes = isNamed ? 0 : runtime.client.maxBodyBytes;
  if (maxBodyBytes > 0 && bodyBytes(exchange) > maxBodyBytes && !exchange.bodyRefused) {
    exchange.closeAfter = true;
    // What was read goes on to the next location, and so does what a subrequest was given (ngx_http_discard_request_body).
    exchange.bodyRefused = exchange.body === null && !exchange.isSub;
    exchange.failure = 'client_body_too_large';
    runtime.fail(exchange, 413, `the body is larger than client_max_body_size (${maxBodyBytes} bytes)`);
    return 'entered';
  }
  const outcome = script === null ? 'go-on' : script(exchange);
  if (outcome === 'relocate') return 'relocate';
  if (outcome !== 'answered') exchange.location.handle(exchange);
  return 'entered';
}

function namedLocations(entries: Entries): ReadonlyMap<string, RoutedLocation> {
  const named = entries.filter(({ match }) => match.kind === 'named');
  return new Map(named.map(({ match, value }) => [match.text, value]));
}
