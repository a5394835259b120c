// Rows of FastCGI: which app answers, what it is told of a request. What all families of peers have is family/rows.ts.
import {
  type Context,
  flag,
  HTTP_LEVELS,
  ignored,
  list,
  type ReadContext,
  type Row,
  setting,
} from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { familyDefaults, familyRows } from '../family/rows.ts';
import type { ProxyPass } from '../rows.ts';

export interface FastcgiParam {
  readonly name: string;
  /** Template. */
  readonly value: string;
  /** Not sent where its value is empty. */
  readonly ifNotEmpty: boolean;
}

declare module '../../config/model.ts' {
  interface Settings {
    readonly fastcgiParam: readonly FastcgiParam[];
    readonly fastcgiIndex: string;
    /** A pattern with two groups; '' for none. */
    readonly fastcgiSplitPathInfo: string;
    readonly fastcgiKeepConn: boolean;
    readonly fastcgiCatchStderr: readonly string[];
  }
}

export const fastcgiDefaults = {
  ...familyDefaults('fastcgi'),
  fastcgiParam: [],
  fastcgiIndex: '',
  fastcgiSplitPathInfo: '',
  fastcgiKeepConn: false,
  fastcgiCatchStderr: [],
} as const;

const PASS_PLACES: readonly Context[] = ['location', 'if in location'];

export const fastcgiRows: readonly Row[] = [
  ...familyRows('fastcgi'),
  setting('proxyPass', {
    name: 'fastcgi_pass',
    contexts: PASS_PLACES,
    args: [1, 1],
    syntax: 'address',
    inherit: false,
    doc: 'Sends requests to a FastCGI app such as PHP-FPM: host:port, unix:path, or the name of an upstream or a program.',
    read: readPass,
  }),
  list('fastcgiParam', {
    name: 'fastcgi_param',
    contexts: HTTP_LEVELS,
    args: [2, 3],
    syntax: 'name value [if_not_empty]',
    doc: 'Tells the app a parameter; with if_not_empty only where it has a value. HTTP_NAME takes the place of the request’s field Name. A level that has any inherits none.',
    read: readParam,
  }),
  setting('fastcgiIndex', {
    name: 'fastcgi_index',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'name',
    doc: 'What $fastcgi_script_name ends with where the path ends with a slash.',
    read: (words) => words[0].text,
  }),
  setting('fastcgiSplitPathInfo', {
    name: 'fastcgi_split_path_info',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'regex',
    repeat: 'last',
    doc: 'Cuts the path in two by the two groups of a regular expression: $fastcgi_script_name and $fastcgi_path_info.',
    read: readSplit,
  }),
  flag('fastcgiKeepConn', {
    name: 'fastcgi_keep_conn',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Asks the app to keep connections, and uses them again; an app may serve nobody else meanwhile.',
  }),
  list('fastcgiCatchStderr', {
    name: 'fastcgi_catch_stderr',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'text',
    doc: 'An app that says this to its error output before its answer gave a bad answer (invalid_header of fastcgi_next_upstream).',
    read: (words) => words[0].text,
  }),
  ...['uwsgi_temp_path', 'scgi_temp_path'].map((name) =>
    ignored(name, HTTP_LEVELS, 'there are no such peers yet', { args: [1, 4] }),
  ),
];

const ADDRESS = /^(?:unix:[^:]+|(?:\[[0-9A-Fa-f:.]+\]|[^:/?[\]]+)(?::\d{1,5})?)$/;

/** As a URL, so that all passes are of one form. */
function readPass(words: readonly Word[], cx: ReadContext): ProxyPass | undefined {
  const { text, at } = words[0];
  const place = `${at.file}:${at.line}:${at.column}`;
  if (text.includes('$')) return { url: `fastcgi://${cx.template(words[0])}`, at: place };
  const bare = /^[a-z]+:\/\/(.+?)\/?$/i.exec(text)?.[1];
  if (bare !== undefined)
    return cx.problems.error(at, `"fastcgi_pass" takes an address without "://"; write ${bare}`);
  if (!ADDRESS.test(text))
    return cx.problems.error(
      at,
      `"${text}" is no address; write host:port, unix:/path or the name of an upstream`,
    );
  return { url: `fastcgi://${text}`, at: place };
}

function readParam(words: readonly Word[], cx: ReadContext): FastcgiParam | undefined {
  const [name, value, word] = words;
  if (word !== undefined && word.text !== 'if_not_empty')
    return cx.problems.error(
      word.at,
      `"${word.text}" is not "if_not_empty", the one word that may follow a value`,
    );
  return { name: name.text, value: cx.template(value), ifNotEmpty: word !== undefined };
}

/** Groups that capture; what is escaped, and classes, hold none. */
const GROUPS = /\((?!\?)|\(\?(?:P?<(?![=!])|')/g;

function readSplit(words: readonly Word[], cx: ReadContext): string | undefined {
  const { text, at } = words[0];
  if (!cx.pattern(words[0], text, false)) return undefined;
  const groups = text.replace(/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]/g, '').match(GROUPS) ?? [];
  if (groups.length === 2) return text;
  const what = `"${text}" must have two groups, for script and path info, not ${groups.length}`;
  return cx.problems.error(at, `${what}; the usual one is ^(.+\\.php)(/.+)$`);
}
