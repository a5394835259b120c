// `lbproxy logs`: what supervised programs printed lately, and with -f what they print, by the control socket of the lbproxy that runs.
import { parseArgs } from 'node:util';
import { BadConfiguration } from '../ctl/bad-configuration.ts';
import { findServer } from '../ctl/find-server.ts';
import { PoolClient } from '../ctl/pool-client.ts';
import { PythonError } from '../ctl/python-error.ts';
import type { Found } from '../ctl/session.ts';
import { ownConfig, socketOfRun } from '../running.ts';
import { Reader } from './reader.ts';
import type { Channel } from './wanted-logs.ts';

const USAGE = `Usage: lbproxy logs [-f] [-n LINES] [--stream stdout|stderr] [-c FILE] [PROGRAM…]

Prints the last lines of the logs of supervised programs, each with the name of its process in front (| stdout, ! stderr).

  PROGRAM             a program, a process (web_00, group:web_00) or a group (group:*); all without
  -f, --follow        go on with what comes, also after a log was rotated
  -n, --lines LINES   how many lines of each log (default: 20)
  --stream STREAM     stdout or stderr alone
  -c, --config FILE   the configuration that lbproxy runs with (default: found in this directory)
  -s, --serverurl URL the server, as lbproxy ctl has it
`;

interface Wish {
  readonly follow: boolean;
  readonly lines: number;
  readonly channels: readonly Channel[];
  readonly file: string | undefined;
  readonly url: string | undefined;
  readonly names: readonly string[];
}

/** The exit status. */
export async function runLogs(args: readonly string[]): Promise<number> {
  const wish = readWish(args);
  if (wish === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (typeof wish === 'string') {
    process.stderr.write(`lbproxy logs: ${wish}\n\n${USAGE}`);
    return 2;
  }
  try {
    const login = { username: undefined, password: undefined };
    const around = { ownConfig, controlSocketOf: socketOfRun };
    const { server } = await findServer({ file: wish.file, url: wish.url, ...login }, around);
    if ('problem' in server) return fail(server.problem, 2);
    return await readAll(server, wish);
  } catch (error) {
    if (error instanceof BadConfiguration) return fail(error.message, 2);
    throw error;
  }
}

function fail(text: string, status: number): number {
  process.stderr.write(`lbproxy logs: ${text}\n`);
  return status;
}

function readWish(args: readonly string[]): Wish | 'help' | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        follow: { type: 'boolean', short: 'f', default: false },
        lines: { type: 'string', short: 'n', default: '20' },
        stream: { type: 'string' },
        config: { type: 'string', short: 'c' },
        serverurl: { type: 'string', short: 's' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const { follow, lines, stream, config: file, serverurl: url } = values;
    if (values.help) return 'help';
    if (!/^\d{1,7}$/.test(lines)) return `-n ${lines}: write how many lines, from 0 to 9999999`;
    if (stream !== undefined && stream !== 'stdout' && stream !== 'stderr')
      return `--stream ${stream}: there are stdout and stderr`;
    const channels = stream === undefined ? (['stdout', 'stderr'] as const) : ([stream] as const);
    return { follow, lines: Number(lines), channels, file, url, names: positionals };
  } catch (error) {
    return (error as Error).message;
  }
}

async function readAll(server: Found, wish: Wish): Promise<number> {
  const ending = new AbortController();
  const limits = { answerMs: Number.POSITIVE_INFINITY, signal: ending.signal };
  const end = (): void => ending.abort();
  process.on('SIGINT', end).on('SIGTERM', end);
  // Whoever read the output went away (`| head`): there is nobody to work for.
  process.stdout.on('error', end);
  try {
    const pool = new PoolClient(server, limits);
    const reader = new Reader({ server, pool, limits, ...wish, output: process.stdout });
    const problem = await reader.run();
    return problem === null ? 0 : fail(problem, 1);
  } catch (error) {
    if (ending.signal.aborted) return process.stdout.destroyed ? 0 : 130;
    if (!(error instanceof PythonError)) throw error;
    return fail(adviceFor(error, server), 1);
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}

function adviceFor(error: PythonError, { advice, url }: Found): string {
  if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') return advice;
  if (error.code === 'EACCES') return `you may not connect to ${url}: it belongs to another user (try sudo)`;
  return error.message;
}
