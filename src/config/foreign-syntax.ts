// Files of other tools, and of one syntax under the name of the other: told as that, as every line of them would be a problem.
import type { Syntax } from './tree.ts';

export interface Foreign {
  /** Of the first word. */
  readonly offset: number;
  readonly message: string;
}

/** Blanks, or one comment, of either syntax. */
const COMMENT = /\s+|#[^\n]*|\/\/[^\n]*|\/\*.*?\*\//sy;
const JSON_FORM = '{ "servers": [{ "listen": 80 }] }';
const NGINX_FORM = 'http { server { listen 80; } }';

/** Where the first word begins. One by one: an expression for all of them would need a stack as high as they are many. */
function behindComments(text: string): number {
  let at = 0;
  for (COMMENT.lastIndex = 0; COMMENT.test(text); ) at = COMMENT.lastIndex;
  return at;
}

/** Whose file it is; undefined where it may be of the syntax that it is read as. */
export function foreignSyntax(text: string, syntax: Syntax): Foreign | undefined {
  const offset = behindComments(text);
  const rest = text.slice(offset);
  const message = syntax === 'json' ? notJson(rest) : notNginx(rest);
  return message === undefined ? undefined : { offset: rest === '' ? 0 : offset, message };
}

/** `key:` and nothing else in the line, or `key: value` without the ends of nginx. */
const isYaml = (rest: string): boolean => /^(?:---|[\w-]+:(?:[ \t]*\n|[ \t]+[^\n;{]*\n))/.test(`${rest}\n`);

function notJson(rest: string): string | undefined {
  if (rest === '') return `this file is empty; write { "servers": [{ "listen": 80, … }] }`;
  if (/^"[^"\n]*"\s*:/.test(rest)) return 'the keys of a configuration stand in an object: { "servers": … }';
  if (isYaml(rest)) return `this is YAML, which is not read; write ${JSON_FORM}`;
  // A word, then words up to a `;` or a `{`.
  if (/^[a-z_]+\b[^:"\n]*[;{]/i.test(rest.replace(/^([^\n]*)\n\s*\{/, '$1 {')))
    return "this is nginx's syntax in a file called .json; call it .conf";
  return undefined;
}

function notNginx(rest: string): string | undefined {
  // As the configuration itself it is read; here it was included.
  if (
    /^\[(?:program|supervisord|unix_http_server|inet_http_server|group|eventlistener|fcgi-program)\b/.test(
      rest,
    )
  )
    return 'this is a file of Supervisor, which cannot stand in another: name it with --programs';
  if (/^\[[\w.-]+\]\s*\n/.test(rest)) return `this is TOML or INI, which is not read; write ${NGINX_FORM}`;
  if (/^<[A-Za-z]/.test(rest)) return `this is a file of Apache, which is not read; write ${NGINX_FORM}`;
  if (isYaml(rest)) return `this is YAML, which is not read; write nginx's syntax, ${NGINX_FORM}, or JSON`;
  return undefined;
}

/** Whether a text without a telling name is JSON: no nginx configuration begins with a brace, a list, or a key with a colon. */
export function looksLikeJson(text: string): boolean {
  return /^(?:\{|\[\s*\{|"[^"\n]*"\s*:)/.test(text.slice(behindComments(text)));
}
