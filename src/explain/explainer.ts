// Runs a request through a configuration that was compiled to be watched, up to the moment at which something would be sent, and tells
// what was decided on the way.
import { compileRuntime, type Runtime, type RuntimeLog } from '../compile.ts';
import { listenKey } from '../config/addresses.ts';
import type { Model } from '../config/model.ts';
import type { Tree } from '../config/tree.ts';
import { Exchange, type ServerRuntime } from '../exchange/exchange.ts';
import { peerTlsFiles } from '../forward/tls/peer-files.ts';
import { MALFORMED, NEED_MORE, parseRequestHead, RequestHead } from '../http/request-head.ts';
import { exchangeOfRefused, refuse } from '../listen/refusal.ts';
import { MemorySessions } from '../listen/tls/sessions.ts';
import { readPem } from '../listen/tls-files.ts';
import { settleNames } from '../listen/unusual-names.ts';
import { LogFiles } from '../observe/log-files.ts';
import { systemClock } from '../shared/clock.ts';
import { Timer } from '../shared/timer.ts';
import { TICKET_KEY_BYTES, TicketKeys } from '../socket/ticket-keys.ts';
import { beforeHandshake, type ClientTls } from '../socket/tls/client-tls.ts';
import type { Discovery } from '../upstream/discovery.ts';
import { type AskedUrl, explainServer, type FoundAddress, findAddress } from './address.ts';
import { explainApplied, explainFilters } from './applied.ts';
import { DryClient, type DryEnd } from './dry-client.ts';
import type { Ending, Explanation } from './explanation.ts';
import { hintsOf } from './hints.ts';
import { locationAt } from './location-at.ts';
import { withPlaces } from './placed.ts';
import { written } from './search.ts';
import { SetAt } from './set-at.ts';
import { explainForward } from './told-forward.ts';
import { shown, Trail } from './trail.ts';
import { type Reached, Watching } from './watching.ts';

/** A request that is to be explained. */
export interface Asked {
  readonly url: AskedUrl;
  /** As it stands on the wire, latin1. */
  readonly head: string;
  readonly body: Buffer;
  /** The client's address. */
  readonly from: string;
}

/** Longer than anything on the road waits without a peer, but for who made it wait. */
const PATIENCE_MS = 10_000;

/** Of a text made here so much is shown. */
const SHOWN_BYTES = 500;

type Outcome = { readonly end: DryEnd } | { readonly reached: Reached } | { readonly late: true };

export class Explainer {
  readonly #model: Model;
  readonly #setAt: SetAt;
  readonly #watching: Watching;
  readonly runtime: Runtime;

  private constructor(model: Model, tree: Tree, watching: Watching, runtime: Runtime) {
    this.#model = model;
    this.#setAt = new SetAt(tree);
    this.#watching = watching;
    this.runtime = runtime;
  }

  /** Rejects with a CompileError where the configuration cannot be put to use. */
  static async create(model: Model, tree: Tree, found: Discovery): Promise<Explainer> {
    const watching = new Watching();
    const runtime = await compileRuntime(model, {
      previous: null,
      discovery: found,
      // TLS towards clients is left out: keys are for who may read them.
      tls: {
        selfSigned: null,
        files: peerFilesOf(model),
        ticketKeys: new TicketKeys([Buffer.alloc(TICKET_KEY_BYTES)]),
        sessions: new MemorySessions(1),
      },
      logFiles: new LogFiles(),
      log: logFor(watching),
      watch: watching.watch,
    });
    // Files of caches are for who serves.
    runtime.caches.retire(null);
    return new Explainer(model, tree, watching, runtime);
  }

  /** A sentence where nobody would hear the request. */
  async explain(asked: Asked): Promise<Explanation | string> {
    const found = findAddress(this.runtime, asked.url);
    if (typeof found === 'string') return found;
    const trail = new Trail();
    const run = await this.#run(asked, found, trail);
    if (typeof run === 'string') return run;
    const { x, outcome } = run;
    const told = this.#tell(asked, found, { x, outcome, trail });
    letGo(x);
    return told;
  }

