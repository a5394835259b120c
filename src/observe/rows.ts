// Rows of the logs: log_format, access_log, error_log. ngx_http_log_module and the core's error_log.

import type { Settings } from '../config/model.ts';
import { flag, HTTP_AND_IF, HTTP_LEVELS, list, type ReadContext, type Row, setting } from '../config/row.ts';
import type { Word } from '../config/tree.ts';
import { parseCount, parseSize, parseTime } from '../config/units.ts';
import { parseTemplate } from '../route/template.ts';
import { isSyslog, parseSyslog } from '../shared/syslog-target.ts';

export type LogEscape = 'default' | 'json' | 'none';

/** One `log_format`. `text` is a template; its variables are escaped as `escape` says when a line is made. */
export interface LogFormat {
  readonly name: string;
  readonly escape: LogEscape;
  readonly text: string;
}

/** open_log_file_cache. */
export interface LogFileCache {
  readonly max: number;
  readonly inactiveMs: number;
  readonly minUses: number;
  readonly validMs: number;
}

/** One `access_log`. Path `off` means that the level logs nothing, whatever else stands beside it. */
export interface AccessLogEntry {
  /** Absolute path, `stdout`, `stderr`, `syslog:…` or `off`. */
  readonly path: string;
  /** The path is a template. */
  readonly hasVariables?: boolean;
  readonly format: string;
  /** 1 to 9: what is written is compressed. */
  readonly gzipLevel?: number;
  /** Bytes that may wait before they are written. */
  readonly bufferBytes: number;
  /** Longest wait of a line; 0 = until the buffer is full. */
  readonly flushMs: number;
  /** Template; the request is logged unless it gives '' or '0'. null = always. */
  readonly condition: string | null;
}

