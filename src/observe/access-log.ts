// The log hook of a location: writes a line to each of its access logs when an exchange has ended.
import type { Exchange } from '../exchange/exchange.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import { isSyslog } from '../shared/syslog-target.ts';
import { createJsonLog } from './json-format.ts';
import { TextSink } from './line-store.ts';
import type { LogFiles } from './log-files.ts';
import { compileLogFormat, findFormat } from './log-format.ts';
import { LogWriter } from './log-writer.ts';
import { createRequestLines } from './request-lines.ts';
import { type AccessLogEntry, LINES, type LogFileCache, type LogFormat, REQUEST_LINES } from './rows.ts';

type LogHook = (exchange: Exchange) => void;

/** What an access log is made of besides its entries. */
export interface AccessLogParts {
  readonly formats: readonly LogFormat[];
  readonly cache: LogFileCache | null;
  readonly lookup: VariableLookup;
  readonly files: LogFiles;
  /** Also a line for people on stdout, where the level logs at all or says nothing. */
  readonly requestLines?: boolean;
}

/**
 * Null when the level logs nothing. Opens the files: throws LogFileError for one that cannot be opened.
 * The hook must run while `exchange.request` still is that request's.
 */
export function createAccessLog(own: readonly AccessLogEntry[], parts: AccessLogParts): LogHook | null {
  const { lookup } = parts;
  const entries = parts.requestLines ? [...own, REQUEST_LINES] : own;
  // As in nginx an `off` wins over the logs that stand beside it.
  if (entries.length === 0 || entries.some((entry) => entry.path === 'off')) return null;
  const hooks = entries.map((entry) => {
    const target = targetOf(entry, parts);
    return onCondition(entry, lookup, hookOf(entry, parts, target));
  });
  if (hooks.length === 1) return hooks[0];
  return (exchange) => {
    for (const hook of hooks) hook(exchange);
  };
}

function hookOf(entry: AccessLogEntry, parts: AccessLogParts, target: LogWriter | Write): LogHook {
  const { formats, lookup } = parts;
  const format = findFormat(entry.format, formats);
  if (format !== undefined && target instanceof LogWriter) return compileLogFormat(format, lookup, target);
  const write: Write = target instanceof LogWriter ? (line) => target.write(line) : target;
  if (format !== undefined)
    return textHook((take) => compileLogFormat(format, lookup, new TextSink(take)), write);
  if (entry.format.toLowerCase() === LINES) return createRequestLines(entry.path, write);
  return textHook((take) => createJsonLog(lookup, take), write);
}

/** Of what gives lines as text. They are made within the call, so that whose they are is known. */
function textHook(make: (take: (line: string) => void) => LogHook, write: Write): LogHook {
  let whose: Exchange | null = null;
  const log = make((line) => {
    if (whose !== null) write(line, whose);
  });
  return (x) => {
    whose = x;
    log(x);
    whose = null;
  };
}

/** Takes a line with its end. */
type Write = (line: string, x: Exchange) => void;

/** A file takes the bytes of a line as they are made, everybody else its text. */
function targetOf(entry: AccessLogEntry, { cache, lookup, files }: AccessLogParts): LogWriter | Write {
  if (isSyslog(entry.path)) {
    const sender = files.syslog(entry.path);
    return (line) => sender.send(line.slice(0, -1));
  }
  if (entry.hasVariables === true) {
    const log = files.varying(compileTemplate(entry.path, lookup), cache);
    return (line, x) => log.write(x, line);
  }
  const { gzipLevel = 0 } = entry;
  if (gzipLevel === 0) return files.open(entry.path, entry);
  const log = files.gzipped(entry.path, entry, gzipLevel);
  return (line) => log.write(line);
}

function onCondition(entry: AccessLogEntry, lookup: VariableLookup, hook: LogHook): LogHook {
  if (entry.condition === null) return hook;
  const condition = compileTemplate(entry.condition, lookup);
  return (exchange) => {
    const value = condition(exchange);
    if (value !== '' && value !== '0') hook(exchange);
  };
}
