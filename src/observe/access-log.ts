// The log hook of a location: writes a line to each of its access logs when an exchange has ended.
import type { Exchange } from '../exchange.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import { createJsonLog } from './json-format.ts';
import type { LogFiles } from './log-files.ts';
import { compileLogFormat, findFormat } from './log-format.ts';
import type { AccessLogEntry, LogFormat } from './rows.ts';

type LogHook = (exchange: Exchange) => void;

/**
 * Null when the level logs nothing. Opens the files: throws LogFileError for one that cannot be opened.
 * The hook must run while `exchange.request` still is that request's.
 */
export function createAccessLog(
  entries: readonly AccessLogEntry[],
  formats: readonly LogFormat[],
  lookup: VariableLookup,
  files: LogFiles,
): LogHook | null {
  // As in nginx an `off` wins over the logs that stand beside it.
  if (entries.length === 0 || entries.some((entry) => entry.path === 'off')) return null;
  const hooks = entries.map((entry) => {
    const writer = files.open(entry.path, entry);
    const format = findFormat(entry.format, formats);
    if (format === undefined)
      return onCondition(
        entry,
        lookup,
        createJsonLog(lookup, (line) => writer.write(line)),
      );
    const line = compileLogFormat(format, lookup);
    return onCondition(entry, lookup, (exchange) => writer.write(`${line(exchange)}\n`));
  });
  if (hooks.length === 1) return hooks[0];
  return (exchange) => {
    for (const hook of hooks) hook(exchange);
  };
}

function onCondition(entry: AccessLogEntry, lookup: VariableLookup, hook: LogHook): LogHook {
  if (entry.condition === null) return hook;
  const condition = compileTemplate(entry.condition, lookup);
  return (exchange) => {
    const value = condition(exchange);
    if (value !== '' && value !== '0') hook(exchange);
  };
}
