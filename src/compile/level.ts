// One level of the configuration (a location, a server outside of all, an `if`) → what the road asks of it.
import type { LocationMatch, Settings } from '../config/model.ts';
import type { Exchange, FilePlace, Handler, LocationRuntime, Step } from '../exchange/exchange.ts';
import { FACES } from '../face/face.ts';
import { FORBIDDEN } from '../features/access/access.ts';
import type { ContentPlace, FeaturePlace } from '../features/feature.ts';
import { createRate } from '../features/rate/rate.ts';
import { compileApp } from '../forward/apps/compile-app.ts';
import { compileForward } from '../forward/compile-forward.ts';
import { scriptPathOf } from '../forward/fastcgi/script-path.ts';
import type { ProxyPass } from '../forward/rows.ts';
import { ALL_NAMES, UNDERSCORES } from '../http/fields.ts';
import { endsFor } from '../listen/browsers.ts';
import { createAccessLog } from '../observe/access-log.ts';
import { createPhases } from '../route/phases.ts';
import { compileTemplate } from '../route/template.ts';
import { createWithDirectory } from '../serve/directory.ts';
import { noteFor } from '../serve/error-notes.ts';
import { createFail, createWaitPage, errorPage } from '../serve/error-page.ts';
import { ErrorRules } from '../serve/error-rules.ts';
import { FileCopies, fileCopies } from '../serve/file-copies.ts';
import type { FileBase } from '../serve/file-path.ts';
import { mappingOf } from '../serve/file-path.ts';
import { refuse } from '../serve/file-refusal.ts';
import { createFileHandler } from '../serve/files.ts';
import { indexContent } from '../serve/index-files.ts';
import { createTypeOf } from '../serve/mime.ts';
import { problemOf } from '../serve/open-file.ts';
import { precompressedContent } from '../serve/precompressed.ts';
import { createSendRedirect, locationValue } from '../serve/redirect.ts';
import { RootPlace } from '../serve/root-place.ts';
import { createTryFiles } from '../serve/try-files.ts';
import { beforeLog } from './before-log.ts';
import { at } from './compile-error.ts';
import { contentOf, filtersOf, idling, ownVariablesOf, stepsOf } from './feature-parts.ts';
import type { RuntimeLog, Shared } from './runtime.ts';
import { locationLabel } from './traffic-series.ts';
import type { Watch } from './watch.ts';

/** Where a level is: its own match, and that of the location whose root or alias it uses. */
export interface Place {
  readonly at: string;
  /** The server that it stands in, as it is counted. */
  readonly server: string;
  readonly match: LocationMatch | null;
  readonly rootMatch: LocationMatch | null;
  readonly settings: Settings;
  /** The implicit location of an `if`: try_files does not hold in it (nginx merges none). */
  readonly implicit?: boolean;
}

/** Everything that a level's settings give, shared by its handler, its script and its error pages. */
export interface LevelParts {
  readonly fail: ReturnType<typeof createFail>;
  /** The same for those who tell of the failure themselves. */
  readonly failQuietly: ReturnType<typeof createFail>;
  readonly sendRedirect: ReturnType<typeof createSendRedirect>;
  /** A Location as it is sent: absolute where absolute_redirect asks for that. */
  readonly absolute: (exchange: Exchange, location: string) => string;
  readonly waitPage: ReturnType<typeof createWaitPage>;
}

