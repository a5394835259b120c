// The request's path as locations see it: decoded, slashes merged, dot segments resolved (ngx_http_parse_complex_uri).
// Works on bytes as latin1 text.
import type { NormalisedUri } from '../http/known-targets.ts';
import type { RequestHead } from '../http/request-head.ts';

/** Paths that are their own normal form: most requests. */
const PLAIN = /^(?:\/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_.~!$&'()*+,;=:@-]*)*\/?$/;

/** A path with its query, normalised; null when it is not one (bad escape, NUL, above the root). */
export function normaliseUri(path: string, mergesSlashes = true): NormalisedUri | null {
  return plainUri(path) ?? resolvedUri(path, mergesSlashes);
}

/** The request's path, if it is its own normal form; of a target that came before this was found out then. */
export function plainTarget({ knownTarget, path }: RequestHead): NormalisedUri | null {
  if (knownTarget === null) return plainUri(path);
  knownTarget.normalised ??= plainUri(path);
  return knownTarget.normalised;
}

function plainUri(path: string): NormalisedUri | null {
  const parts = partsOf(path);
  return parts.uri === '*' || PLAIN.test(parts.uri) ? parts : null;
}

/** One that is not plain. */
export function resolvedUri(path: string, mergesSlashes: boolean): NormalisedUri | null {
  const { uri: raw, args, hasArgs } = partsOf(path);
  const decoded = percentDecode(raw);
  if (decoded === null) return null;
  const uri = resolveDots(decoded, mergesSlashes);
  return uri === null ? null : { uri, args, hasArgs };
}

function partsOf(path: string): NormalisedUri {
  const question = path.indexOf('?');
  if (question < 0) return { uri: path, args: '', hasArgs: false };
  const args = path.slice(question + 1);
  // nginx takes a question mark alone for none.
  return { uri: path.slice(0, question), args, hasArgs: args !== '' };
}

/** Bytes of a percent-encoded text; null on a bad escape or NUL. */
export function percentDecode(text: string): string | null {
  if (!text.includes('%')) return text;
  let bad = false;
  const decoded = text.replace(/%([0-9a-fA-F]{2})?/g, (_all, hex: string | undefined) => {
    if (hex === undefined || hex === '00') {
      bad = true;
      return '';
    }
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
  return bad ? null : decoded;
}

function resolveDots(path: string, mergesSlashes: boolean): string | null {
  const out: string[] = [];
  const segments = path.split('/');
  const last = segments.length - 1;
  let endsInSlash = false;
  for (let i = 1; i <= last; i++) {
    const segment = segments[i];
    endsInSlash = i === last && (segment === '' || segment === '.' || segment === '..');
    if (segment === '..') {
      if (out.length === 0) return null;
      out.pop();
    } else if (segment === '') {
      if (!mergesSlashes && i < last) out.push('');
    } else if (segment !== '.') out.push(segment);
  }
  return `/${out.join('/')}${endsInSlash && out.length > 0 ? '/' : ''}`;
}

/** Whether a character stands before the query of a target as it came. */
export function standsInPath(path: string, c: string): boolean {
  const p = path.indexOf(c);
  if (p < 0) return false;
  const question = path.indexOf('?');
  return question < 0 || p < question;
}

const HEX = '0123456789ABCDEF';

/** Escapes what may not stand in a request target (NGX_ESCAPE_URI); other bytes stay. */
export function escapeUri(uri: string): string {
  return NEEDS_ESCAPE.test(uri) ? uri.replace(ALL_NEED_ESCAPE, escapeByte) : uri;
}

const NEEDS_ESCAPE = /[\x00-\x20"#%<>?\\^`{|}\x7f-\xff]/;
const ALL_NEED_ESCAPE = /[\x00-\x20"#%<>?\\^`{|}\x7f-\xff]/g;

/** Escapes a captured text that goes into arguments (NGX_ESCAPE_ARGS). */
export function escapeArgs(text: string): string {
  return text.replace(/[\x00-\x20"#%&+<>?\\^`{|}\x7f-\xff]/g, escapeByte);
}

/** Takes back, in the target of a redirect, the escapes of bytes that need none there, up to the first '?' (NGX_UNESCAPE_REDIRECT). */
export function unescapeRedirect(target: string): string {
  let inPath = true;
  return target.replace(/\?|%([0-9a-fA-F]{2})/g, (all, hex: string | undefined) => {
    const code = hex === undefined ? 63 : Number.parseInt(hex, 16);
    if (!inPath || code <= 37 || code >= 127) return all;
    if (code === 63) inPath = false;
    return String.fromCharCode(code);
  });
}

function escapeByte(c: string): string {
  const code = c.charCodeAt(0);
  return `%${HEX[code >> 4]}${HEX[code & 15]}`;
}
