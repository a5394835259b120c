// The line of a log_format as text, without its line end.
import type { Exchange } from '../../src/exchange/exchange.ts';
import { TextSink } from '../../src/observe/line-store.ts';
import { compileLogFormat } from '../../src/observe/log-format.ts';
import type { LogFormat } from '../../src/observe/rows.ts';
import type { VariableLookup } from '../../src/route/template.ts';

export function logLine(format: LogFormat, lookup: VariableLookup): (x: Exchange) => string {
  let line = '';
  const write = compileLogFormat(format, lookup, new TextSink((text) => (line = text)));
  return (x) => {
    write(x);
    if (!line.endsWith('\n')) throw new Error(`a line without its end: ${line}`);
    return line.slice(0, -1);
  };
}