export class LevelCompiler {
  readonly #shared: Shared;
  /** Formats are the http level's, the same for all. */
  readonly #logs = new Map<Settings['logFileCache'], Map<Settings['accessLog'], LocationRuntime['log']>>();

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  level(settings: Settings, place: Place): LocationRuntime {
    const made = idling(this.#level(settings, place));
    return this.#watch()?.level({ at: place.at, settings }, made) ?? made;
  }

  #level(settings: Settings, place: Place): LocationRuntime {
    const parts = this.parts(settings, place.at);
    const { keepalive } = settings;
    const featurePlace = this.#featurePlace({ ...place, settings });
    return {
      handle: createPhases(
        stepsOf(featurePlace, this.#tryFiles(settings, place), this.#watch()),
        {
          satisfy: settings.satisfy,
          authDelayMs: settings.authDelayMs,
          forbidden: (x) => this.#noteOf(settings)(x, 'error', FORBIDDEN),
        },
        settings.proxyPass === null
          ? this.#content(featurePlace, place, parts)
          : this.#pass(settings.proxyPass, settings, place, parts),
      ),
      fail: parts.fail,
      script: scriptPathOf(settings),
      filters: filtersOf(featurePlace, this.#watch()),
      rate: createRate(featurePlace),
      own: ownVariablesOf(featurePlace),
      ...this.#logging({ ...place, settings }),
      files: this.#files(settings, place),
      client: {
        maxBodyBytes: settings.clientMaxBodyBytes,
        bodyTimeoutMs: settings.clientBodyTimeoutMs,
        sendTimeoutMs: settings.sendTimeoutMs,
        keepaliveTimeoutMs: keepalive.timeoutMs,
        keepaliveHeaderSeconds: keepalive.headerSeconds,
        keepaliveRequests: settings.keepaliveRequests,
        keepaliveTimeMs: settings.keepaliveTimeMs,
        endsFor: endsFor(settings.keepaliveDisable),
        chunkedAllowed: settings.chunkedTransferEncoding,
        lingeringClose: settings.lingeringClose,
        lingeringTimeMs: settings.lingeringTimeMs,
        lingeringTimeoutMs: settings.lingeringTimeoutMs,
        resetsTimedOut: settings.resetTimedoutConnection,
        unusualNames: settings.ignoreInvalidHeaders
          ? settings.underscoresInHeaders
            ? UNDERSCORES
            : 0
          : ALL_NAMES,
        mergeSlashes: settings.mergeSlashes,
        serverLine: `Server: ${serverNameOf(settings)}\r\n`,
      },
    };
  }

  /** `at`: `file:line:column` of the level, for its error pages. */
  parts(settings: Settings, at = ''): LevelParts {
    const serverName = serverNameOf(settings);
    const errorLog = this.errorLog(settings);
    const rules =
      settings.errorPages.length === 0
        ? null
        : new ErrorRules({
            pages: settings.errorPages,
            recursive: settings.recursiveErrorPages,
            msieRefresh: settings.msieRefresh,
            lookup: this.#shared.lookup,
            page: (status) => errorPage(status, serverName, ''),
          });
    const { errorDetail, msiePadding: padding } = settings;
    const page = { serverName, errorDetail, at, padding, rules };
    const redirects = {
      serverName,
      absoluteRedirect: settings.absoluteRedirect,
      portInRedirect: settings.portInRedirect,
      serverNameInRedirect: settings.serverNameInRedirect,
    };
    const fail = createFail({
      ...page,
      report: (exchange, status, detail) => errorLog.refused(exchange, status, detail),
    });
    const failQuietly = createFail({ ...page, report: null });
    return {
      fail: this.#watch()?.fail(fail) ?? fail,
      failQuietly: this.#watch()?.fail(failQuietly) ?? failQuietly,
      waitPage: createWaitPage(page),
      sendRedirect: createSendRedirect({ ...redirects, rules, msieRefresh: settings.msieRefresh }),
      absolute: (exchange, location) => locationValue(exchange, location, redirects),
    };
  }

  /** Of a level. */
  errorLog({ errorLog }: Settings): RuntimeLog {
    const { log, logOf } = this.#shared.tools;
    return logOf?.(errorLog) ?? log;
  }

  #logging(place: Place): Pick<LocationRuntime, 'log' | 'logsSubrequests'> {
    const { settings } = place;
    const { traffic, traces } = this.#shared;
    const own = { log: this.log(settings, place.at), logsSubrequests: settings.logSubrequest };
    return beforeLog(own, [traffic?.of(place), traces?.of(place)]);
  }

  log(settings: Settings, place: string): LocationRuntime['log'] {
    if (this.#watch() !== undefined) return null;
    const { accessLog, logFormats: formats, logFileCache: cache, requestLines } = settings;
    const logs = this.#logs.get(cache) ?? new Map<Settings['accessLog'], LocationRuntime['log']>();
    this.#logs.set(cache, logs);
    let log = logs.get(accessLog);
    if (log === undefined) {
      const { lookup, tools } = this.#shared;
      log = at(place, () =>
        createAccessLog(accessLog, { formats, cache, lookup, files: tools.logFiles, requestLines }),
      );
      logs.set(accessLog, log);
    }
    return log;
  }

  #featurePlace({ settings, at, match, server }: Place): FeaturePlace {
    return {
      settings,
      at,
      match,
      server,
      location: locationLabel(match),
      lookup: this.#shared.lookup,
      prefix: this.#shared.upstreams.prefix,
      zones: this.#shared.zones,
      typeOf: createTypeOf(settings.mimeTypes, settings.defaultType),
      setsRate: this.#shared.setsRate,
      hostAddresses: this.#shared.hostAddresses,
      report: this.#noteOf(settings),
    };
  }

  /** A line for the error log, which with error_detail the page of an error shows, too. */
  #noteOf(settings: Settings): FeaturePlace['report'] {
    const errorLog = this.errorLog(settings);
    if (!settings.errorDetail) return (exchange, level, message) => errorLog.note(exchange, level, message);
    return (exchange, level, message) => {
      noteFor(exchange, message);
      errorLog.note(exchange, level, message);
    };
  }

