// Model → Runtime: the one file that knows every part. Each location becomes one ready handler, each address one front.
// A little past 300 lines: it knows every part so that no part knows another.
import { CORE_FILTERS } from './answer/head-pass.ts';
import { listenKey, socketKey } from './config/addresses.ts';
import { levelsOf, type PlacedLevel } from './config/levels.ts';
import { createLookup } from './config/lookup.ts';
import type { LocationMatch, LocationModel, Model, ScriptOp, ServerModel, Settings } from './config/model.ts';
import { setsItself } from './config/settings.ts';
import {
  type Exchange,
  FILTERS,
  type Filter,
  type Handler,
  type LocationRuntime,
  PHASES,
  type ServerRuntime,
  type Step,
} from './exchange.ts';
import type { FeaturePlace, NoteLevel } from './features/feature.ts';
import { FEATURES } from './features/list.ts';
import { zoneSpecs } from './features/zone-specs.ts';
import { compileForward, targetGroup } from './forward/compile-forward.ts';
import type { ForwardLog } from './forward/forward.ts';
import { PeerTlsSet } from './forward/tls/peer-tls.ts';
import { Door } from './listen/door.ts';
import type { Front } from './listen/front.ts';
import type { AddressPlan, ListenerPlan } from './listen/listener.ts';
import {
  createSecureContexts,
  type SecureContexts,
  type SecureServer,
  type TlsMaterial,
} from './listen/secure-contexts.ts';
import { createAccessLog } from './observe/access-log.ts';
import type { LogFiles } from './observe/log-files.ts';
import { createDispatcher, type Dispatcher, type RoutedLocation } from './route/dispatch.ts';
import { createHostTable, serverByName } from './route/hosts.ts';
import { LaterLocation, LaterServer } from './route/later.ts';
import type { LocationEntry } from './route/locations.ts';
import { createPhases } from './route/phases.ts';
import { compileScript, type ScriptTools } from './route/script.ts';
import { compileTemplate, type VariableLookup } from './route/template.ts';
import { sendText } from './serve/answer.ts';
import { createFail, createWaitPage } from './serve/error-page.ts';
import { mappingOf } from './serve/file-path.ts';
import { createFileHandler } from './serve/files.ts';
import { createTypeOf } from './serve/mime.ts';
import { createSendRedirect, escapePath, locationValue } from './serve/redirect.ts';
import { Slices } from './shared/slices.ts';
import type { Discovery } from './upstream/discovery.ts';
import { UpstreamSet } from './upstream/upstream-set.ts';
import { VERSION } from './version.ts';
import { ZoneSet } from './zones/zone.ts';

/** What a process gives the runtime to work with. */
export interface RuntimeTools {
  readonly previous: Runtime | null;
  readonly discovery: Discovery;
  readonly tls: TlsMaterial;
  readonly logFiles: LogFiles;
  /** Notes for the error log of a place. */
  readonly log: RuntimeLog;
}

export interface RuntimeLog extends ForwardLog {
  /** A file could not be served. */
  fileProblem(exchange: Exchange, message: string): void;
  /** Clients are turned away, and why. */
  noRoom(message: string): void;
  /** What a feature says of an exchange. */
  note(exchange: Exchange, level: NoteLevel, message: string): void;
  /** A request was answered with an error page of this status, and why. */
  refused(exchange: Exchange, status: number, detail: string): void;
}

/** A compiled configuration: what each address serves, and the groups behind. */
export interface Runtime {
  readonly model: Model;
  readonly listeners: ReadonlyMap<string, ListenerPlan>;
  readonly upstreams: UpstreamSet;
  readonly peerTls: PeerTlsSet;
  readonly zones: ZoneSet;
}

