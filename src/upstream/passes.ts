// Where the directives of a Model that pass requests go (proxy_pass, fastcgi_pass and its kin), wherever they stand: in locations, in locations of those, and in the `if` of both.

import type {
  LocationMatch,
  LocationModel,
  Model,
  ScriptOp,
  Settings,
  UpstreamModel,
} from '../config/model.ts';
import type { Problems } from '../config/problem.ts';
import { setsItself, settingsOver } from '../config/settings.ts';
import type { ProxyPass } from '../forward/rows.ts';
import { constantOf } from '../route/template.ts';
import { groupKey, needsLookup } from './discovery.ts';

/** What stands between `http://` or `https://` and the path, or all that fastcgi_pass and its kin name: a group's name, or `host[:port]`. */
export interface PassTarget {
  readonly authority: string;
  /** TLS: the usual port is another. */
  readonly secure: boolean;
  /** Without its port; '' for a Unix socket. */
  readonly host: string;
  readonly hasPort: boolean;
  /** Whether variables follow: a host is looked up when a request comes, not before. */
  readonly byRequest: boolean;
  readonly at: string;
  /** There is no usual port for hosts of this family. */
  readonly needsPort: boolean;
}

/** The constant URI part of a proxy_pass, and the kind of location that it stands in. */
interface PassUri {
  readonly uri: string;
  readonly kind: LocationMatch['kind'];
  readonly at: string;
}

/** A URL with variables, and the location whose captures it may have. */
export interface PassTemplate extends ProxyPass {
  readonly match: LocationMatch;
}

export interface Passes {
  /** Each place once. */
  readonly targets: readonly PassTarget[];
  /** Each once for a place and a kind of location: a line of an included file stands in several. */
  readonly uris: readonly PassUri[];
  /** Whether any takes its host from a variable. */
  readonly byVariable: boolean;
  /** Those with variables, each place once. */
  readonly templates: readonly PassTemplate[];
}

const SECURE = /^(?:https|suwsgi):/i;
const OF_APPS = /^(?:fastcgi|s?uwsgi|scgi):/;
const CONSTANT = /^(?:https?:\/\/([^/?]+)|(?:fastcgi|s?uwsgi|scgi):\/\/(.+))/i;
const BEFORE_VARIABLES = /^https?:\/\/([^/?$]+)[/?]/i;
const URI = /^https?:\/\/(?:unix:[^:]+(?::|$)|(?!unix:)[^/?]*)([/?].*)$/is;

/** Kept with the servers, which several ask about. */
const known = new WeakMap<Model['servers'], Passes>();

export function passesOf({ servers }: Model): Passes {
  const passes = known.get(servers) ?? readPasses(servers);
  known.set(servers, passes);
  return passes;
}

function readPasses(servers: Model['servers']): Passes {
  const targets = new Map<string, PassTarget>();
  const uris = new Map<string, PassUri>();
  const templates = new Map<string, PassTemplate>();
  let byVariable = false;
  const take = (pass: ProxyPass | null | undefined, match: LocationMatch): void => {
    if (pass === null || pass === undefined) return;
    const { kind } = match;
    const { at, url } = pass;
    const byRequest = constantOf(url) === undefined;
    if (byRequest) templates.set(at, { ...pass, match });
    const found = byRequest ? BEFORE_VARIABLES.exec(url) : CONSTANT.exec(url);
    const authority = found?.[1] ?? found?.[2];
    const family = { secure: SECURE.test(url), needsPort: OF_APPS.test(url) };
    if (authority === undefined) byVariable ||= byRequest;
    else targets.set(at, { authority, ...family, ...hostOf(authority), byRequest, at });
    const uri = byRequest ? undefined : URI.exec(url)?.[1];
    if (uri !== undefined) uris.set(`${kind} ${at}`, { uri, kind, at });
  };
  const inScript = (script: readonly ScriptOp[], match: LocationMatch): void => {
    for (const op of script) {
      if (op.op !== 'if') continue;
      if (op.settings !== null) take(ownPass(op.settings), match);
      inScript(op.script, match);
    }
  };
  const inLocation = (location: LocationModel, outer: LocationMatch): void => {
    const { settings, script, locations } = location;
    const match = location.match.kind === 'limit_except' ? outer : location.match;
    take(ownPass(settings), match);
    inScript(script, match);
    for (const inner of locations) inLocation(inner, match);
  };
  for (const server of servers) for (const location of server.locations) inLocation(location, location.match);
  return {
    targets: [...targets.values()],
    uris: [...uris.values()],
    byVariable,
    templates: [...templates.values()],
  };
}

/** That of the level itself: an `if` without one has that of its location, which was met. */
function ownPass(settings: Settings): ProxyPass | null {
  return setsItself(settings, 'proxyPass') ? settings.proxyPass : null;
}

function hostOf(authority: string): { host: string; hasPort: boolean } {
  if (authority.startsWith('unix:')) return { host: '', hasPort: false };
  const m = /^(.*?)(:\d*)?$/s.exec(authority);
  return { host: m?.[1] ?? authority, hasPort: m?.[2] !== undefined };
}

/** Whether a name could be that of a group: by a dot it is a host's for certain. */
export function isBareName(host: string): boolean {
  return needsLookup(host) && !host.includes('.');
}

/** The names of upstreams and programs, by what proxy_pass knows them by. */
export function groupNames(model: Model): ReadonlyMap<string, string> {
  return new Map([...model.programs, ...model.upstreams].map((group) => [groupKey(group.name), group.name]));
}

/** The upstream or program, of `groupNames`, that a name nearly is. */
export function nearestGroup(
  names: ReadonlyMap<string, string>,
  name: string,
  problems: Problems,
): string | undefined {
  return names.get(problems.nearest(groupKey(name), names) ?? '');
}

/** What is said of a bare name that is nothing of the file. */
export function takenForHost(host: string, near: string | undefined): string {
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  return `there is no upstream or program "${host}": it is taken for a host name${hint}`;
}

/** A program that a proxy_pass names without an upstream is a group by itself. */
export function programGroups(model: Model, passes: Passes): UpstreamModel[] {
  const groups = new Set(model.upstreams.map((upstream) => groupKey(upstream.name)));
  const places = new Map(passes.targets.toReversed().map(({ authority, at }) => [groupKey(authority), at]));
  return model.programs.flatMap(({ name, at, settings }): UpstreamModel[] => {
    const key = groupKey(name);
    if (groups.has(key)) return [];
    const place = places.get(key);
    if (place === undefined && !(passes.byVariable && settings.programFirstPort !== null)) return [];
    return [{ name, at: place ?? at, settings: settingsOver(model.settings, { upstreamProgram: name }) }];
  });
}
