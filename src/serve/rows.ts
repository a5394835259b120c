// Rows of static files, redirects and error pages: where files are, what type they have, how they may be asked for.
import { sep } from 'node:path';
import type { Settings } from '../config/model.ts';
import {
  choice,
  count,
  flag,
  HTTP_AND_IF,
  HTTP_LEVELS,
  list,
  type ReadContext,
  type Row,
  setting,
} from '../config/row.ts';
import type { Word } from '../config/tree.ts';
import { parseCount } from '../config/units.ts';

/** Where the files of a location are. */
export interface FileRoot {
  /** Absolute path, or a template that begins with a variable. The slash at its end is kept: `alias` needs it. */
  readonly path: string;
  /** The path replaces the location's prefix (`alias`) instead of standing before the whole URI (`root`). */
  readonly alias: boolean;
}

/** Extensions (without the dot, any case) with their types, as `types` blocks list them; of several the last one holds. */
export type MimeTypes = readonly (readonly [extension: string, type: string])[];

/** One `error_page`. */
export interface ErrorPage {
  readonly codes: readonly number[];
  /** `=code`; 0 for `=` alone, -1 without. */
  readonly response: number;
  /** Template: a URI with arguments, a named location, or a URL for a redirect. */
  readonly target: string;
}

/** `try_files`: templates of paths, a `/` at the end asks for a directory; then a URI, `@name`, or a status. */
export interface TryFiles {
  readonly files: readonly string[];
  readonly last: string | number;
}

declare module '../config/model.ts' {
  interface Settings {
    /** null: no files here, every answer of the file handler is 404. */
    readonly fileRoot: FileRoot | null;
    /** One list of templates for every `index` directive of the level; flat() gives them in order. */
    readonly index: readonly (readonly string[])[];
    readonly defaultType: string;
    /** null: no `types` block. */
    readonly mimeTypes: MimeTypes | null;
    readonly maxRanges: number;
    readonly etag: boolean;
    readonly ifModifiedSince: 'off' | 'exact' | 'before';
    readonly absoluteRedirect: boolean;
    readonly portInRedirect: boolean;
    readonly serverNameInRedirect: boolean;
    readonly logNotFound: boolean;
    readonly errorDetail: boolean;
    readonly msiePadding: boolean;
    readonly msieRefresh: boolean;
    readonly errorPages: readonly ErrorPage[];
    readonly recursiveErrorPages: boolean;
    /** null: no try_files. */
    readonly tryFiles: TryFiles | null;
    readonly internal: boolean;
    /** null: links may be on the way to a file. `from` is a template, '' = none. */
    readonly disableSymlinks: { readonly ifNotOwner: boolean; readonly from: string } | null;
  }
}

export const serveDefaults = {
  fileRoot: null,
  index: [['index.html']],
  defaultType: 'text/plain',
  mimeTypes: null,
  maxRanges: 16,
  etag: true,
  ifModifiedSince: 'exact',
  absoluteRedirect: true,
  portInRedirect: true,
  serverNameInRedirect: false,
  logNotFound: true,
  errorDetail: false,
  msiePadding: true,
  msieRefresh: false,
  errorPages: [],
  recursiveErrorPages: false,
  tryFiles: null,
  internal: false,
  disableSymlinks: null,
} as const;