export const LOG_LEVELS = ['debug', 'info', 'notice', 'warn', 'error', 'crit', 'alert', 'emerg'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ErrorLogSetting {
  /** Absolute path, `stdout`, `stderr` or `syslog:…`. */
  readonly path: string;
  /** null: the face's own. */
  readonly level: LogLevel | null;
}

declare module '../config/model.ts' {
  interface Settings {
    readonly logFormats: readonly LogFormat[];
    readonly accessLog: readonly AccessLogEntry[];
    /** Of logs whose paths have variables; null = their files are opened for each line. */
    readonly logFileCache: LogFileCache | null;
    readonly logSubrequest: boolean;
    /** A line for people per request on stdout. No directive sets it: the command line does. */
    readonly requestLines: boolean;
    /** All of them get each line that their level lets through. */
    readonly errorLog: readonly ErrorLogSetting[];
    /** Those of the main level: what concerns no request. */
    readonly processLog: readonly ErrorLogSetting[];
  }
}

/** How long lines wait when `buffer=` says nothing: long enough to write many with one call, too short to notice. */
export const DEFAULT_BUFFERING = { bufferBytes: 64 * 1024, flushMs: 100 } as const;

/** The built-in format of lines for people. */
export const LINES = 'lines';
export const REQUEST_LINES: AccessLogEntry = {
  path: 'stdout',
  format: LINES,
  condition: null,
  ...DEFAULT_BUFFERING,
};

export const observeDefaults = {
  logFormats: [],
  // nginx would write logs/access.log under its prefix; a program started in any directory should not make files unasked.
  accessLog: [],
  logFileCache: null,
  logSubrequest: false,
  requestLines: false,
  // nginx's level is error; from notice on, start and reload say what they did.
  errorLog: [{ path: 'stderr', level: 'notice' }],
  processLog: [{ path: 'stderr', level: 'notice' }],
} as const satisfies Partial<Settings>;

export const observeRows: readonly Row[] = [
  list('logFormats', {
    name: 'log_format',
    contexts: ['http'],
    args: [2, 64],
    syntax: 'name [escape=default | json | none] string …',
    default: 'combined "…"',
    doc: 'A format for access_log: the strings are joined, their $variables escaped. `combined`, `json` and `lines` are built in.',
    read: readFormat,
  }),
  list('accessLog', {
    name: 'access_log',
    contexts: [...HTTP_AND_IF, 'limit_except'],
    args: [1, 8],
    syntax: 'path [format [buffer=size [flush=time]] [gzip[=level]] [if=condition]] | off',
    default: 'off',
    doc:
      'Writes one line per request to a file, stdout, stderr or syslog:server=…; several may stand together. A path may hold variables. ' +
      'Without a format it is `combined` in nginx files and `json` in JSON files; `lines` is for people: on a terminal aligned and coloured.',
    read: readAccessLog,
  }),
  flag('logSubrequest', {
    name: 'log_subrequest',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether access_log has lines for subrequests (auth_request, SSI, mirror).',
  }),
  list('errorLog', {
    name: 'error_log',
    contexts: ['main', 'http', 'server', 'location'],
    args: [1, 2],
    syntax: `path [${LOG_LEVELS.join(' | ')}]`,
    default: 'stderr notice',
    doc: 'Where messages of at least this level go: a file, stdout or stderr.',
    read: readErrorLog,
  }),
  setting('logFileCache', {
    name: 'open_log_file_cache',
    contexts: HTTP_LEVELS,
    args: [1, 4],
    syntax: 'max=n [inactive=time] [min_uses=n] [valid=time] | off',
    default: 'off',
    doc: 'How many files of logs whose paths have variables stay open, and how long. Other logs stay open anyway.',
    read: readLogFileCache,
  }),
];

function readFormat(words: readonly Word[], cx: ReadContext): LogFormat | undefined {
  const name = words[0].text;
  if (name === 'combined') {
    return cx.problems.error(
      words[0].at,
      '"combined" is built in and cannot be defined again: choose another name',
    );
  }
  let mode: LogEscape = 'default';
  let strings = words.slice(1);
  const first = strings[0];
  if (first.text.startsWith('escape=')) {
    const value = first.text.slice(7);
    if (value !== 'default' && value !== 'json' && value !== 'none') {
      return cx.problems.error(first.at, `unknown escaping "${value}": use default, json or none`);
    }
    mode = value;
    strings = strings.slice(1);
  }
  for (const word of strings) {
    cx.template(word);
    // nginx reads every string on its own, so a '$' at the end of one cannot begin a name in the next.
    if (word.text.endsWith('$')) {
      return cx.problems.error(word.at, `"${word.text}" ends with a "$" that names no variable: remove it`);
    }
  }
  return { name, escape: mode, text: strings.reduce((text, word) => join(text, word.text), '') };
}

const BARE_NAME_AT_END = /\$[A-Za-z0-9_]+$/;

/** Joins two strings of a format so that a variable's name at the end of one does not run into the next. */
function join(text: string, next: string): string {
  if (!/^[A-Za-z0-9_]/.test(next) || !BARE_NAME_AT_END.test(text)) return text + next;
  return text.replace(BARE_NAME_AT_END, (name) => `\${${name.slice(1)}}`) + next;
}

const OFF: AccessLogEntry = { path: 'off', format: '', bufferBytes: 0, flushMs: 0, condition: null };

function readAccessLog(words: readonly Word[], cx: ReadContext): AccessLogEntry | undefined {
  const [path, format, ...parameters] = words;
  if (path.text === 'off') {
    if (format === undefined) return OFF;
    return cx.problems.error(
      format.at,
      `invalid parameter "${format.text}": "access_log off" takes no other`,
    );
  }
  if (/^(?:on|true|false|yes|no|none)$/.test(path.text)) {
    const what = `"access_log" has no "${path.text}": this is a file called ${path.text}`;
    cx.problems.warn(path.at, `${what}; write its path, stdout or stderr`);
  }
  const target = accessPath(path, cx);
  const options = readParameters(parameters, cx);
  if (target === undefined || options === undefined) return undefined;
  if (options.flushMs !== undefined && options.bufferBytes === undefined) {
    return cx.problems.error(path.at, 'flush= needs buffer=: add a size such as buffer=64k');
  }
  const isBuffered = options.bufferBytes !== undefined;
  if (isBuffered && isSyslog(path.text))
    return cx.problems.error(path.at, 'logs to syslog cannot be buffered: remove buffer= and gzip');
  const hasVariables = isTemplate(path.text);
  if (isBuffered && hasVariables)
    return cx.problems.error(path.at, 'buffered logs cannot have variables in name: remove buffer= and gzip');
  return {
    path: target,
    format: format?.text ?? (cx.syntax === 'json' ? 'json' : 'combined'),
    bufferBytes: options.bufferBytes ?? DEFAULT_BUFFERING.bufferBytes,
    // With buffer= alone nginx writes only what is full.
    flushMs: options.flushMs ?? (options.bufferBytes === undefined ? DEFAULT_BUFFERING.flushMs : 0),
    condition: options.condition ?? null,
    ...(hasVariables ? { hasVariables } : {}),
    ...(options.gzipLevel === undefined ? {} : { gzipLevel: options.gzipLevel }),
  };
}

interface Parameters {
  bufferBytes?: number;
  gzipLevel?: number;
  flushMs?: number;
  condition?: string;
}

function readParameters(words: readonly Word[], cx: ReadContext): Parameters | undefined {
  const read: Parameters = {};
  for (const word of words) {
    const [name, ...rest] = word.text.split('=');
    const value = rest.join('=');
    const valueAt = { ...word.at, column: word.at.column + name.length + 1 };
    switch (name) {
      case 'buffer':
        read.bufferBytes = parseSize(value) || undefined;
        if (read.bufferBytes !== undefined) break;
        return cx.problems.error(word.at, `invalid buffer size "${value}": write a size such as buffer=64k`);
      case 'flush':
        read.flushMs = parseTime(value) || undefined;
        if (read.flushMs !== undefined) break;
        return cx.problems.error(word.at, `invalid flush time "${value}": write a time such as flush=5s`);
      case 'if':
        read.condition = cx.template({ text: value, at: valueAt });
        break;
      case 'gzip':
        read.bufferBytes ??= DEFAULT_BUFFERING.bufferBytes;
        read.gzipLevel = rest.length === 0 ? 1 : parseCount(value, 1, 9);
        if (read.gzipLevel !== undefined) break;
        return cx.problems.error(word.at, `invalid compression level "${value}": write one from 1 to 9`);
      default:
        return cx.problems.error(
          word.at,
          `invalid parameter "${word.text}": access_log knows buffer=, flush=, gzip and if=`,
        );
    }
  }
  return read;
}

/** A log's target; what nginx can log to and we cannot is reported. */
function logPath(word: Word, cx: ReadContext): string | undefined {
  const text = word.text;
  if (text === 'stdout' || text === '/dev/stdout') return 'stdout';
  if (text === 'stderr' || text === '/dev/stderr') return 'stderr';
  if (/^(syslog|memory):/.test(text)) {
    return cx.problems.error(word.at, `"${text}" is not supported: log to a file, stdout or stderr`);
  }
  return cx.resolvePath(text);
}

function isTemplate(text: string): boolean {
  const parts = parseTemplate(text);
  return !('error' in parts) && parts.some((part) => 'variable' in part);
}

function accessPath(word: Word, cx: ReadContext): string | undefined {
  if (isSyslog(word.text)) return syslogPath(word, cx);
  return isTemplate(word.text) ? cx.resolvePath(cx.template(word)) : logPath(word, cx);
}

/** `off`, or max= and what goes with it. */
function readLogFileCache(words: readonly Word[], cx: ReadContext): LogFileCache | null | undefined {
  const read = { max: 0, inactiveMs: 10_000, minUses: 1, validMs: 60_000 };
  for (const word of words) {
    if (word.text === 'off') return null;
    const [name, value] = word.text.split('=', 2);
    const number =
      name === 'inactive' || name === 'valid' ? parseTime(value ?? '') : parseCount(value ?? '', 1);
    if (number === undefined || !Object.hasOwn(CACHE_KEYS, name))
      return cx.problems.error(word.at, `invalid "open_log_file_cache" parameter "${word.text}"`);
    read[CACHE_KEYS[name]] = number;
  }
  if (read.max > 0) return read;
  return cx.problems.error(cx.directive.at, '"open_log_file_cache" must have the "max" parameter');
}

const CACHE_KEYS: Readonly<Record<string, keyof LogFileCache>> = {
  max: 'max',
  inactive: 'inactiveMs',
  min_uses: 'minUses',
  valid: 'validMs',
};

function syslogPath({ text, at }: Word, cx: ReadContext): string | undefined {
  const target = parseSyslog(text);
  return typeof target === 'string' ? cx.problems.error(at, target, target) : text;
}

function readErrorLog(words: readonly Word[], cx: ReadContext): ErrorLogSetting | undefined {
  const { text, at } = words[0];
  if (/^(?:on|off|true|false|none)$/.test(text)) {
    const form =
      text === 'off' || text === 'false' || text === 'none' ? 'error_log stderr crit;' : 'error_log stderr;';
    cx.problems.warn(at, `"error_log" has no "${text}": this is a file called ${text}; write ${form}`);
  }
  const path = isSyslog(text) ? syslogPath(words[0], cx) : logPath(words[0], cx);
  const wanted = words[1]?.text;
  const level = wanted === undefined ? null : LOG_LEVELS.find((name) => name === wanted);
  if (level === undefined) {
    return cx.problems.error(
      words[1].at,
      `invalid log level "${wanted}": use one of ${LOG_LEVELS.join(', ')}`,
    );
  }
  return path === undefined ? undefined : { path, level };
}