/** A setting that turned out unusable: a certificate that is none, a log that cannot be opened. */
export class CompileError extends Error {
  /** `file:line:column`. */
  readonly at: string;
  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

/** Rejects with a CompileError. Opens log files, but no socket. Works in slices: traffic goes on beside it. */
export async function compileRuntime(model: Model, tools: RuntimeTools): Promise<Runtime> {
  const upstreams = new UpstreamSet(model, tools.discovery, tools.previous?.upstreams ?? null);
  const lookup = createLookup(model.variables, (exchange, message) =>
    tools.log.note(exchange, 'error', message),
  );
  const peerTls = new PeerTlsSet(tools.tls.files, model.prefix, tools.previous?.peerTls ?? null);
  const zones = new ZoneSet(zoneSpecs(model), tools.previous?.zones ?? null);
  const compiler = new ServerCompiler({ upstreams, peerTls, zones, lookup, tools });
  const slices = new Slices();
  const servers: CompiledServer[] = [];
  for (const server of model.servers) {
    servers.push({ server, runtime: compiler.server(server) });
    await slices.step();
  }
  peerTls.settle();
  const door = new Door((message) => tools.log.noRoom(message));
  const listeners = await planListeners(model, servers, { tls: tools.tls, door, slices });
  return { model, listeners, upstreams, peerTls, zones };
}

/** Where a level is: its own match, and that of the location whose root or alias it uses. */
interface Place {
  readonly at: string;
  readonly match: LocationMatch | null;
  readonly rootMatch: LocationMatch | null;
  readonly settings: Settings;
}

interface CompiledServer {
  readonly server: ServerModel;
  readonly runtime: ServerRuntime;
}

type ListenTools = Pick<RuntimeTools, 'tls'> & { readonly door: Door; readonly slices: Slices };

/** One plan a socket, in the order of the configuration. */
async function planListeners(
  model: Model,
  servers: readonly CompiledServer[],
  tools: ListenTools,
): Promise<Map<string, ListenerPlan>> {
  const byAddress = new Map<string, Set<CompiledServer>>();
  for (const server of servers) {
    for (const key of server.server.settings.listens.map(listenKey)) {
      const here = byAddress.get(key) ?? new Set();
      byAddress.set(key, here.add(server));
    }
  }
  const plans = new Map<string, AddressPlan & Pick<ListenerPlan, 'key' | 'listen'>>();
  for (const [key, here] of byAddress) {
    await tools.slices.step();
    plans.set(key, await planAddress(key, [...here], tools));
  }
  const maxConnections = model.settings.workerConnections;
  const sockets = [...plans].filter(([key, { listen }]) => socketKey(listen, plans) === key);
  return new Map(
    sockets.map(([key, plan]) => {
      const served = [...plans.values()].filter((p) => p !== plan && socketKey(p.listen, plans) === key);
      const addresses = served.length > 0 ? new Map(served.map((p) => [p.listen.host, p])) : null;
      return [key, { ...plan, addresses, maxConnections, door: tools.door }];
    }),
  );
}

/** The servers of one address, the default one first. */
async function planAddress(
  key: string,
  here: readonly CompiledServer[],
  { tls, slices }: ListenTools,
): Promise<AddressPlan & Pick<ListenerPlan, 'key' | 'listen'>> {
  const isDefault = ({ server }: CompiledServer): boolean =>
    server.settings.listens.some((listen) => listenKey(listen) === key && listen.defaultServer);
  const first = here.find(isDefault) ?? here[0];
  const listen =
    first.server.settings.listens.find((l) => listenKey(l) === key) ?? first.server.settings.listens[0];
  const ordered = [first, ...here.filter((server) => server !== first)];
  const named = ordered.map(({ server }) => ({
    names: server.settings.serverNames.flat(),
    settings: server.settings,
  }));
  return {
    key,
    listen,
    front: createFront(first, here),
    secure: listen.ssl ? await secureContexts(first.server.at, named, { tls, slices }) : null,
  };
}

function secureContexts(
  place: string,
  servers: readonly SecureServer[],
  { tls, slices }: Pick<ListenTools, 'tls' | 'slices'>,
): Promise<SecureContexts> {
  return createSecureContexts(servers, tls, slices).catch((error: unknown) => fail(place, error));
}

function createFront(first: CompiledServer, here: readonly CompiledServer[]): Front {
  const table = createHostTable(
    here.flatMap(({ server, runtime }) =>
      server.settings.serverNames
        .flat()
        .map((name) => ({ names: [name], value: serverByName(runtime, name) })),
    ),
    first.runtime,
  );
  const { largeClientHeaderBuffers: buffers, maxHeaders, clientHeaderTimeoutMs } = first.server.settings;
  return {
    defaultServer: first.runtime,
    serverFor: (host) => table.find(host),
    headLimits: { maxLine: buffers.bytes, maxHead: buffers.bytes * buffers.count, maxFields: maxHeaders },
    headTimeoutMs: clientHeaderTimeoutMs,
  };
}

function at<T>(place: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    return fail(place, error);
  }
}

