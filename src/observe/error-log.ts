// The error log: what goes wrong and what the program does, as JSON lines, or as one short line each on a terminal.
import { isatty } from 'node:tty';
import type { Logger } from 'pino';
import { toBytes } from '../route/template.ts';
import { isSyslog } from '../shared/syslog-target.ts';
import { mayColour } from '../shared/terminal-colours.ts';
import { encodeJsonLine } from './json-text.ts';
import { loadPino } from './lazy-pino.ts';
import type { LogFiles } from './log-files.ts';
import { escapeDefault } from './log-format.ts';
import { nginxLine } from './nginx-line.ts';
import { prettyLine } from './pretty-line.ts';
import { DEFAULT_BUFFERING, LOG_LEVELS, type LogLevel } from './rows.ts';

type LogMethod = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Messages are complete sentences without a final stop; fields carry what a program would look for. */
export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly notice: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly crit: LogMethod;
  readonly alert: LogMethod;
  readonly emerg: LogMethod;
}

export interface LogOptions {
  /** Absolute path, `stdout`, `stderr` or `syslog:…`. */
  readonly path: string;
  readonly level: LogLevel;
  /** JSON, nginx's line, or one line for people; by default JSON, and the last when the log is a terminal. */
  readonly form?: LogForm;
}

export type LogForm = 'json' | 'pretty' | 'nginx';

/** nginx's names on pino's scale: notice is an info, everything from crit on is fatal. */
const NUMBERS = {
  debug: 20,
  info: 30,
  notice: 35,
  warn: 40,
  error: 50,
  crit: 60,
  alert: 61,
  emerg: 62,
} as const;

type Print = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;

/** Opens the log through `files`, so that it is reopened and flushed with the others. Throws LogFileError. */
export function createLog(options: LogOptions, files: LogFiles): Log {
  const terminal = isTerminal(options.path);
  const form = options.form ?? (terminal ? 'pretty' : 'json');
  let print: Print = () => undefined;
  if (isSyslog(options.path)) {
    const sender = files.syslog(options.path);
    const write: Write = (line, level) => sender.send(line.trimEnd(), severityOf(level));
    print = PRINTERS[form](write, false);
  } else {
    const writer = files.open(options.path, DEFAULT_BUFFERING);
    print = PRINTERS[form]((line) => writer.write(line, true), terminal);
    // What it loses it tells itself, once that is possible; a file beside it may never take anything again.
    writer.tellsItself = options.path === 'stderr' || options.path === 'stdout';
    writer.onProblem = (message) => {
      if (writer.tellsItself) print('error', message, {});
      else files.print('stderr', message);
    };
  }
  const lowest = LOG_LEVELS.indexOf(options.level);
  const method = (level: LogLevel): LogMethod => {
    if (LOG_LEVELS.indexOf(level) < lowest) return () => undefined;
    return (message, fields = {}) => {
      try {
        print(level, message, fields);
      } catch {
        // A field that cannot be printed: its line is printed without it.
        print(level, message, {});
      }
    };
  };
  return logOf(method);
}

function logOf(method: (level: LogLevel) => LogMethod): Log {
  return {
    debug: method('debug'),
    info: method('info'),
    notice: method('notice'),
    warn: method('warn'),
    error: method('error'),
    crit: method('crit'),
    alert: method('alert'),
    emerg: method('emerg'),
  };
}

/** Several as one: a line goes to each whose level lets it through. */
export function createLogs(options: readonly LogOptions[], files: LogFiles): Log {
  const logs = options.map((one) => createLog(one, files));
  if (logs.length === 1) return logs[0];
  return logOf((level) => (message, fields) => {
    for (const log of logs) log[level](message, fields);
  });
}

function isTerminal(path: string): boolean {
  return (path === 'stdout' && isatty(1)) || (path === 'stderr' && isatty(2));
}

type Write = (line: string, level: LogLevel) => void;

/** As syslog counts: 0 is emerg, 7 is debug. */
function severityOf(level: LogLevel): number {
  return LOG_LEVELS.length - 1 - LOG_LEVELS.indexOf(level);
}

function jsonPrinter(write: Write): Print {
  let current: LogLevel = 'error';
  let log: Logger<LogLevel, true> | null = null;
  return (level, message, fields) => {
    current = level;
    log ??= jsonLogger((line) => write(line, current));
    const own = withoutOwn(fields);
    if (log !== null) return log[level](own, message);
    write(lineOf(level, message, own), level);
  };
}

/** The same line without pino, for as long as that cannot be loaded. */
function lineOf(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): string {
  const line = { level, time: new Date().toISOString(), pid: process.pid, ...fields, msg: message };
  return encodeJsonLine(`${JSON.stringify(line)}\n`);
}

/** What every line has of its own. A field of such a name would make a key come twice, which strict parsers refuse. */
const OWN_KEYS = ['level', 'time', 'pid', 'msg'] as const;

function withoutOwn(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (!OWN_KEYS.some((key) => key in fields)) return fields;
  const out: Record<string, unknown> = { ...fields };
  for (const key of OWN_KEYS) {
    if (!(key in out)) continue;
    let free = `${key}_`;
    while (free in out) free += '_';
    out[free] = out[key];
    delete out[key];
  }
  return out;
}

function jsonLogger(write: (line: string) => void): Logger<LogLevel, true> | null {
  const pino = loadPino();
  if (pino === null) return null;
  return pino(
    {
      base: { pid: process.pid },
      customLevels: NUMBERS,
      useOnlyCustomLevels: true,
      level: 'debug',
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write: (line: string) => write(encodeJsonLine(line)) },
  );
}

/**
 * A number of the client's connection may be among the fields: the message has bytes of requests then, which stay as they are. All else
 * that nginx tells is in the message.
 */
function nginxPrinter(write: Write): Print {
  return (level, message, { connection }) => {
    const number = typeof connection === 'number' ? connection : null;
    const bytes = number === null ? toBytes(message) : message.replace(/[^\x00-\xff]+/g, toBytes);
    write(nginxLine(level, shownBytes(bytes), number ?? 0), level);
  };
}

/** All but a tab that a terminal obeys: C0, DEL, and C1 as UTF-8 has it. Clients write it into paths. */
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/g;

/** As nginx's access log shows them; a line stays one line. */
function shownBytes(bytes: string): string {
  return bytes.replaceAll('\n', ' ').replace(OBEYED, escapeDefault);
}

function prettyPrinter(write: Write, terminal: boolean): Print {
  const colours = mayColour(terminal);
  return (level, message, fields) =>
    write(`${toBytes(prettyLine({ time: new Date(), level, message, fields }, colours))}\n`, level);
}

const PRINTERS: Readonly<Record<LogForm, (write: Write, terminal: boolean) => Print>> = {
  json: jsonPrinter,
  nginx: nginxPrinter,
  pretty: prettyPrinter,
};
