// `lbproxy top`: the live view in the terminal, or, where nobody sits there, what it shows, once.
import { parseArgs } from 'node:util';
import { Show } from './show.ts';
import { Source } from './source.ts';
import type { Look } from './table.ts';
import { VIEWS, viewLines } from './views.ts';

const USAGE = `Usage: lbproxy top [-c FILE] [FILTER…]

Shows what passes through the lbproxy that runs here, as its live view tells it (live_view, or lbproxy dev).
Prints it once where its output is no terminal.

  -c, --config FILE   the configuration that lbproxy runs with (default: found in this directory)
  FILTER              of requests: status>=500 path~/api peer=8002 ms>200, or a word

  q quit   1-4, tab views   arrows choose   p pause   / filter
  peers: d drain, u up, w weight   programs: r restart
`;

/** Rates are between two readings. */
const BETWEEN_MS = 1000;

/** The exit status. */
export async function runTop(args: readonly string[]): Promise<number> {
  let given: { readonly config?: string; readonly help?: boolean };
  let filter: string;
  try {
    const parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
    });
    given = parsed.values;
    filter = parsed.positionals.join(' ');
  } catch (error) {
    process.stderr.write(`lbproxy top: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (given.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const source = new Source(given.config, filter);
  try {
    const first = await source.read();
    const { stdin, stdout, env } = process;
    const isTerminal = stdin.isTTY === true && stdout.isTTY === true && env.TERM !== 'dumb';
    return await (isTerminal ? new Show(stdin, stdout, source).run(first) : printOnce(source));
  } catch (error) {
    process.stderr.write(`lbproxy top: ${(error as Error).message}\n`);
    return 1;
  } finally {
    source.close();
  }
}

async function printOnce(source: Source): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  const reading = await source.read();
  const look: Look = { columns: process.stdout.columns ?? 120, rows: 1000, colours: false };
  const choice = { chosen: 0, filter: source.filter };
  const [, peers, programs] = VIEWS;
  const parts = [
    [`lbproxy ${reading.version}  ${reading.configuration}`],
    viewLines('overview', { ...reading, peers: [], requests: [] }, choice, look).slice(0, -2),
    ...(reading.peers.length === 0 ? [] : [viewLines(peers, reading, { ...choice, chosen: -1 }, look)]),
    ...(reading.programs.length === 0 ? [] : [viewLines(programs, reading, { ...choice, chosen: -1 }, look)]),
    viewLines('requests', reading, choice, { ...look, rows: 21 }),
  ];
  process.stdout.write(`${parts.map((lines) => lines.join('\n').trimEnd()).join('\n\n')}\n`);
  return 0;
}
