// Rows of FastCGI that no other family has. What all families of peers have is family/rows.ts, what those of apps have apps/rows.ts.
import { flag, HTTP_LEVELS, list, type ReadContext, type Row, setting } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { type AppParam, appRows } from '../apps/rows.ts';
import { familyDefaults, familyRows } from '../family/rows.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly fastcgiParam: readonly AppParam[];
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

export const fastcgiRows: readonly Row[] = [
  ...familyRows('fastcgi'),
  ...appRows('fastcgi', 'a FastCGI app such as PHP-FPM'),
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
];

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
