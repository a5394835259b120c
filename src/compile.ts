// Model → Runtime: the one file that knows every part. Each location becomes one ready handler, each address one front.
// A little past 300 lines: it knows every part so that no part knows another.
import { isDeepStrictEqual } from 'node:util';
import { CORE_FILTERS } from './answer/head-pass.ts';
import { listenKey, socketKey } from './config/addresses.ts';
import { createLookup } from './config/lookup.ts';
import type { LocationMatch, LocationModel, Model, ScriptOp, ServerModel, Settings } from './config/model.ts';
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
import { createRate, limitByPeer } from './features/rate/rate.ts';
import { zoneSpecs } from './features/zone-specs.ts';
import { compileForward } from './forward/compile-forward.ts';
import type { ForwardLog } from './forward/forward.ts';
import { PeerTlsSet } from './forward/tls/peer-tls.ts';
import { Door } from './listen/door.ts';
import type { Front } from './listen/front.ts';
import type { AddressPlan, ListenerPlan } from './listen/listener.ts';
import { createSecureContexts, type TlsMaterial } from './listen/secure-contexts.ts';
import { createAccessLog } from './observe/access-log.ts';
import type { LogFiles } from './observe/log-files.ts';
import { createDispatcher, type Dispatcher, type RoutedLocation } from './route/dispatch.ts';
import { createHostTable, serverByName } from './route/hosts.ts';
import type { LocationEntry } from './route/locations.ts';
import { createPhases } from './route/phases.ts';
import { compileScript, type ScriptTools } from './route/script.ts';
import { setsVariable } from './route/sets.ts';
import { compileTemplate, type VariableLookup } from './route/template.ts';
import { sendText } from './serve/answer.ts';
import { createFail, createWaitPage, errorPage } from './serve/error-page.ts';
import { ErrorRules } from './serve/error-rules.ts';
import { fileCopies } from './serve/file-copies.ts';
import { mappingOf } from './serve/file-path.ts';
import { createFileHandler, type FileOptions } from './serve/files.ts';
import { createTypeOf } from './serve/mime.ts';
import { createSendRedirect, escapePath, locationValue } from './serve/redirect.ts';
import { createTryFiles } from './serve/try-files.ts';
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
  const compiler = new ServerCompiler({
    upstreams,
    peerTls,
    zones,
    lookup,
    tools,
    setsRate: setsVariable(model, 'limit_rate'),
  });
  const slices = new Slices();
  const servers: CompiledServer[] = [];
  for (const server of model.servers) {
    servers.push({ server, runtime: compiler.server(server) });
    await slices.step();
  }
  peerTls.settle();
  const door = new Door((message) => tools.log.noRoom(message));
  return { model, listeners: planListeners(model, servers, { ...tools, door }), upstreams, peerTls, zones };
}

/** Where a level is: its own match, and that of the location whose root or alias it uses. */
interface Place {
  readonly at: string;
  readonly match: LocationMatch | null;
  readonly rootMatch: LocationMatch | null;
  readonly settings: Settings;
  /** The implicit location of an `if`: try_files does not hold in it (nginx merges none). */
  readonly implicit?: boolean;
}

interface CompiledServer {
  readonly server: ServerModel;
  readonly runtime: ServerRuntime;
}

type ListenTools = Pick<RuntimeTools, 'tls'> & { readonly door: Door };

/** One plan a socket, in the order of the configuration. */
function planListeners(
  model: Model,
  servers: readonly CompiledServer[],
  tools: ListenTools,
): Map<string, ListenerPlan> {
  const plans = new Map<string, AddressPlan & Pick<ListenerPlan, 'key' | 'listen'>>();
  for (const { settings } of model.servers) {
    for (const listen of settings.listens) {
      const key = listenKey(listen);
      if (!plans.has(key)) plans.set(key, planAddress(key, servers, tools));
    }
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
function planAddress(
  key: string,
  all: readonly CompiledServer[],
  tools: ListenTools,
): AddressPlan & Pick<ListenerPlan, 'key' | 'listen'> {
  const here = all.filter(({ server }) =>
    server.settings.listens.some((listen) => listenKey(listen) === key),
  );
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
    secure: listen.ssl ? at(first.server.at, () => createSecureContexts(named, tools.tls)) : null,
  };
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
    throw new CompileError(place, error instanceof Error ? error.message : String(error));
  }
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
  readonly setsRate: boolean;
}