function fail(place: string, error: unknown): never {
  throw new CompileError(place, error instanceof Error ? error.message : String(error));
}

/** Everything that a level's settings give, shared by its handler, its script and its error pages. */
interface LevelParts {
  readonly fail: ReturnType<typeof createFail>;
  /** The same for those who tell of the failure themselves. */
  readonly failQuietly: ReturnType<typeof createFail>;
  readonly sendRedirect: ReturnType<typeof createSendRedirect>;
  /** A Location as it is sent: absolute where absolute_redirect asks for that. */
  readonly absolute: (exchange: Exchange, location: string) => string;
  readonly waitPage: ReturnType<typeof createWaitPage>;
}

/** What all locations of a configuration share. */
interface CompilerParts {
  readonly upstreams: UpstreamSet;
  readonly peerTls: PeerTlsSet;
  readonly zones: ZoneSet;
  readonly lookup: VariableLookup;
  readonly tools: RuntimeTools;
}

class ServerCompiler {
  readonly #upstreams: UpstreamSet;
  readonly #peerTls: PeerTlsSet;
  readonly #zones: ZoneSet;
  readonly #lookup: VariableLookup;
  readonly #tools: RuntimeTools;
  /** Formats are the http level's, the same for all. */
  readonly #logs = new Map<Settings['accessLog'], LocationRuntime['log']>();
  /** Of the server that is being compiled: index files start a new search in it. */
  #dispatcher: { current: Dispatcher | null } = { current: null };

  constructor({ upstreams, peerTls, zones, lookup, tools }: CompilerParts) {
    this.#upstreams = upstreams;
    this.#peerTls = peerTls;
    this.#zones = zones;
    this.#lookup = lookup;
    this.#tools = tools;
  }

