// Rewrites Set-Cookie of a peer's answer: proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags (ngx_http_proxy_rewrite_cookie).
import type { Exchange } from '../exchange/exchange.ts';
import { matches, patternOf } from '../route/pattern.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import type { CookieFlagsRule, CookieRule } from './rows.ts';

export interface CookieSettings {
  readonly domains: readonly CookieRule[];
  readonly paths: readonly CookieRule[];
  readonly flags: readonly CookieFlagsRule[];
}

export type RewriteCookie = (exchange: Exchange, value: string) => string;

/** `name=value`, or a name alone; null = taken away. */
interface Attribute {
  name: string | null;
  value: string | null;
}

/** The new value, undefined where the rule does not apply. */
type Rewrite = (exchange: Exchange, value: string) => string | undefined;
type Edit = (exchange: Exchange, attributes: Attribute[]) => boolean;

/** null = nothing is rewritten. */
export function compileCookies(settings: CookieSettings, lookup: VariableLookup): RewriteCookie | null {
  const domains = rewritesOf(settings.domains, lookup, byDomain);
  const paths = rewritesOf(settings.paths, lookup, byPrefix);
  const edit = compileFlags(settings.flags, lookup);
  if (domains === null && paths === null && edit === null) return null;
  return (x, text) => {
    const attributes = parseCookie(text);
    // A cookie without a value is none.
    if (attributes[0].value === null) return text;
    let changed = false;
    for (const attribute of attributes.slice(1)) {
      const name = attribute.name?.toLowerCase();
      const rules = name === 'domain' ? domains : name === 'path' ? paths : null;
      if (rules === null || attribute.value === null) continue;
      const value = firstOf(rules, x, attribute.value);
      if (value === undefined) continue;
      attribute.value = value;
      changed = true;
    }
    if (edit?.(x, attributes) === true) changed = true;
    return changed ? printCookie(attributes).replace(/[\r\n\0]/g, '') : text;
  };
}

function firstOf(rules: readonly Rewrite[], x: Exchange, value: string): string | undefined {
  for (const rule of rules) {
    const moved = rule(x, value);
    if (moved !== undefined) return moved;
  }
  return undefined;
}

type Template = (exchange: Exchange) => string;

function rewritesOf(
  rules: readonly CookieRule[],
  lookup: VariableLookup,
  plain: (from: Template, to: Template) => Rewrite,
): readonly Rewrite[] | null {
  const own = rules.filter((rule) => rule.kind !== 'off');
  if (own.length === 0) return null;
  return own.map((rule): Rewrite => {
    const to = compileTemplate(rule.to, lookup);
    if (rule.kind === 'plain') return plain(compileTemplate(rule.from, lookup), to);
    const pattern = patternOf(rule.pattern, rule.caseless);
    return (x, value) => (matches(x, pattern, value) ? to(x) : undefined);
  });
}

/** The whole domain without case, less a dot in front of it, which stays. */
function byDomain(from: Template, to: Template): Rewrite {
  return (x, value) => {
    const dot = value.startsWith('.') ? '.' : '';
    return value.slice(dot.length).toLowerCase() === from(x).toLowerCase() ? dot + to(x) : undefined;
  };
}

function byPrefix(from: Template, to: Template): Rewrite {
  return (x, value) => {
    const start = from(x);
    return value.startsWith(start) ? to(x) + value.slice(start.length) : undefined;
  };
}

function parseCookie(text: string): Attribute[] {
  return text.split(';').map((part) => {
    const equals = part.indexOf('=');
    if (equals < 0) return { name: trim(part), value: null };
    return { name: trim(part.slice(0, equals)), value: trim(part.slice(equals + 1)) };
  });
}

/** Spaces only. */
function trim(text: string): string {
  return text.replace(/^ +| +$/g, '');
}

function printCookie(attributes: readonly Attribute[]): string {
  return attributes
    .filter(({ name }) => name !== null)
    .map(({ name, value }) => (value === null ? name : `${name}=${value}`))
    .join('; ');
}

// Flags.

const SAME_SITE = ['strict', 'lax', 'none'] as const;
type Choice = 'on' | 'off' | '';

interface Flags {
  secure: Choice;
  httpOnly: Choice;
  sameSite: (typeof SAME_SITE)[number] | Exclude<Choice, 'on'>;
}

function compileFlags(rules: readonly CookieFlagsRule[], lookup: VariableLookup): Edit | null {
  const own = rules.flatMap((rule) => {
    if (rule.kind === 'off') return [];
    const words = rule.flags.map((flag) => compileTemplate(flag, lookup));
    return [{ applies: nameTest(rule, lookup), words }];
  });
  if (own.length === 0) return null;
  return (x, attributes) => {
    const name = attributes[0].name ?? '';
    const rule = own.find(({ applies }) => applies(x, name));
    if (rule === undefined) return false;
    const flags = readFlags(rule.words.map((word) => word(x)));
    if (flags === null) return false;
    setFlags(attributes, flags);
    return true;
  };
}

function nameTest(
  rule: Exclude<CookieFlagsRule, { kind: 'off' }>,
  lookup: VariableLookup,
): (x: Exchange, name: string) => boolean {
  if (rule.kind === 'regex') {
    const pattern = patternOf(rule.pattern, true);
    return (x, name) => matches(x, pattern, name);
  }
  const template = compileTemplate(rule.cookie, lookup);
  return (x, name) => template(x).toLowerCase() === name.toLowerCase();
}

/** null = none of them is a flag. Of SameSite the strictest holds, as nginx looks for them in that order. */
function readFlags(words: readonly string[]): Flags | null {
  const has = (word: string): boolean => words.some((given) => given.toLowerCase() === word);
  const choice = (word: string): Choice => (has(word) ? 'on' : has(`no${word}`) ? 'off' : '');
  const named = SAME_SITE.find((site) => has(`samesite=${site}`));
  const sameSite = named ?? (has('nosamesite') ? 'off' : '');
  const flags: Flags = { secure: choice('secure'), httpOnly: choice('httponly'), sameSite };
  return flags.secure === '' && flags.httpOnly === '' && sameSite === '' ? null : flags;
}

/** What is there is changed or taken away, what is not is added at the end. */
function setFlags(attributes: Attribute[], { secure, httpOnly, sameSite }: Flags): void {
  setFlag(attributes, 'Secure', secure);
  setFlag(attributes, 'HttpOnly', httpOnly);
  setSameSite(attributes, sameSite);
}

function named(attributes: readonly Attribute[], lower: string): readonly Attribute[] {
  return attributes.slice(1).filter(({ name }) => name?.toLowerCase() === lower);
}

function setFlag(attributes: Attribute[], name: string, choice: Choice): void {
  const present = named(attributes, name.toLowerCase());
  if (choice === 'on' && present.length === 0) attributes.push({ name, value: null });
  if (choice === 'off') for (const attribute of present) attribute.name = null;
}

function setSameSite(attributes: Attribute[], sameSite: Flags['sameSite']): void {
  if (sameSite === '') return;
  const present = named(attributes, 'samesite');
  if (sameSite === 'off') {
    for (const attribute of present) attribute.name = null;
    return;
  }
  const value = sameSite[0].toUpperCase() + sameSite.slice(1);
  if (present.length === 0) attributes.push({ name: 'SameSite', value });
  // nginx changes the first one only.
  else if (present[0].value?.toLowerCase() !== sameSite) {
    present[0].name = 'SameSite';
    present[0].value = value;
  }
}