class ServerCompiler {
  readonly #upstreams: UpstreamSet;
  readonly #peerTls: PeerTlsSet;
  readonly #zones: ZoneSet;
  readonly #lookup: VariableLookup;
  readonly #tools: RuntimeTools;
  readonly #setsRate: boolean;
  /** Of the server that is being compiled: index files start a new search in it. */
  #dispatcher: { current: Dispatcher | null } = { current: null };

  constructor({ upstreams, peerTls, zones, lookup, tools, setsRate }: CompilerParts) {
    this.#setsRate = setsRate;
    this.#upstreams = upstreams;
    this.#peerTls = peerTls;
    this.#zones = zones;
    this.#lookup = lookup;
    this.#tools = tools;
  }

  server(model: ServerModel): ServerRuntime {
    this.#dispatcher = { current: null };
    const place: Place = { at: model.at, match: null, rootMatch: null, settings: model.settings };
    const root = this.#level(model.settings, place);
    const script = compileScript(model.script, this.#scriptTools(place));
    const locations = this.#locations(model.locations, place);
    const dispatcher = createDispatcher({ runtime: root, script: null, internal: false }, script, locations);
    this.#dispatcher.current = dispatcher;
    return { name: model.settings.serverNames.flat()[0] ?? '', root, ...dispatcher };
  }

  #locations(models: readonly LocationModel[], outer: Place): LocationEntry<RoutedLocation>[] {
    return models.flatMap((model) => {
      const place = innerPlace(model, outer);
      const value = this.#location(model, place);
      const entry = { match: model.match, value, locations: this.#locations(model.locations, place) };
      const bare = withoutSlash(model, models);
      return bare === '' ? [entry] : [entry, this.#slashRedirect(bare, value.runtime, model.settings)];
    });
  }

  /** `/x` goes to `/x/`: all else is as in the location there. */
  #slashRedirect(bare: string, there: LocationRuntime, settings: Settings): LocationEntry<RoutedLocation> {
    const { sendRedirect } = this.#parts(settings);
    const handle: Handler = (x) =>
      sendRedirect(x, 301, `${escapePath(x.uri)}/${x.hasArgs ? `?${x.args}` : ''}`);
    const runtime = { ...there, handle };
    const { internal } = settings;
    return {
      match: { kind: 'exact', text: bare },
      value: { runtime, script: null, internal },
      locations: [],
    };
  }

  #location(model: LocationModel, place: Place): RoutedLocation {
    return {
      runtime: this.#level(model.settings, place),
      script: compileScript(model.script, this.#scriptTools(place)),
      internal: model.settings.internal,
    };
  }

  #scriptTools(place: Place): ScriptTools {
    const { settings } = place;
    const { sendRedirect } = this.#parts(settings);
    const typeOf = createTypeOf(settings.mimeTypes, settings.defaultType);
    return {
      lookup: this.#lookup,
      report: (exchange, message) => this.#tools.log.note(exchange, 'error', message),
      redirect: sendRedirect,
      text: (exchange, status, body) => sendText(exchange, status, body, typeOf(exchange.uri)),
      implicit: (op: Extract<ScriptOp, { op: 'if' }>) =>
        op.settings === null ? null : this.#level(op.settings, { ...place, at: op.at, implicit: true }),
    };
  }

