// A server with its locations → its runtime. Locations are compiled when a request first comes to them, unless they can fail.

import { sendText } from '../answer/whole.ts';
import { levelsOf, type PlacedLevel } from '../config/levels.ts';
import type { LocationModel, ScriptOp, ServerModel } from '../config/model.ts';
import { setsItself } from '../config/settings.ts';
import type { Handler, ServerRuntime } from '../exchange/exchange.ts';
import { FEATURES } from '../features/list.ts';
import { createRealip } from '../features/realip/realip.ts';
import { targetGroup } from '../forward/compile-forward.ts';
import { createDispatcher, type RoutedLocation } from '../route/dispatch.ts';
import { LaterLocation, LaterServer } from '../route/later.ts';
import type { LocationEntry } from '../route/locations.ts';
import { compileScript, type ScriptTools } from '../route/script.ts';
import { createTypeOf } from '../serve/mime.ts';
import { escapePath } from '../serve/redirect.ts';
import { at as tryAt } from './compile-error.ts';
import { LevelCompiler, type Place } from './level.ts';
import type { Shared } from './runtime.ts';
import { serverLabel } from './traffic-series.ts';

export class ServerCompiler {
  readonly #shared: Shared;
  readonly #levels: LevelCompiler;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#levels = new LevelCompiler(shared);
  }

  /** What can fail, and what others must hear of before a request comes, is made at once. */
  server(model: ServerModel): ServerRuntime {
    const levels = levelsOf(model, true);
    // What is not set at all comes from the http level.
    this.#levels.log(model.settings, model.at);
    if (levels.length > MANY_LEVELS || !this.#foresee(levels)) return this.#server(model);
    return new LaterServer(() => this.#server(model));
  }

  #server(model: ServerModel): ServerRuntime {
    const server = serverLabel(model);
    const place: Place = { at: model.at, server, match: null, rootMatch: null, settings: model.settings };
    const root = this.#levels.level(model.settings, place);
    const script = compileScript(model.script, this.#scriptTools(place));
    const locations = this.#locations(model.locations, place);
    const { watch } = this.#shared.tools;
    const dispatcher = createDispatcher(
      { runtime: root, script: null, internal: false, limited: null },
      { script, realip: createRealip(model.settings, this.#shared.hostAddresses) },
      locations,
      watch?.dispatch,
    );
    const runtime = { name: model.settings.serverNames.flat()[0] ?? '', root, ...dispatcher };
    return watch?.server(model, runtime) ?? runtime;
  }

  #locations(models: readonly LocationModel[], outer: Place): LocationEntry<RoutedLocation>[] {
    return models.flatMap((model) => {
      // Part of the location that it stands in.
      if (model.match.kind === 'limit_except') return [];
      const place = innerPlace(model, outer);
      const value = this.#location(model, place);
      this.#shared.tools.watch?.location(model, value);
      const entry = { match: model.match, value, locations: this.#locations(model.locations, place) };
      const bare = withoutSlash(model, models);
      return bare === '' ? [entry] : [entry, this.#slashRedirect(bare, value, model)];
    });
  }

  /** `/x` goes to `/x/`: all else is as in the location there. */
  #slashRedirect(bare: string, there: RoutedLocation, model: LocationModel): LocationEntry<RoutedLocation> {
    const { settings, at } = model;
    const { internal } = settings;
    const { watch } = this.#shared.tools;
    const value = new LaterLocation(internal, () => {
      const { sendRedirect } = this.#levels.parts(settings);
      const handle: Handler = (x) =>
        sendRedirect(x, 301, `${escapePath(x.uri)}/${x.args === '' ? '' : `?${x.args}`}`);
      const runtime = { ...there.runtime, handle };
      watch?.level({ at, settings }, runtime);
      return { runtime, script: null, internal, limited: null };
    });
    watch?.location(model, value);
    return { match: { kind: 'exact', text: bare }, value, locations: [] };
  }

  #location(model: LocationModel, place: Place): RoutedLocation {
    const { internal } = model.settings;
    const make = (): RoutedLocation => {
      return {
        runtime: this.#levels.level(model.settings, place),
        script: compileScript(model.script, this.#scriptTools(place)),
        internal,
        limited: this.#limited(model, place),
      };
    };
    return this.#foresee(levelsOf(model, false)) ? new LaterLocation(internal, make) : make();
  }

  /** Makes what requests must not be the first to need: logs and groups. False where there is more, that only the making shows. */
  #foresee(levels: readonly PlacedLevel[]): boolean {
    for (const { at, settings } of levels) {
      if (FEATURES.some((feature) => feature.mayFail?.(settings) === true)) return false;
      // What a level inherits was seen at the level around.
      if (setsItself(settings, 'errorLog')) tryAt(at, () => this.#levels.errorLog(settings));
      if (setsItself(settings, 'accessLog')) this.#levels.log(settings, at);
      const pass = setsItself(settings, 'proxyPass') ? settings.proxyPass : null;
      if (pass === null) continue;
      // Of TLS to peers files may turn out unusable.
      if (!pass.url.startsWith('http://')) return false;
      targetGroup(pass, this.#shared.upstreams);
    }
    return true;
  }

  /** What `limit_except` has for other methods than its own: the location's settings with its own on top, and no script. */
  #limited(model: LocationModel, place: Place): RoutedLocation['limited'] {
    for (const { match, settings, at } of model.locations) {
      if (match.kind !== 'limit_except') continue;
      const runtime = this.#levels.level(settings, { ...place, settings, at, implicit: true });
      return { except: new Set(match.methods), runtime };
    }
    return null;
  }

  #scriptTools(place: Place): ScriptTools {
    const { settings } = place;
    const { sendRedirect } = this.#levels.parts(settings);
    const errorLog = this.#levels.errorLog(settings);
    const typeOf = createTypeOf(settings.mimeTypes, settings.defaultType);
    return {
      lookup: this.#shared.lookup,
      report: (exchange, message) => errorLog.note(exchange, 'error', message),
      redirect: sendRedirect,
      text: (exchange, status, body) => sendText(exchange, status, body, typeOf(exchange.uri)),
      implicit: (op: Extract<ScriptOp, { op: 'if' }>) =>
        op.settings === null
          ? null
          : this.#levels.level(op.settings, { ...place, at: op.at, implicit: true }),
      watch: this.#shared.tools.watch?.script,
    };
  }
}

/** A server of more levels is made in slices, not when a request comes. */
const MANY_LEVELS = 200;

/** `/x` of a proxied location `/x/`, unless `/x` is a location itself (nginx: auto_redirect); '' for all others. */
function withoutSlash({ match, settings }: LocationModel, siblings: readonly LocationModel[]): string {
  if (match.kind === 'regex' || match.kind === 'named' || match.kind === 'limit_except') return '';
  if (settings.proxyPass === null || !match.text.endsWith('/')) return '';
  const bare = match.text.slice(0, -1);
  return siblings.some((other) => other.match.kind !== 'regex' && other.match.text === bare) ? '' : bare;
}

/** A location that inherits an alias goes on replacing the prefix of the location that has it. */
function innerPlace(model: LocationModel, outer: Place): Place {
  const inherited = !setsItself(model.settings, 'fileRoot');
  return {
    at: model.at,
    server: outer.server,
    match: model.match,
    rootMatch: inherited ? outer.rootMatch : model.match,
    settings: model.settings,
  };
}
