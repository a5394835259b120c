// The request's path as locations see it: decoded, slashes merged, dot segments resolved (ngx_http_parse_complex_uri).
// Works on bytes as latin1 text.

/** A normalised path with its query, or null when the path is not one (bad escape, NUL, above the root). */
export interface NormalisedUri {
  readonly uri: string;
  readonly args: string;
  readonly hasArgs: boolean;
}

/** Paths that are their own normal form: most requests. */
export const PLAIN = /^(?:\/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_.~!$&'()*+,;=:@-]*)*\/?$/;

export function normaliseUri(path: string, mergesSlashes = true): NormalisedUri | null {
  const question = path.indexOf('?');
  const raw = question < 0 ? path : path.slice(0, question);
  const args = question < 0 ? '' : path.slice(question + 1);
  // nginx takes a question mark alone for none.
  const hasArgs = args !== '';
  if (raw === '*' || PLAIN.test(raw)) return { uri: raw, args, hasArgs };
  const decoded = percentDecode(raw);
  if (decoded === null) return null;
  const uri = resolveDots(decoded, mergesSlashes);
  return uri === null ? null : { uri, args, hasArgs };
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