  #parts(settings: Settings): LevelParts {
    const serverName = serverNameOf(settings);
    const rules =
      settings.errorPages.length === 0
        ? null
        : new ErrorRules({
            pages: settings.errorPages,
            recursive: settings.recursiveErrorPages,
            lookup: this.#lookup,
            page: (status) => errorPage(status, serverName, ''),
          });
    const page = { serverName, errorDetail: settings.errorDetail, rules };
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
      sendRedirect: createSendRedirect({ ...redirects, rules }),
      absolute: (exchange, location) => locationValue(exchange, location, redirects),
    };
  }

  #level(settings: Settings, place: Place): LocationRuntime {
    const parts = this.#parts(settings);
    const { keepalive } = settings;
    const featurePlace = this.#featurePlace({ ...place, settings });
    return {
      handle: createPhases(
        stepsOf(featurePlace, this.#tryFiles(settings, place)),
        'all',
        this.#content(settings, place, parts),
      ),
      fail: parts.fail,
      filters: filtersOf(featurePlace),
      rate: createRate(featurePlace),
      log: at(place.at, () =>
        createAccessLog(settings.accessLog, settings.logFormats, this.#lookup, this.#tools.logFiles),
      ),
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
      setsRate: this.#setsRate,
      report: (exchange, level, message) => this.#tools.log.note(exchange, level, message),
    };
  }

  /** Where the files of a location are. */
  #fileBase({ fileRoot }: Settings, place: Place): Pick<FileOptions, 'root' | 'mapping' | 'prefix'> {
    return {
      root: fileRoot === null ? null : compileTemplate(fileRoot.path, this.#lookup),
      mapping: fileRoot === null ? { kind: 'root' } : mappingOf(fileRoot, place.rootMatch),
      prefix: this.#upstreams.prefix,
    };
  }

  #tryFiles(settings: Settings, place: Place): Step | null {
    const { tryFiles: setting } = settings;
    if (setting === null || place.implicit === true) return null;
    return createTryFiles({
      ...this.#fileBase(settings, place),
      setting,
      copies: fileCopies,
      lookup: this.#lookup,
      report: (exchange, message) => this.#tools.log.fileProblem(exchange, message),
    });
  }

  #content(settings: Settings, place: Place, parts: LevelParts): Handler {
    const { log } = this.#tools;
    const { proxyPass } = settings;
    if (proxyPass?.url.startsWith('fastcgi:') === true)
      throw new CompileError(proxyPass.at, 'fastcgi_pass is read, but not served yet');
    if (proxyPass !== null) {
      const { absolute, waitPage } = parts;
      const own = { upstreams: this.#upstreams, peerTls: this.#peerTls, limitRate: limitByPeer };
      const tools = { ...own, lookup: this.#lookup, log, absolute, waitPage };
      return at(proxyPass.at, () => compileForward(proxyPass, settings, place.match, tools));
    }
    const dispatcher = this.#dispatcher;
    return createFileHandler({
      ...this.#fileBase(settings, place),
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

function stepsOf(place: FeaturePlace, tryFiles: Step | null): readonly Step[] {
  const own = FEATURES.map((feature) => feature.step?.(place) ?? null);
  const steps = [...own, tryFiles].filter((step) => step !== null);
  return inOrder(steps, PHASES);
}

function inOrder<S extends string, T extends { readonly slot: S }>(
  parts: readonly T[],
  slots: readonly S[],
): readonly T[] {
  return parts.toSorted((a, b) => slots.indexOf(a.slot) - slots.indexOf(b.slot));
}

/** `/x` of a proxied location `/x/`, unless `/x` is a location itself (nginx: auto_redirect); '' for all others. */
function withoutSlash({ match, settings }: LocationModel, siblings: readonly LocationModel[]): string {
  if (match.kind === 'regex' || match.kind === 'named') return '';
  if (settings.proxyPass === null || !match.text.endsWith('/')) return '';
  const bare = match.text.slice(0, -1);
  return siblings.some((other) => other.match.kind !== 'regex' && other.match.text === bare) ? '' : bare;
}

/** A location that inherits an alias goes on replacing the prefix of the location that has it. */
function innerPlace(model: LocationModel, outer: Place): Place {
  const inherited = isDeepStrictEqual(model.settings.fileRoot, outer.settings.fileRoot);
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
