// The log hook of the format `lines`: a line for people per request, as wide as the terminal it goes to; and the tally of all of them.
import { isatty } from 'node:tty';
import type { Exchange } from '../exchange/exchange.ts';
import { toBytes } from '../route/template.ts';
import { mayColour } from '../shared/terminal-colours.ts';
import { factsOf, type LineLook, requestLine } from './request-line.ts';
import { requestTally } from './request-tally.ts';
import { loadWidths } from './text-width.ts';

const PLAIN: LineLook = { columns: null, colours: false };

/** `path` is that of the log: `stdout` and `stderr` may be terminals. */
export function createRequestLines(
  path: string,
  write: (line: string, x: Exchange) => void,
): (x: Exchange) => void {
  const lookNow = lookOf(path);
  void loadWidths();
  return (x) => {
    const facts = factsOf(x);
    requestTally.add(facts);
    write(`${toBytes(requestLine(facts, lookNow()))}\n`, x);
  };
}

/** How the log looks: asked anew for each line, as windows change. */
function lookOf(path: string): () => LineLook {
  const fd = path === 'stdout' ? 1 : path === 'stderr' ? 2 : null;
  // Node's streams are made only for a terminal: of a pipe they would change a flag that others share.
  if (fd === null || !isatty(fd)) return () => PLAIN;
  const stream = fd === 1 ? process.stdout : process.stderr;
  const colours = mayColour(true);
  return () => ({ columns: stream.columns, colours });
}
