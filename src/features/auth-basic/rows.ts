// Rows of auth_basic: names and passwords (ngx_http_auth_basic_module).
import { isAbsolute } from 'node:path';
import { type Context, type Row, setting } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    /** Template of the realm; `off` = nobody is asked. null: not set. */
    readonly authBasic: string | null;
    /** Template of a path, absolute unless it begins with a variable. null: not set. */
    readonly authBasicUserFile: string | null;
  }
}

export const authBasicDefaults = { authBasic: null, authBasicUserFile: null } as const;

const PLACES: readonly Context[] = ['http', 'server', 'location', 'limit_except'];

export const authBasicRows: readonly Row[] = [
  setting('authBasic', {
    name: 'auth_basic',
    contexts: PLACES,
    args: [1, 1],
    syntax: 'realm | off',
    default: 'off',
    doc: 'Asks clients for a name and a password; the realm may have variables. Works together with auth_basic_user_file.',
    read: (words, cx) => cx.template(words[0]),
  }),
  setting('authBasicUserFile', {
    name: 'auth_basic_user_file',
    contexts: PLACES,
    args: [1, 1],
    syntax: 'file',
    doc: 'Names and passwords, name:password a line, read for each request: {PLAIN}, {SHA}, {SSHA}, $apr1$, and of crypt(3) DES, $1$, $2a$ $2b$ $2y$, $5$ and $6$.',
    read: (words, cx) => {
      const text = cx.template(words[0]);
      return text.startsWith('$') || isAbsolute(text) ? text : cx.resolvePath(text);
    },
  }),
];
