// Tree + registry → Model: contexts, arity, inheritance from level to level, all problems collected.
import { readCharsetMap } from '../features/charset/read-map.ts';
import { readExporter } from '../features/otel/read-exporter.ts';
import { checkLogFormats } from '../observe/check-log-formats.ts';
import { parseTemplate } from '../route/template.ts';
import { checkNamed, checkTwin, readLocation, readMethods, readTypes } from './build-blocks.ts';
import { buildScript, isScriptDirective, type ScriptReader } from './build-script.ts';
import { checkConflicts } from './check-conflicts.ts';
import { checkRow } from './check-row.ts';
import { DirectiveReading, type TreeReader } from './directive-reading.ts';
import { finishModel } from './finish.ts';
import {
  applySetting,
  createLevel,
  isSecond,
  type Level,
  noteIgnored,
  remember,
  settingsOf,
} from './level.ts';
import { askForSemicolon, splitAtLine } from './missing-semicolon.ts';
import type { LocationModel, Model, ProgramModel, ServerModel, Settings, UpstreamModel } from './model.ts';
import { formatPosition, Problems } from './problem.ts';
import { rowsNamed } from './registry.ts';
import type { Context } from './row.ts';
import type { OwnSettings } from './settings.ts';
import type { Directive, Position, Tree, Word } from './tree.ts';
import { VariableBook } from './variable-book.ts';
import { readDefinition } from './variable-kinds.ts';

/** One statement that lacks its semicolons is cut at most this often: each cut reads the rest of it again. */
const MAX_CUTS = 50;

export class Builder implements ScriptReader, TreeReader {
  problems: Problems;
  readonly tree: Tree;
  readonly prefix: string;
  readonly configPrefix: string;
  readonly #main = createLevel('main', null);
  readonly #http = createLevel('http', this.#main);
  readonly #upstreams: UpstreamModel[] = [];
  readonly #programs: ProgramModel[] = [];
  readonly #servers: ServerModel[] = [];
  readonly #variables = new VariableBook();
  /** Places of upstreams whose servers could not be read. */
  readonly #unread = new Set<string>();

  constructor(tree: Tree, prefix: string, problems: Problems, defaults: OwnSettings) {
    for (const [key, value] of Object.entries(defaults)) this.#main.own.set(key as keyof Settings, value);
    this.tree = tree;
    this.prefix = prefix;
    this.configPrefix = defaults.configPrefix ?? prefix;
    this.problems = problems;
  }

  build(): Model {
    const main = this.#main;
    const http = this.#http;
    const waiting: { directive: Directive; level: Level }[] = [];
    this.#topLevel(main, http, waiting);
    // The http level may have others for its requests.
    const ownLog = main.own.get('errorLog');
    if (ownLog !== undefined) main.own.set('processLog', ownLog);
    // What all others inherit comes first, wherever it stands.
    for (const { directive, level } of waiting) if (directive.name === 'types') this.types(directive, level);
    for (const { directive } of waiting)
      if (directive.name === 'charset_map') this.#charsetMap(directive, http);
    for (const { directive } of waiting)
      if (directive.name === 'otel_exporter') this.#exporter(directive, http);
    for (const { directive, level } of waiting) this.#block(directive, level);
    checkLogFormats(this.tree.directives, this.problems);
    checkConflicts(this.tree.directives, this.problems);
    this.#variables.check(this.problems);
    const model: Model = {
      syntax: this.tree.syntax,
      prefix: this.prefix,
      settings: this.#settingsOf(this.#http),
      upstreams: this.#upstreams,
      programs: this.#programs,
      servers: this.#servers,
      variables: this.#variables.models(),
    };
    return finishModel(model, this.problems, { unread: this.#unread, used: this.#main.used });
  }

  /** nginx wants `http { }` around; JSON has none, and texts that leave it out are understood with a warning. */
  #topLevel(main: Level, http: Level, waiting: { directive: Directive; level: Level }[]): void {
    for (const directive of this.tree.directives) {
      const places = rowsNamed(directive.name).flatMap((row) => row.contexts);
      if (directive.name === 'http' && this.tree.syntax === 'json') {
        const what = 'JSON has no "http" level: its keys stand at the top of the file';
        this.problems.error(directive.at, `${what}; write { "upstreams": { … }, "servers": [ … ] }`);
      } else if (directive.name === 'http') {
        checkRow(directive, main, this.problems);
        isSecond(directive, main, 'block http', this.problems);
        this.#contents(directive.block ?? [], http, waiting);
      } else if (directive.name === 'events') {
        checkRow(directive, main, this.problems);
        isSecond(directive, main, 'block events', this.problems);
        this.#contents(directive.block ?? [], { ...main, context: 'events' }, waiting);
      } else if (places.length > 0 && !places.includes('main') && places.includes('http')) {
        if (this.tree.syntax === 'nginx') {
          this.problems.warn(
            directive.at,
            `"${directive.name}" stands outside of "http { }"; taken as if inside, wrap it: http { … }`,
          );
        }
        this.#contents([directive], http, waiting);
      } else {
        this.#contents([directive], main, waiting);
      }
    }
  }

  /** Reads the settings of a block at once and leaves its inner blocks for when all settings are known. */
  #contents(
    directives: readonly Directive[],
    level: Level,
    waiting: { directive: Directive; level: Level }[],
  ): void {
    for (const directive of directives) {
      let rest: Directive | undefined = directive;
      for (let cuts = 0; rest !== undefined; cuts++) rest = this.#statement(rest, level, waiting, cuts);
    }
  }

