// From a URI to the path of a file: root or alias, and what a path may not contain. Pure; paths are bytes as latin1.
import { isAbsolute, sep } from 'node:path';
import type { LocationMatch } from '../config/model.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { parseTemplate, toBytes } from '../route/template.ts';
import { type LinkCheck, type LinkRule, linkCheckOf } from './link-rule.ts';
import type { FileRoot } from './rows.ts';

/**
 * How root and URI make a path. `root`: the URI stands after it. `alias`: it replaces the location's prefix. `whole`: it is
 * the path (alias in a location with a regular expression); `within` is the directory that the path may not leave.
 */
export type FileMapping =
  | { readonly kind: 'root' }
  | { readonly kind: 'alias'; readonly prefix: string }
  | { readonly kind: 'whole'; readonly within: string };

/**
 * The mapping of a `root` or `alias`. `match` is of the location in which the directive stands: a location inside of it that
 * inherits an alias goes on replacing the outer prefix.
 */
export function mappingOf(fileRoot: FileRoot, match: LocationMatch | null): FileMapping {
  if (!fileRoot.alias || match === null) return { kind: 'root' };
  if (match.kind !== 'regex') return { kind: 'alias', prefix: toBytes(match.text) };
  return { kind: 'whole', within: constantDirectory(fileRoot.path) };
}

/** The directory that a template's path is in whatever its variables are; '' when even that is variable. */
function constantDirectory(template: string): string {
  const parts = parseTemplate(template);
  const first = 'error' in parts ? { literal: template } : parts[0];
  if (first === undefined || !('literal' in first)) return '';
  const literal = toBytes(first.literal);
  return literal.slice(0, literal.lastIndexOf('/') + 1);
}

/** Where the files of a location are. */
export interface FileBase {
  /** Root or alias of this exchange, bytes as latin1; null = none is configured: everything is 404. */
  readonly root: ((exchange: Exchange) => string) | null;
  readonly mapping: FileMapping;
  /** Where a root starts that begins with a variable and turns out to be relative. Absolute. */
  readonly prefix: string;
  /** null: links may be on the way. */
  readonly links: LinkRule | null;
}

/** A file's path, and the directory (or file) that its real path must be in. */
export interface MappedPath {
  readonly path: string;
  readonly root: string;
  /** How links on the way are looked at; none = they are not. */
  readonly links?: LinkCheck | null;
}

/**
 * Maps a URI; null when it does not begin with the prefix that alias replaces: a rewrite has changed it. `below`: the URI is a name
 * below the whole path.
 */
export function mapPath(mapping: FileMapping, root: string, uri: string, below = false): MappedPath | null {
  switch (mapping.kind) {
    case 'root': {
      const base = root.endsWith('/') ? root.slice(0, -1) : root;
      return { path: base + uri, root: base === '' ? '/' : base };
    }
    case 'alias':
      return uri.startsWith(mapping.prefix) ? { path: root + uri.slice(mapping.prefix.length), root } : null;
    case 'whole':
      return { path: below ? root + uri : root, root: mapping.within === '' ? '/' : mapping.within };
  }
}

/** `break` kept a rewritten URI in a location that was not found for it: what alias would replace there is not known. */
export const ALIAS_OF_REWRITTEN = '"alias" cannot be used where the URI was rewritten';

/** A backslash separates segments on Windows, where a colon names a drive or a stream: neither is a file's name there. */
const ON_WINDOWS = sep === '\\';
const FORBIDDEN = ON_WINDOWS ? /[\\\0]|:(?![\\/])/ : /\0/;
const FORBIDDEN_NAMES = ON_WINDOWS ? 'a backslash, a NUL or a colon' : 'a NUL';
const PARENT_SEGMENT = /(?:^|\/)\.\.(?:\/|$)/;

/**
 * Why a path is refused before the file system hears of it; '' when it may be tried. A URI has no `..` left, but
 * `location /img { alias /pictures/; }` makes one of `/img../secret`, and so can a variable in root.
 */
export function forbiddenIn(path: string): string {
  if (FORBIDDEN.test(path)) return `it contains ${FORBIDDEN_NAMES}`;
  return PARENT_SEGMENT.test(path) ? 'it contains a ".." segment' : '';
}

/** The root of this exchange; null where it has none. */
export function rootOf(exchange: Exchange, { root, prefix }: FileBase): string | null {
  if (root === null) return null;
  const base = root(exchange);
  return isAbsolute(base) ? base : `${prefix}/${base}`;
}

/** With how its links are looked at. */
export function withLinks(mapped: MappedPath, rule: LinkRule | null, exchange: Exchange): MappedPath {
  return rule === null ? mapped : { ...mapped, links: linkCheckOf(rule, mapped.path, exchange) };
}

/** Where the exchange's URI leads; null for what those refuse who come last (files.ts), and say why. */
export function mappedFile(exchange: Exchange, base: FileBase): MappedPath | null {
  const { mapping } = base;
  if (mapping.kind !== 'root' && !exchange.locationHolds) return null;
  const root = rootOf(exchange, base);
  const mapped = root === null ? null : mapPath(mapping, root, exchange.uri, exchange.uriInAlias);
  return mapped === null || forbiddenIn(mapped.path) !== '' ? null : withLinks(mapped, base.links, exchange);
}
