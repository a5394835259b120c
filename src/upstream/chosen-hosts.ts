// Where a client can choose the host that a proxy_pass leads to: its variables hold what clients send, directly, by `set` or `map`, or as captures
// of a pattern. Such a proxy reaches whatever this machine reaches.
import type { LocationMatch, LocationModel, Model, ScriptOp } from '../config/model.ts';
import type { MapModel } from '../features/map/rows.ts';
import { parseTemplate } from '../route/template.ts';
import { type PassTemplate, passesOf } from './passes.ts';

export interface ChosenHost {
  /** As it stands in proxy_pass, and what it is made of: `['backend', 'arg_h']`. */
  readonly variables: readonly string[];
  readonly at: string;
}

/** Variables that hold what a client sends; numbers are captures of it. */
const SENT =
  /^(?:(?:arg|http|cookie)_\w+|host|request|args|query_string|request_method|remote_user|content_type|ssl_server_name|proxy_add_x_forwarded_for|\d)$/;

/** Begin with a slash, or a question mark: the host is over. */
const BEYOND_HOST = /^(?:request_uri|uri|document_uri|is_args)$/;

export function chosenHosts(model: Model): ChosenHost[] {
  const origins = originsOf(model);
  return passesOf(model).templates.flatMap((pass) => {
    const variables = firstSent(hostVariables(pass), origins, []);
    return variables === undefined ? [] : [{ variables, at: pass.at }];
  });
}

/** How variables of the configuration come by their values. */
interface Origins {
  /** Variable → the variables that the templates of its `set`s and the values of its `map` have. */
  readonly sets: ReadonlyMap<string, readonly string[]>;
  readonly captures: ReadonlySet<string>;
}

function originsOf(model: Model): Origins {
  const sets = new Map<string, string[]>();
  const captures = new Set<string>();
  const inPattern = (pattern: string): void => {
    for (const [, name] of pattern.matchAll(/\(\?(?:P?<|')([A-Za-z_]\w*)[>']/g))
      captures.add(name.toLowerCase());
  };
  const inMap = (name: string, { fallback, exact, suffixes, domains, prefixes, regexes }: MapModel): void => {
    for (const { pattern } of regexes) inPattern(pattern);
    const values = [exact, suffixes, domains, prefixes].flatMap((entries) =>
      entries.map(([, value]) => value),
    );
    const all = new Set([fallback, ...values, ...regexes.map(({ value }) => value)]);
    sets.set(name, [...new Set([...all].flatMap(variablesOf))]);
  };
  for (const { kind, name, definition } of model.variables) if (kind === 'map') inMap(name, definition);
  const inScript = (script: readonly ScriptOp[]): void => {
    for (const op of script) {
      if (op.op === 'set')
        sets.set(op.variable, [...(sets.get(op.variable) ?? []), ...variablesOf(op.value)]);
      else if (op.op === 'rewrite') inPattern(op.pattern);
      else if (op.op === 'if') {
        if (op.test.test === 'match') inPattern(op.test.pattern);
        inScript(op.script);
      }
    }
  };
  const inLocation = ({ match, script, locations }: LocationModel): void => {
    if (match.kind === 'regex') inPattern(match.text);
    inScript(script);
    locations.forEach(inLocation);
  };
  for (const { settings, script, locations } of model.servers) {
    settings.serverNames.flat().forEach(inPattern);
    inScript(script);
    locations.forEach(inLocation);
  }
  return { sets, captures };
}

/** The first of these that a client fills, with those in between. */
function firstSent(
  names: readonly string[],
  origins: Origins,
  path: readonly string[],
): string[] | undefined {
  for (const name of names) {
    if (path.includes(name)) continue;
    const here = [...path, name];
    if (SENT.test(name) || origins.captures.has(name)) return here;
    const deeper = firstSent(origins.sets.get(name) ?? [], origins, here);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

function variablesOf(template: string): string[] {
  const parts = parseTemplate(template);
  return 'error' in parts
    ? []
    : parts.flatMap((part) => ('variable' in part ? [part.variable.toLowerCase()] : []));
}

/** The variables of a URL before its path. Where it begins with one, that may hold scheme and host. */
function hostVariables({ url, match }: PassTemplate): string[] {
  const parts = parseTemplate(url);
  const found: string[] = [];
  for (const part of 'error' in parts ? [] : parts) {
    if ('literal' in part) {
      if (/[/?]/.test(part.literal.replace(/^(?:http|fastcgi|s?uwsgi|scgi)?:\/\//i, ''))) break;
    } else if (BEYOND_HOST.test(part.variable) || beginsWithSlash(part.variable, match)) break;
    else found.push(part.variable.toLowerCase());
  }
  return found;
}

/** Whether a capture of the location's pattern is a path: `(/.*)`. */
function beginsWithSlash(variable: string, match: LocationMatch): boolean {
  if (match.kind !== 'regex') return false;
  // Escapes and classes hold no group; a group without a name is a number.
  const groups =
    match.text
      .replace(/\\[^/]|\[(?:\\.|[^\]])*\]/g, '.')
      .match(/\((?!\?(?!P?<[A-Za-z_]))(?:\?P?<\w+>)?\\?.?/g) ?? [];
  return groups.some(
    (group, i) => (String(i + 1) === variable || group.includes(`<${variable}>`)) && group.endsWith('/'),
  );
}