  async #run(
    asked: Asked,
    { front, listen, localAddress }: FoundAddress,
    trail: Trail,
  ): Promise<{ readonly x: Exchange; readonly outcome: Outcome } | string> {
    const request = new RequestHead();
    const bytes = Buffer.from(asked.head, 'latin1');
    const range = { start: 0, end: bytes.length, scanned: 0 };
    const after = parseRequestHead(request, bytes, range, front.headLimits);
    if (after === NEED_MORE) return 'the request head has no end: no field may hold a line break';
    const tls = asked.url.secure ? tlsOf(asked.url.host) : null;
    const address = {
      remoteAddress: asked.from,
      remotePort: 50_000,
      localAddress,
      localPort: listen.port,
      tls,
    };
    const outcome = Promise.withResolvers<Outcome>();
    const client = new DryClient(address, front.serverBefore({ tls }), asked.body, (end) =>
      outcome.resolve({ end }),
    );
    const timer = new Timer(() => outcome.resolve({ late: true }), PATIENCE_MS);
    const x =
      after === MALFORMED
        ? exchangeOfRefused(client, request, front)
        : new Exchange(client, request, front.serverFor(request.host, client), systemClock.now());
    client.begin(x);
    this.#watching.follow(x, trail, (reached) => outcome.resolve({ reached }));
    if (after === MALFORMED) refuse(x, front);
    else begin(x, client.entry);
    const came = await outcome.promise;
    timer.stop();
    trail.closed = true;
    return { x, outcome: came };
  }

  #tell(
    { url, head, body, from }: Asked,
    found: FoundAddress,
    { x, outcome, trail }: { readonly x: Exchange; readonly outcome: Outcome; readonly trail: Trail },
  ): Explanation {
    const level = this.#watching.levelOf(x) ?? { at: '', settings: this.#model.settings };
    const serverAt = this.#watching.serverLevelOf(x)?.at ?? '';
    const ending = this.#endingOf(x, outcome);
    const isForward = ending.kind === 'forward';
    const last = trail.events.findLast((event) => event.kind === 'location' && event.depth === 0);
    const own = locationAt(this.#model, level.at);
    const family = 'reached' in outcome ? outcome.reached.ready.target.family : null;
    const told = {
      request: {
        method: x.request.method,
        target: shown(x.request.target || url.target),
        host: shown(x.request.host || url.authority),
        from,
        realAddress: x.remoteAddress,
        head: shown(head),
        bodyBytes: body.length,
      },
      address: {
        address: found.key,
        at: listenAt(this.#model, serverAt, found),
        why: found.why,
        tls: found.listen.ssl,
      },
      server: explainServer(this.#model, found.key, x.request.host, serverAt),
      trail: withPlaces(trail.events, this.#setAt),
      location: {
        location: own === undefined ? (last?.kind === 'location' ? last.location : '') : written(own.match),
        at: level.at,
        uri: shown(x.uri),
      },
      ending,
      applied: explainApplied(this.#setAt, level, family),
      filters: isForward ? explainFilters(this.#setAt, level, x.location.filters) : [],
    };
    return { ...told, hints: hintsOf(told, { level, model: this.#model, setAt: this.#setAt }) };
  }

  #endingOf(x: Exchange, outcome: Outcome): Ending {
    if ('reached' in outcome)
      return { kind: 'forward', forward: explainForward(this.#model, this.#setAt, outcome.reached) };
    if ('late' in outcome)
      return { kind: 'unknown', why: `nothing came of it within ${PATIENCE_MS / 1000} s` };
    const { end } = outcome;
    if (end.kind === 'closed')
      return { kind: 'closed', why: `the connection is closed without an answer (${x.status || 444})` };
    if (end.kind === 'broken') return { kind: 'closed', why: `the answer breaks off: ${end.why}` };
    const fields = x.lines.split('\r\n').filter((line) => line !== '');
    const answer = {
      status: x.status,
      fields: fields.map(shown),
      length: x.length,
      body: end.body === null ? '' : textOf(end.body),
    };
    return { kind: 'answer', answer };
  }
}

/** Of the server's own `listen`, where it has one for the address. */
function listenAt({ servers }: Model, server: string, { key, listen }: FoundAddress): string {
  const own = servers.find(({ at }) => at === server)?.settings.listens.find((one) => listenKey(one) === key);
  return (own ?? listen).at;
}

/** Throws an error that names the file. */
function peerFilesOf(model: Model): Readonly<Record<string, string>> {
  return Object.fromEntries([...peerTlsFiles(model)].map((path) => [path, readPem(path).toString('latin1')]));
}

function begin(x: Exchange, entry: ServerRuntime): void {
  if (x.request.hasUnusual) settleNames(x.request, entry, x.server);
  x.server.dispatch(x);
}

/** Nobody waits for the rest of the answer. */
function letGo(x: Exchange): void {
  const { source } = x;
  x.source = null;
  source?.onGone('client_aborted');
  x.dropAnswer();
  x.end();
}

/** The beginning of a text; '' for what is none. */
function textOf(body: Buffer): string {
  const text = body.subarray(0, SHOWN_BYTES).toString('utf8');
  return /[\x00-\x08\x0e-\x1f\ufffd]/.test(text) ? '' : text;
}

/** As a usual client would have it. */
function tlsOf(host: string): ClientTls {
  const name = /^[\d.]+$|:/.test(host) ? '' : host.toLowerCase();
  const terms = { serverName: name, trust: '', depth: 1 };
  return { ...beforeHandshake({ name, ciphers: '', groups: '' }, terms), protocol: 'TLSv1.3' };
}

function logFor(watching: Watching): RuntimeLog {
  return {
    attemptFailed: (x, _attempt, detail) => watching.note(x, 'error', detail),
    fileProblem: (x, message) => watching.note(x, 'error', message),
    note: (x, level, message) => watching.note(x, level, message),
    refused: () => {},
    noRoom: () => {},
    handshake: () => {},
  };
}