  #files({ fileRoot }: Settings, { rootMatch }: Place): FilePlace | null {
    if (fileRoot === null) return null;
    return new RootPlace(
      fileRoot.path,
      mappingOf(fileRoot, rootMatch),
      this.#shared.upstreams.prefix,
      this.#shared.lookup,
    );
  }

  /** Where the files of a location are. */
  #fileBase({ fileRoot, disableSymlinks }: Settings, place: Place): FileBase {
    return {
      root: fileRoot === null ? null : compileTemplate(fileRoot.path, this.#shared.lookup),
      mapping: fileRoot === null ? { kind: 'root' } : mappingOf(fileRoot, place.rootMatch),
      prefix: this.#shared.upstreams.prefix,
      links: this.#links(disableSymlinks),
    };
  }

  #links(setting: Settings['disableSymlinks']): FileBase['links'] {
    if (setting === null) return null;
    return { ifNotOwner: setting.ifNotOwner, from: compileTemplate(setting.from, this.#shared.lookup) };
  }

  #tryFiles(settings: Settings, place: Place): Step | null {
    const { tryFiles: setting } = settings;
    if (setting === null || place.implicit === true) return null;
    const errorLog = this.errorLog(settings);
    return createTryFiles({
      ...this.#fileBase(settings, place),
      setting,
      errorDetail: settings.errorDetail,
      copies: copiesFor(settings),
      lookup: this.#shared.lookup,
      report: (exchange, message) => errorLog.fileProblem(exchange, message),
    });
  }

  /** Leaves nothing to other content. */
  #pass(pass: ProxyPass, settings: Settings, place: Place, { absolute, waitPage }: LevelParts): Handler {
    const { upstreams, peerTls, caches, lookup, tap } = this.#shared;
    const make = this.#watch()?.forward({ at: place.at, settings }, pass);
    const given = {
      upstreams,
      peerTls,
      caches,
      lookup,
      tap,
      log: this.errorLog(settings),
      absolute,
      waitPage,
      make,
    };
    return at(
      pass.at,
      () => compileApp(pass, settings, given) ?? compileForward(pass, settings, place.match, given),
    );
  }

  #content(featurePlace: FeaturePlace, place: Place, parts: LevelParts): Handler {
    const { settings, lookup, typeOf } = featurePlace;
    const errorLog = this.errorLog(settings);
    const options = {
      ...this.#fileBase(settings, place),
      coding: '',
      index: settings.index.flat().map((name) => compileTemplate(name, lookup)),
      typeOf,
      maxRanges: settings.maxRanges,
      etag: settings.etag,
      ifModifiedSince: settings.ifModifiedSince,
      logNotFound: settings.logNotFound,
      redirect: (exchange: Exchange, uri: string) => exchange.server.redirect(exchange, uri),
      sendRedirect: parts.sendRedirect,
      fail: parts.failQuietly,
      report: (exchange: Exchange, message: string) => errorLog.fileProblem(exchange, message),
    };
    const contentPlace: ContentPlace = {
      ...featurePlace,
      precompressed: (kind) => precompressedContent(kind, options, copiesFor(settings)),
      withDirectory: createWithDirectory(options),
      fileFailed: (x, { call, path, error }) => refuse(options, x, problemOf(error, call, path)),
    };
    const index = indexContent(options, copiesFor(settings));
    return contentOf(contentPlace, index, createFileHandler(options, copiesFor(settings)), this.#watch());
  }

  /** Who looks on, if anybody does. */
  #watch(): Watch | undefined {
    return this.#shared.tools.watch;
  }
}

/** What is kept was opened without a look at links. */
function copiesFor({ disableSymlinks }: Settings): FileCopies {
  return disableSymlinks === null ? fileCopies : NO_COPIES;
}

const NO_COPIES = new FileCopies({ fileBytes: -1, totalBytes: 0 });

function serverNameOf(settings: Settings): string {
  const { product, version } = FACES[settings.face];
  return settings.serverTokens === 'off' ? product : `${product}/${version}`;
}