export const serveRows: readonly Row[] = [
  setting('fileRoot', {
    name: 'root',
    contexts: HTTP_AND_IF,
    args: [1, 1],
    syntax: 'path',
    doc: 'Directory of static files: the URI is added to it. Links that lead out of it are refused. Without root or alias there are no files (nginx would take its own html directory).',
    read: (words, cx) => readRoot(words[0], cx, false),
  }),
  setting('fileRoot', {
    name: 'alias',
    contexts: ['location'],
    args: [1, 1],
    syntax: 'path',
    doc: 'Directory or file that replaces the part of the URI that the location matched; the whole path in a location with a regular expression.',
    read: (words, cx) => readRoot(words[0], cx, true),
  }),
  list('index', {
    name: 'index',
    contexts: HTTP_LEVELS,
    args: [1, 100],
    syntax: 'file …',
    default: 'index.html',
    doc: 'Files tried in turn when the URI ends with a slash; the first that exists is served through an internal redirect.',
    read: readIndex,
  }),
  setting('defaultType', {
    name: 'default_type',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'mime-type',
    default: 'text/plain',
    doc: 'Content-Type where the extension says nothing. Without a types block the well-known types of web files apply, not only the three of nginx.',
    read: readType,
  }),
  count('maxRanges', {
    name: 'max_ranges',
    contexts: HTTP_LEVELS,
    default: '16',
    doc: 'Most byte ranges one request may ask for; with more the whole file is sent. 0 switches ranges off. nginx has no limit by default.',
  }),
  flag('etag', {
    name: 'etag',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Sends an ETag with static files.',
  }),
  choice('ifModifiedSince', ['off', 'exact', 'before'], {
    name: 'if_modified_since',
    contexts: HTTP_LEVELS,
    default: 'exact',
    doc: 'How If-Modified-Since is compared with the time of the file: not at all, for equality, or for being not older.',
  }),
  flag('absoluteRedirect', {
    name: 'absolute_redirect',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether redirects made here name scheme and host, or only the path.',
  }),
  flag('portInRedirect', {
    name: 'port_in_redirect',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether absolute redirects name the port that the client came to.',
  }),
  flag('serverNameInRedirect', {
    name: 'server_name_in_redirect',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether absolute redirects name the first server_name instead of the host of the request.',
  }),
  flag('logNotFound', {
    name: 'log_not_found',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether files that do not exist are noted in the error log.',
  }),
  flag('errorDetail', {
    name: 'error_detail',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether error pages say what happened: each attempt with its peer and cause, the file of a 404, the place in the configuration, what the program wrote last, and the next step. HTML for browsers, JSON for who accepts that, one line for curl. For development (`lbproxy dev`); not in nginx.',
  }),
  flag('msiePadding', {
    name: 'msie_padding',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether pages of errors are made longer for Internet Explorer and Chrome, which show their own in the place of short ones.',
  }),
  flag('msieRefresh', {
    name: 'msie_refresh',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether Internet Explorer gets a page that leads there by itself in the place of a redirect.',
  }),
  list('errorPages', {
    name: 'error_page',
    contexts: HTTP_AND_IF,
    args: [2, 64],
    syntax: 'code … [=[response]] uri',
    doc: 'Another answer for these statuses: a URI of this server (the request becomes a GET), a named location, or the URL of a redirect. With = the status is that of the answer, with =response this one.',
    read: readErrorPage,
  }),
  flag('recursiveErrorPages', {
    name: 'recursive_error_pages',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether error_page holds for errors of an error page, too.',
  }),
  setting('tryFiles', {
    name: 'try_files',
    contexts: ['server', 'location'],
    args: [2, 64],
    syntax: 'file … (uri | @name | =code)',
    inherit: false,
    doc: 'The first of these files (with a slash at the end: directories) that exists answers in the place of the URI; else the last argument does.',
    read: readTryFiles,
  }),
  setting('disableSymlinks', {
    name: 'disable_symlinks',
    contexts: HTTP_LEVELS,
    args: [1, 2],
    syntax: 'off | on | if_not_owner [from=part]',
    default: 'off',
    doc: 'Whether files are refused (403) where a part of their path is a link, or one to what somebody else owns. What begins a path as from= says is not looked at.',
    read: readLinks,
  }),
  setting('internal', {
    name: 'internal',
    contexts: ['location'],
    args: [0, 0],
    syntax: '',
    doc: 'Only internal redirects come to this location (error_page, index, try_files, rewrite); clients get 404.',
    read: () => true,
  }),
];