  /** What can fail, and what others must hear of before a request comes, is made at once. */
  server(model: ServerModel): ServerRuntime {
    const levels = levelsOf(model, true);
    // What is not set at all comes from the http level.
    this.#log(model.settings, model.at);
    if (levels.length > MANY_LEVELS || !this.#foresee(levels)) return this.#server(model);
    return new LaterServer(() => this.#server(model));
  }

  #server(model: ServerModel): ServerRuntime {
    this.#dispatcher = { current: null };
    const place: Place = { at: model.at, match: null, rootMatch: null, settings: model.settings };
    const root = this.#level(model.settings, place);
    const script = compileScript(model.script, this.#scriptTools(place));
    const locations = this.#locations(model.locations, place);
    const dispatcher = createDispatcher({ runtime: root, script: null }, script, locations);
    this.#dispatcher.current = dispatcher;
    return { name: model.settings.serverNames.flat()[0] ?? '', root, ...dispatcher };
  }

  #locations(models: readonly LocationModel[], outer: Place): LocationEntry<RoutedLocation>[] {
    return models.flatMap((model) => {
      const place = innerPlace(model, outer);
      const value = this.#location(model, place);
      const entry = { match: model.match, value, locations: this.#locations(model.locations, place) };
      const bare = withoutSlash(model, models);
      return bare === '' ? [entry] : [entry, this.#slashRedirect(bare, value, model.settings)];
    });
  }

  /** `/x` goes to `/x/`: all else is as in the location there. */
  #slashRedirect(bare: string, there: RoutedLocation, settings: Settings): LocationEntry<RoutedLocation> {
    const value = new LaterLocation(() => {
      const { sendRedirect } = this.#parts(settings);
      const handle: Handler = (x) =>
        sendRedirect(x, 301, `${escapePath(x.uri)}/${x.hasArgs ? `?${x.args}` : ''}`);
      return { runtime: { ...there.runtime, handle }, script: null };
    });
    return { match: { kind: 'exact', text: bare }, value, locations: [] };
  }

  #location(model: LocationModel, place: Place): RoutedLocation {
    const dispatcher = this.#dispatcher;
    const make = (): RoutedLocation => {
      this.#dispatcher = dispatcher;
      return {
        runtime: this.#level(model.settings, place),
        script: compileScript(model.script, this.#scriptTools(place)),
      };
    };
    return this.#foresee(levelsOf(model, false)) ? new LaterLocation(make) : make();
  }

  /** Makes what requests must not be the first to need: logs and groups. False where there is more, that only the making shows. */
  #foresee(levels: readonly PlacedLevel[]): boolean {
    for (const { at: place, settings } of levels) {
      if (FEATURES.some((feature) => feature.mayFail?.(settings) === true)) return false;
      // What a level inherits was seen at the level around.
      if (setsItself(settings, 'accessLog')) this.#log(settings, place);
      const pass = setsItself(settings, 'proxyPass') ? settings.proxyPass : null;
      if (pass === null) continue;
      // Of TLS to peers files may turn out unusable.
      if (!pass.url.startsWith('http://')) return false;
      targetGroup(pass, this.#upstreams);
    }
    return true;
  }

  #log(settings: Settings, place: string): LocationRuntime['log'] {
    const { accessLog, logFormats } = settings;
    let log = this.#logs.get(accessLog);
    if (log === undefined) {
      log = at(place, () => createAccessLog(accessLog, logFormats, this.#lookup, this.#tools.logFiles));
      this.#logs.set(accessLog, log);
    }
    return log;
  }

  #scriptTools(place: Place): ScriptTools {
    const { settings } = place;
    const { sendRedirect } = this.#parts(settings);
    const typeOf = createTypeOf(settings.mimeTypes, settings.defaultType);
    return {
      lookup: this.#lookup,
      redirect: sendRedirect,
      text: (exchange, status, body) => sendText(exchange, status, body, typeOf(exchange.uri)),
      implicit: (op: Extract<ScriptOp, { op: 'if' }>) =>
        op.settings === null ? null : this.#level(op.settings, { ...place, at: op.at }),
    };
  }

  #parts(settings: Settings): LevelParts {
    const serverName = serverNameOf(settings);
    const page = { serverName, errorDetail: settings.errorDetail };
    const redirects = {
      serverName,
      absoluteRedirect: settings.absoluteRedirect,
      portInRedirect: settings.portInRedirect,
      serverNameInRedirect: settings.serverNameInRedirect,
    };
    return {
      fail: createFail({
        ...page,
        report: (exchange, status, detail) => this.#tools.log.refused(exchange, status, detail),
      }),
      failQuietly: createFail({ ...page, report: null }),
      waitPage: createWaitPage(page),
      sendRedirect: createSendRedirect(redirects),
      absolute: (exchange, location) => locationValue(exchange, location, redirects),
    };
  }

  #level(settings: Settings, place: Place): LocationRuntime {
    const parts = this.#parts(settings);
    const { keepalive } = settings;
    const featurePlace = this.#featurePlace({ ...place, settings });
    return {
      handle: createPhases(stepsOf(featurePlace), 'all', this.#content(settings, place, parts)),
      fail: parts.fail,
      filters: filtersOf(featurePlace),
      log: this.#log(settings, place.at),
      client: {
        maxBodyBytes: settings.clientMaxBodyBytes,
        bodyTimeoutMs: settings.clientBodyTimeoutMs,
        sendTimeoutMs: settings.sendTimeoutMs,
        keepaliveTimeoutMs: keepalive.timeoutMs,
        keepaliveHeaderSeconds: keepalive.headerSeconds,
        keepaliveRequests: settings.keepaliveRequests,
        keepaliveTimeMs: settings.keepaliveTimeMs,
        chunkedAllowed: settings.chunkedTransferEncoding,
        serverLine: `Server: ${serverNameOf(settings)}\r\n`,
      },
    };
  }

  #featurePlace({ settings, at, match }: Place): FeaturePlace {
    return {
      settings,
      at,
      match,
      lookup: this.#lookup,
      prefix: this.#upstreams.prefix,
      zones: this.#zones,
      typeOf: createTypeOf(settings.mimeTypes, settings.defaultType),
      report: (exchange, level, message) => this.#tools.log.note(exchange, level, message),
    };
  }