  /** Reads a directive, or where it is two the first of them; gives the second, which may be two again. */
  #statement(
    directive: Directive,
    level: Level,
    waiting: { directive: Directive; level: Level }[],
    cuts: number,
  ): Directive | undefined {
    const split =
      this.tree.syntax === 'json' || cuts === MAX_CUTS
        ? undefined
        : splitAtLine(directive, mayStandIn(level.context));
    if (split !== undefined && !this.#isOne(directive, level, waiting)) {
      this.problems.error(directive.at, askForSemicolon(split));
      this.#directive(split.first, level, waiting);
      return split.rest;
    }
    if (split === undefined) this.#directive(directive, level, waiting);
    else this.problems.warn(directive.at, askForSemicolon(split));
    return undefined;
  }

  #directive(directive: Directive, level: Level, waiting: { directive: Directive; level: Level }[]): void {
    const row = checkRow(directive, level, this.problems);
    if (row === undefined) return;
    if (row.kind === 'setting')
      applySetting(row, level, new DirectiveReading(this, directive, level.context));
    else if (row.kind === 'ignored') noteIgnored(row, directive, level, this.problems);
    else waiting.push({ directive, level });
  }

  /** Whether a directive that has the beginning of another one among its arguments is one all the same; it is read then. */
  #isOne(directive: Directive, level: Level, waiting: { directive: Directive; level: Level }[]): boolean {
    const { problems } = this;
    const used = this.#variables.mark();
    const forget = remember(level);
    // Whatever is said of the two as one comes from the one semicolon, and is not told.
    this.problems = new Problems();
    this.#directive(directive, level, waiting);
    const isOne = this.problems.list.length === 0;
    this.problems = problems;
    if (isOne) return true;
    this.#variables.backTo(used);
    forget();
    return false;
  }

  template(word: Word): string {
    const parts = parseTemplate(word.text);
    if ('error' in parts) {
      this.problems.error(word.at, `${parts.error} in "${word.text}"; write $name or \${name}`);
      return '';
    }
    for (const part of parts) if ('variable' in part) this.#variables.use(part.variable, word);
    return word.text;
  }

  /** A named capture does. */
  makeVariable(name: string, at: Position): void {
    this.#variables.capture(name, at, this.problems);
  }

  setVariable(name: string, at: Position): void {
    this.#variables.set(name, at, this.problems);
  }

  #block(directive: Directive, level: Level): void {
    switch (directive.name) {
      case 'upstream':
        this.#upstreams.push(this.#named(directive, 'upstream'));
        return;
      case 'program':
        this.#programs.push(this.#named(directive, 'program'));
        return;
      case 'server':
        this.#servers.push(this.#server(directive, level));
        return;
      case 'types':
        // Was read before.
        return;
      case 'charset_map':
      case 'otel_exporter':
        return;
      default:
        this.#define(directive, level);
    }
  }

  /** A block that defines the variable it names last: map, geo, split_clients. */
  #define(directive: Directive, level: Level): void {
    const word = directive.args[directive.args.length - 1];
    const read = readDefinition(directive, new DirectiveReading(this, directive, level.context));
    if (read !== undefined) this.#variables.define(word, read, this.problems);
  }

  types(directive: Directive, level: Level): void {
    const types = readTypes(directive.block ?? [], this.problems);
    const before = level.own.get('mimeTypes') as [string, string][] | null | undefined;
    // In place, as the level's own: there may be a thousand blocks.
    if (before === undefined || before === null) level.own.set('mimeTypes', types);
    else for (const pair of types) before.push(pair);
  }

  #settingsOf(level: Level): Settings {
    return settingsOf(level, this.tree.syntax);
  }

  /** All of them hold for all levels, wherever they stand. */
  #charsetMap(directive: Directive, http: Level): void {
    const before = (http.own.get('charsetMaps') ?? []) as Settings['charsetMaps'];
    const map = readCharsetMap(directive, before, this.problems);
    if (map !== undefined) http.own.set('charsetMaps', [...before, map]);
  }

  #exporter(directive: Directive, http: Level): void {
    if (isSecond(directive, http, 'block otel_exporter', this.problems)) return;
    const exporter = readExporter(directive, new DirectiveReading(this, directive, 'otel_exporter'));
    if (exporter !== undefined) http.own.set('otelExporter', exporter);
  }

  #named(directive: Directive, context: Context): UpstreamModel {
    const inner = createLevel(context, this.#http);
    const waiting: { directive: Directive; level: Level }[] = [];
    this.#contents(directive.block ?? [], inner, waiting);
    const at = formatPosition(directive.at);
    const written = directive.block?.some((each) => each.name === 'server') === true;
    if (written && inner.own.get('upstreamServers') === undefined) this.#unread.add(at);
    return { name: directive.args[0].text, at, settings: this.#settingsOf(inner) };
  }

  #server(directive: Directive, http: Level): ServerModel {
    const level = createLevel('server', http);
    const { script, locations } = this.#routed(directive.block ?? [], level);
    return { at: formatPosition(directive.at), settings: this.#settingsOf(level), script, locations };
  }

  /** The contents of a server or location: settings first, as they hold for all of it wherever they stand. */
  #routed(directives: readonly Directive[], level: Level) {
    const waiting: { directive: Directive; level: Level }[] = [];
    this.#contents(directives, level, waiting);
    for (const { directive } of waiting) if (directive.name === 'types') this.types(directive, level);
    const script = buildScript(waiting.map((w) => w.directive).filter(isScriptDirective), level, this);
    const locations: LocationModel[] = [];
    const places = new Map<string, Position>();
    for (const { directive } of waiting) {
      if (directive.name === 'limit_except') locations.push(this.#limitExcept(directive, level));
      if (directive.name !== 'location') continue;
      const location = this.#location(directive, level);
      if (location === undefined) continue;
      checkTwin(location.match, directive, places, this.problems);
      locations.push(location);
    }
    return { script, locations };
  }

  /** As nginx has it a location in the location, with all of its settings: found by method. */
  #limitExcept(directive: Directive, outer: Level): LocationModel {
    isSecond(directive, outer, 'block limit_except', this.problems);
    const level = createLevel('limit_except', outer);
    this.#contents(directive.block ?? [], level, []);
    const match = { kind: 'limit_except', text: '', methods: readMethods(directive, this.problems) } as const;
    const settings = this.#settingsOf(level);
    return { at: formatPosition(directive.at), match, settings, script: [], locations: [] };
  }

  #location(directive: Directive, outer: Level): LocationModel | undefined {
    const match = readLocation(directive, this);
    const level = createLevel('location', outer);
    const { script, locations } = this.#routed(directive.block ?? [], level);
    if (match === undefined) return undefined;
    if (match.kind === 'named') checkNamed(match.text, directive, level, this.problems);
    return { at: formatPosition(directive.at), match, settings: this.#settingsOf(level), script, locations };
  }

  /** The inside of an `if`: its settings on top of the location's, and its script. */
  ifBlock(directive: Directive, outer: Level) {
    const context = outer.context === 'server' ? 'if in server' : 'if in location';
    const level = createLevel(context, outer);
    const waiting: { directive: Directive; level: Level }[] = [];
    this.#contents(directive.block ?? [], level, waiting);
    const script = buildScript(waiting.map((w) => w.directive).filter(isScriptDirective), level, this);
    return { script, settings: outer.context === 'server' ? null : this.#settingsOf(level) };
  }
}

/** Whether a name is that of a directive that goes in the context. */
function mayStandIn(context: Context): (name: string) => boolean {
  return (name) => rowsNamed(name).some((row) => row.contexts.includes(context));
}

/** `defaults`: what is otherwise than in DEFAULTS where the file says nothing. */
export function buildModel(
  tree: Tree,
  prefix: string,
  problems: Problems,
  defaults: OwnSettings = {},
): Model {
  return new Builder(tree, prefix, problems, defaults).build();
}
