// `lbproxy explain`: what would become of a request, and why, without sending anything; with --send, what then does.

import { followedHosts } from '../cluster/needs.ts';
import { CompileError } from '../compile.ts';
import { namesAsAddresses } from '../explain/dry-upstreams.ts';
import { Explainer } from '../explain/explainer.ts';
import type { Explanation } from '../explain/explanation.ts';
import { type PrintOptions, printExplanation, printRows } from '../explain/print.ts';
import { loadWidths } from '../observe/text-width.ts';
import { mayColour } from '../shared/terminal-colours.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import type { Discovery, ProcessPort } from '../upstream/discovery.ts';
import { type ExplainOptions, readWords, USAGE } from './explain/read-words.ts';
import { sendForReal, sentRows } from './explain/send.ts';
import { configFile, NO_CONFIG, printProblems, readConfig } from './read-config.ts';

/** Where the command prints, and how. */
export interface ExplainIo {
  print(text: string): void;
  fail(text: string): void;
  readonly style: PrintOptions;
}

export function explainIo(): ExplainIo {
  const { stdout } = process;
  const colours = mayColour(stdout.isTTY === true);
  const width = Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, stdout.columns ?? MOST_COLUMNS));
  return {
    print: (text) => void stdout.write(text),
    fail: (text) => void process.stderr.write(`lbproxy: ${text}\n`),
    style: { width, colours, directory: process.cwd() },
  };
}

const LEAST_COLUMNS = 60;
const MOST_COLUMNS = 100;

/** A wrong command line, a configuration that is none, a URL that nobody would hear. */
const USELESS = 2;

/** The exit status. */
export async function runExplain(args: readonly string[], io: ExplainIo): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    io.print(`${USAGE}\n`);
    return 0;
  }
  const options = readWords(args);
  if (typeof options === 'string') {
    io.fail(options);
    return USELESS;
  }
  const file = configFile(options);
  if (file === undefined) {
    io.fail(NO_CONFIG);
    return USELESS;
  }
  const read = readConfig(file, { ...options, mayIdle: true });
  const { model, pool, tree } = read;
  if (model === undefined || pool === undefined || tree === undefined) {
    printProblems(read);
    io.fail(`${file} cannot be used as it is: correct it first`);
    return USELESS;
  }
  try {
    const explainer = await Explainer.create(model, tree, discoveryOf(model, pool));
    const told = await explainer.explain(options.asked);
    if (typeof told === 'string') {
      io.fail(told);
      return USELESS;
    }
    await tell(told, options, { model, io });
    return 0;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    io.fail(`${error.at}: ${error.message}`);
    return USELESS;
  }
}

async function tell(
  told: Explanation,
  { asked, json, send }: ExplainOptions,
  { model, io }: { readonly model: Parameters<typeof sendForReal>[0]; readonly io: ExplainIo },
): Promise<void> {
  const sent = send ? await sendForReal(model, told, asked) : null;
  if (json) {
    io.print(`${JSON.stringify(sent === null ? told : { ...told, sent }, null, 2)}\n`);
    return;
  }
  await loadWidths();
  io.print(printExplanation(told, io.style));
  if (sent !== null) io.print(`\n${printRows(sentRows(sent), io.style)}`);
}

/** As if all that is supervised served, and each host name were an address. */
function discoveryOf(model: Parameters<typeof sendForReal>[0], pool: PoolPlan): Discovery {
  const programs: Record<string, ProcessPort[]> = {};
  for (const { program, group, launch } of pool.groups.flatMap(({ processes }) => processes)) {
    if (launch.port === null) continue;
    const port: ProcessPort = {
      port: launch.port,
      name: `${group}:${launch.name}`,
      up: true,
      coming: false,
      upSinceMs: 1,
      slowStartMs: 0,
      condition: 'running',
      conditionSinceMs: 0,
      trouble: '',
    };
    programs[program] = [...(programs[program] ?? []), port];
  }
  return { hosts: namesAsAddresses(followedHosts(model).map(({ name }) => name)), programs };
}
