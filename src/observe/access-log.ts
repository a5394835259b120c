// The log hook of a location: writes a line to each of its access logs when an exchange has ended.
import type { Exchange } from '../exchange/exchange.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import { isSyslog } from '../shared/syslog-target.ts';
import { createJsonLog } from './json-format.ts';
import type { LogFiles } from './log-files.ts';
import { compileLogFormat, findFormat } from './log-format.ts';
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
  const { formats, lookup } = parts;
  const entries = parts.requestLines ? [...own, REQUEST_LINES] : own;
  // As in nginx an `off` wins over the logs that stand beside it.
  if (entries.length === 0 || entries.some((entry) => entry.path === 'off')) return null;
  const hooks = entries.map((entry) => {
    const write = writerOf(entry, parts);
    const format = findFormat(entry.format, formats);
    if (format === undefined && entry.format.toLowerCase() === LINES)
      return onCondition(entry, lookup, createRequestLines(entry.path, write));
    if (format === undefined) return onCondition(entry, lookup, jsonHook(lookup, write));
    const line = compileLogFormat(format, lookup);
    return onCondition(entry, lookup, (exchange) => write(`${line(exchange)}\n`, exchange));
  });
  if (hooks.length === 1) return hooks[0];
  return (exchange) => {
    for (const hook of hooks) hook(exchange);
  };
}

/** Lines are made within the call, so that whose they are is known. */
function jsonHook(lookup: VariableLookup, write: Write): LogHook {
  let whose: Exchange | null = null;
  const log = createJsonLog(lookup, (line) => {
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

function writerOf(entry: AccessLogEntry, { cache, lookup, files }: AccessLogParts): Write {
  if (isSyslog(entry.path)) {
    const sender = files.syslog(entry.path);
    return (line) => sender.send(line.slice(0, -1));
  }
  if (entry.hasVariables === true) {
    const log = files.varying(compileTemplate(entry.path, lookup), cache);
    return (line, x) => log.write(x, line);
  }
  const { gzipLevel = 0 } = entry;
  const writer =
    gzipLevel === 0 ? files.open(entry.path, entry) : files.gzipped(entry.path, entry, gzipLevel);
  return (line) => writer.write(line);
}

function onCondition(entry: AccessLogEntry, lookup: VariableLookup, hook: LogHook): LogHook {
  if (entry.condition === null) return hook;
  const condition = compileTemplate(entry.condition, lookup);
  return (exchange) => {
    const value = condition(exchange);
    if (value !== '' && value !== '0') hook(exchange);
  };
}
