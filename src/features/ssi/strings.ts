// Strings in SSI commands: variables and backslashes in them, how values are written into a page, and where includes lead.

/** The value of a variable; undefined = there is none. */
export type SsiLookup = (lowerName: string) => string | undefined;

/** A command that cannot be carried out; the message is for the error log. */
export class SsiError extends Error {}

/** Of one that is made: a variable twice in its own value doubles it. */
const MOST_CHARACTERS = 1_048_576;

const NAME = /[A-Za-z0-9_]*/y;

/** A text with its variables; backslashes before quotes, `$` and themselves go (ngx_http_ssi_evaluate_string). */
export function evaluate(text: string, lookup: SsiLookup): string {
  let value = '';
  let p = 0;
  while (p < text.length) {
    if (text[p] === '$') {
      const { name, end } = variableAt(text, p + 1);
      value += lookup(name) ?? '';
      p = end;
      continue;
    }
    const start = p;
    while (p < text.length && text[p] !== '$') p += text[p] === '\\' ? 2 : 1;
    p = Math.min(p, text.length);
    value += unquote(text.slice(start, p));
  }
  if (value.length > MOST_CHARACTERS) throw new SsiError('too long a value in an SSI command');
  return value;
}

function variableAt(text: string, at: number): { name: string; end: number } {
  const braced = text[at] === '{';
  NAME.lastIndex = braced ? at + 1 : at;
  const name = NAME.exec(text)?.[0] ?? '';
  const end = (braced ? at + 1 : at) + name.length;
  if (at >= text.length || (braced && at + 1 >= text.length))
    throw new SsiError(`invalid variable name in "${text}"`);
  if (braced && text[end] !== '}') throw new SsiError(`the closing bracket in "${name}" variable is missing`);
  if (name === '') throw new SsiError(`invalid variable name in "${text}"`);
  return { name: name.toLowerCase(), end: braced ? end + 1 : end };
}

/** A backslash at the end goes, too. */
function unquote(text: string): string {
  return text.includes('\\')
    ? text.replace(/\\([\s\S]?)/g, (all, c: string) => (/^[\\'"$]?$/.test(c) ? c : all))
    : text;
}

/** The URI of an include: beside the page's own unless it begins with a slash. */
export function includedUri(value: string, pageUri: string): { uri: string; args: string | null } {
  const full = value.startsWith('/') ? value : pageUri.slice(0, pageUri.lastIndexOf('/') + 1) + value;
  const question = full.indexOf('?');
  const path = question < 0 ? full : full.slice(0, question);
  const uri = unescapePath(path);
  if (path === '' || isUnsafe(path) || isUnsafe(uri)) throw new SsiError(`unsafe URI "${full}" was detected`);
  return { uri, args: question < 0 ? null : full.slice(question + 1) };
}

const isUnsafe = (path: string): boolean => path.includes('\0') || /(?:^|\/)\.\.(?:\/|$)/.test(path);

/** A wrong escape loses its percent sign, one that is half right all of it (ngx_unescape_uri). */
function unescapePath(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(WRONG_OR_RIGHT, (_all, hex: string | undefined, other: string | undefined) =>
    hex === undefined ? (other ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const WRONG_OR_RIGHT = /%(?:([0-9a-f]{2})|[0-9a-f][\s\S]?|([\s\S]?))/gi;

export type Encoding = 'none' | 'url' | 'entity';

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

export function encode(value: string, encoding: Encoding): string {
  switch (encoding) {
    case 'url':
      return value.replace(/[\x00-\x20"#%'<>\\^`{|}\x7f-\xff]/g, escapeByte);
    case 'entity':
      return value.replace(/[<>&"]/g, (c) => ENTITIES[c]);
    default:
      return value;
  }
}

function escapeByte(c: string): string {
  return `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