  #content(settings: Settings, place: Place, parts: LevelParts): Handler {
    const { log } = this.#tools;
    const { proxyPass } = settings;
    if (proxyPass?.url.startsWith('fastcgi:') === true)
      throw new CompileError(proxyPass.at, 'fastcgi_pass is read, but not served yet');
    if (proxyPass !== null) {
      const { absolute, waitPage } = parts;
      const own = { upstreams: this.#upstreams, peerTls: this.#peerTls };
      const tools = { ...own, lookup: this.#lookup, log, absolute, waitPage };
      return at(proxyPass.at, () => compileForward(proxyPass, settings, place.match, tools));
    }
    const { fileRoot } = settings;
    const dispatcher = this.#dispatcher;
    return createFileHandler({
      root: fileRoot === null ? null : compileTemplate(fileRoot.path, this.#lookup),
      mapping: fileRoot === null ? { kind: 'root' } : mappingOf(fileRoot, place.rootMatch),
      prefix: this.#upstreams.prefix,
      index: settings.index.flat().map((name) => compileTemplate(name, this.#lookup)),
      typeOf: createTypeOf(settings.mimeTypes, settings.defaultType),
      maxRanges: settings.maxRanges,
      etag: settings.etag,
      ifModifiedSince: settings.ifModifiedSince,
      logNotFound: settings.logNotFound,
      redirect: (exchange, uri) => dispatcher.current?.redirect(exchange, uri),
      sendRedirect: parts.sendRedirect,
      fail: parts.failQuietly,
      report: (exchange, message) => log.fileProblem(exchange, message),
    });
  }
}

/** The filters of a location in their order; null where no feature has one. */
function filtersOf(place: FeaturePlace): readonly Filter[] | null {
  const own = FEATURES.map((feature) => feature.filter?.(place) ?? null).filter((filter) => filter !== null);
  return own.length === 0 ? null : inOrder([...own, ...CORE_FILTERS], FILTERS);
}

function stepsOf(place: FeaturePlace): readonly Step[] {
  const steps = FEATURES.map((feature) => feature.step?.(place) ?? null).filter((step) => step !== null);
  return inOrder(steps, PHASES);
}

function inOrder<S extends string, T extends { readonly slot: S }>(
  parts: readonly T[],
  slots: readonly S[],
): readonly T[] {
  return parts.toSorted((a, b) => slots.indexOf(a.slot) - slots.indexOf(b.slot));
}

/** A server of more levels is made in slices, not when a request comes. */
const MANY_LEVELS = 200;

/** `/x` of a proxied location `/x/`, unless `/x` is a location itself (nginx: auto_redirect); '' for all others. */
function withoutSlash({ match, settings }: LocationModel, siblings: readonly LocationModel[]): string {
  if (match.kind === 'regex' || match.kind === 'named') return '';
  if (settings.proxyPass === null || !match.text.endsWith('/')) return '';
  const bare = match.text.slice(0, -1);
  return siblings.some((other) => other.match.kind !== 'regex' && other.match.text === bare) ? '' : bare;
}

/** A location that inherits an alias goes on replacing the prefix of the location that has it. */
function innerPlace(model: LocationModel, outer: Place): Place {
  const inherited = !setsItself(model.settings, 'fileRoot');
  return {
    at: model.at,
    match: model.match,
    rootMatch: inherited ? outer.rootMatch : model.match,
    settings: model.settings,
  };
}

function serverNameOf(settings: Settings): string {
  return settings.serverTokens === 'off' ? 'lbproxy' : `lbproxy/${VERSION}`;
}
