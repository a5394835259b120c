// A server with its locations → its runtime. Locations are compiled when a request first comes to them, unless they can fail.
import type { LocationModel, ScriptOp, ServerModel, Settings } from '../config/model.ts';
import { setsItself } from '../config/settings.ts';
import type { Handler, ServerRuntime } from '../exchange.ts';
import { FEATURES } from '../features/list.ts';
import { targetGroup } from '../forward/compile-forward.ts';
import { createDispatcher, type RoutedLocation } from '../route/dispatch.ts';
import { LaterLocation } from '../route/later-location.ts';
import type { LocationEntry } from '../route/locations.ts';
import { compileScript, type ScriptTools } from '../route/script.ts';
import { sendText } from '../serve/answer.ts';
import { createTypeOf } from '../serve/mime.ts';
import { escapePath } from '../serve/redirect.ts';
import { LevelCompiler, type Place } from './level.ts';
import type { Shared } from './runtime.ts';

export class ServerCompiler {
  readonly #shared: Shared;
  readonly #levels: LevelCompiler;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#levels = new LevelCompiler(shared);
  }

  server(model: ServerModel): ServerRuntime {
    const place: Place = { at: model.at, match: null, rootMatch: null, settings: model.settings };
    const root = this.#levels.level(model.settings, place);
    const script = compileScript(model.script, this.#scriptTools(place));
    const locations = this.#locations(model.locations, place);
    const dispatcher = createDispatcher({ runtime: root, script: null, internal: false }, script, locations);
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
    const { internal } = settings;
    const value = new LaterLocation(internal, () => {
      const { sendRedirect } = this.#levels.parts(settings);
      const handle: Handler = (x) =>
        sendRedirect(x, 301, `${escapePath(x.uri)}/${x.args !== '' ? `?${x.args}` : ''}`);
      return { runtime: { ...there.runtime, handle }, script: null, internal };
    });
    return { match: { kind: 'exact', text: bare }, value, locations: [] };
  }

  /** What can fail, and what others must hear of before a request comes, is made at once. */
  #location(model: LocationModel, place: Place): RoutedLocation {
    const { internal } = model.settings;
    const make = (): RoutedLocation => {
      return {
        runtime: this.#levels.level(model.settings, place),
        script: compileScript(model.script, this.#scriptTools(place)),
        internal,
      };
    };
    const levels = [{ at: model.at, settings: model.settings }, ...ifLevels(model.script)];
    if (!levels.every(({ settings }) => mayWait(settings))) return make();
    for (const level of levels) {
      this.#levels.log(level.settings, level.at);
      if (level.settings.proxyPass !== null) targetGroup(level.settings.proxyPass, this.#shared.upstreams);
    }
    return new LaterLocation(internal, make);
  }

  #scriptTools(place: Place): ScriptTools {
    const { settings } = place;
    const { sendRedirect } = this.#levels.parts(settings);
    const typeOf = createTypeOf(settings.mimeTypes, settings.defaultType);
    return {
      lookup: this.#shared.lookup,
      redirect: sendRedirect,
      text: (exchange, status, body) => sendText(exchange, status, body, typeOf(exchange.uri)),
      implicit: (op: Extract<ScriptOp, { op: 'if' }>) =>
        op.settings === null
          ? null
          : this.#levels.level(op.settings, { ...place, at: op.at, implicit: true }),
    };
  }
}

/** The levels of all `if` blocks of a location. */
function ifLevels(script: readonly ScriptOp[]): { readonly at: string; readonly settings: Settings }[] {
  return script.flatMap((op) => {
    if (op.op !== 'if') return [];
    const own = op.settings === null ? [] : [{ at: op.at, settings: op.settings }];
    return [...own, ...ifLevels(op.script)];
  });
}

/** Whether nothing of a level can turn out unusable: of TLS to peers, and of what features say, only the making shows it. */
function mayWait(settings: Settings): boolean {
  if (settings.proxyPass !== null && !settings.proxyPass.url.startsWith('http://')) return false;
  return !FEATURES.some((feature) => feature.mayFail?.(settings) === true);
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
  const inherited = !setsItself(model.settings, 'fileRoot');
  return {
    at: model.at,
    match: model.match,
    rootMatch: inherited ? outer.rootMatch : model.match,
    settings: model.settings,
  };
}