function readLinks(words: readonly Word[], cx: ReadContext): Settings['disableSymlinks'] | undefined {
  let mode: 'off' | 'on' | 'if_not_owner' | null = null;
  let from: string | null = null;
  for (const word of words) {
    const { text, at } = word;
    if (text === 'off' || text === 'on' || text === 'if_not_owner') mode = text;
    else if (text.startsWith('from=') && text.length > 5)
      from = cx.template({ text: text.slice(5), at: { ...at, column: at.column + 5 } });
    else
      return cx.problems.error(
        at,
        `"disable_symlinks": invalid parameter "${text}"; write on, off, if_not_owner or from=`,
      );
  }
  if (mode === null)
    return cx.problems.error(cx.directive.at, '"disable_symlinks" needs off, on or if_not_owner');
  if (mode === 'off' && from !== null)
    return cx.problems.error(cx.directive.at, '"from=" cannot be used with "off" parameter: remove one');
  return mode === 'off' ? null : { ifNotOwner: mode === 'if_not_owner', from: from ?? '' };
}

function readErrorPage(words: readonly Word[], cx: ReadContext): ErrorPage | undefined {
  const target = words[words.length - 1];
  const equals = words[words.length - 2];
  const withResponse = equals.text.startsWith('=');
  const codeWords = words.slice(0, withResponse ? -2 : -1);
  const given = withResponse ? readResponse(equals, codeWords.length, cx) : -1;
  const codes = codeWords.map((word) => readErrorCode(word, cx));
  if (given === undefined || codes.includes(undefined)) return undefined;
  return { codes: codes.filter((code) => code !== undefined), response: given, target: cx.template(target) };
}

function readResponse(word: Word, codes: number, cx: ReadContext): number | undefined {
  const response = word.text === '=' ? 0 : parseCount(word.text.slice(1), 0, 999);
  if (response !== undefined && codes > 0) return response;
  const what = codes === 0 ? 'no status stands before' : 'no status stands in';
  return cx.problems.error(
    word.at,
    `"error_page": ${what} "${word.text}"; write error_page 404 =200 /page.html`,
  );
}

function readErrorCode(word: Word, cx: ReadContext): number | undefined {
  const code = parseCount(word.text, 300, 599);
  if (code !== undefined && code !== 499) return code;
  return cx.problems.error(
    word.at,
    `"error_page": "${word.text}" is no status from 300 to 599 other than 499`,
  );
}

function readTryFiles(words: readonly Word[], cx: ReadContext): TryFiles | undefined {
  const last = words[words.length - 1];
  const files = words.slice(0, -1).map((word) => cx.template(word));
  if (!last.text.startsWith('=')) return { files, last: cx.template(last) };
  const code = parseCount(last.text.slice(1), 100, 999);
  if (code !== undefined) return { files, last: code };
  return cx.problems.error(last.at, `"try_files": "${last.text}" names no status from 100 to 999`);
}

/** nginx refuses these: their value is what the directive is to define. */
const CIRCULAR = /\$\{?(?:document_root|realpath_root)\b/;

/** What ends the path of a directory: on Windows also a backslash. */
const SLASH_AT_END = sep === '\\' ? /[/\\]$/ : /\/$/;

function readRoot(word: Word, cx: ReadContext, alias: boolean): FileRoot | undefined {
  const name = cx.directive.name;
  if (CIRCULAR.test(word.text)) {
    return cx.problems.error(
      word.at,
      `"${name}" cannot use $document_root or $realpath_root, which it defines; write the path`,
    );
  }
  if (word.text === '' || word.text.includes('\0')) {
    return cx.problems.error(word.at, `"${name}" needs the path of a directory`);
  }
  const text = cx.template(word);
  if (text.startsWith('$')) return { path: text, alias };
  const resolved = cx.resolvePath(text);
  const slash = SLASH_AT_END.test(text) && !SLASH_AT_END.test(resolved);
  return { path: slash ? `${resolved}/` : resolved, alias };
}

function readIndex(words: readonly Word[], cx: ReadContext): readonly string[] | undefined {
  for (const [i, word] of words.entries()) {
    if (word.text === '')
      return cx.problems.error(word.at, '"index" needs the name of a file, not an empty one');
    if (word.text.startsWith('/') && i < words.length - 1) {
      cx.problems.warn(
        word.at,
        `"${word.text}" is absolute, so the names after it are never tried; put it last`,
      );
    }
  }
  return words.map((word) => cx.template(word));
}

function readType(words: readonly Word[], cx: ReadContext): string | undefined {
  const [{ text, at }] = words;
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return cx.problems.error(at, `"${text}" is not a media type such as text/plain`);
}
