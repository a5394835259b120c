// The main job: reads the configuration, starts the primary, says what listens where, and stays until a signal ends it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { styleText } from 'node:util';
import { Primary } from '../cluster/primary.ts';
import { CompileError } from '../compile.ts';
import { positionOf } from '../config/finish.ts';
import type { Model } from '../config/model.ts';
import { formatProblems } from '../config/problem.ts';
import { LogFileError } from '../observe/log-output.ts';
import type { OutputLine } from '../supervise/output.ts';
import {
  configFile,
  NO_CONFIG,
  pidFilesOf,
  printProblems,
  type ReadConfig,
  readConfig,
  stateDirOf,
} from './read-config.ts';
import { readyText } from './ready-text.ts';
import type { CliOptions } from './run-cli.ts';

/** How long the start waits for the programs before it says that it is ready. */
const PROGRAMS_WAIT_MS = 15_000;

export async function serve(options: CliOptions): Promise<number> {
  const file = configFile(options);
  if (file === undefined) return fail(NO_CONFIG);
  const first = readConfig(file, options);
  printProblems(first);
  const { model } = first;
  if (model === undefined) return fail(`${file} has errors; nothing was started`);
  // A reader of our output that goes away must not end the service.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    return await new Server(file, options, first, model).run();
  } catch (error) {
    if (error instanceof LogFileError) return fail(error.message);
    throw error;
  }
}

function fail(message: string): number {
  process.stderr.write(`lbproxy: ${message}\n`);
  return 1;
}

class Server {
  readonly #file: string;
  readonly #options: CliOptions;
  #read: ReadConfig;
  #model: Model;
  readonly #primary: Primary;
  readonly #pidFiles: readonly string[];
  #stopAsked = false;

  constructor(file: string, options: CliOptions, read: ReadConfig, model: Model) {
    this.#file = file;
    this.#options = options;
    this.#read = read;
    this.#model = model;
    this.#pidFiles = pidFilesOf(model, file);
    this.#primary = new Primary({
      model,
      read: () => this.#reread(),
      printProblem: (problem) => this.#printProblem(problem.at, problem.message),
      stateDir: stateDirOf(model),
      onOutput: printLine,
    });
  }

  async run(): Promise<number> {
    const stopped = this.#onSignals();
    try {
      await this.#primary.start();
      this.#writePid();
    } catch (error) {
      await this.#primary.stop(false);
      if (this.#stopAsked) return 0;
      if (!(error instanceof CompileError)) return fail((error as Error).message);
      this.#printProblem(error.at, error.message);
      return fail('nothing was started');
    }
    await Promise.race([this.#programsReady(), stopped]);
    process.stdout.write(readyText(this.#model, this.#primary.processes));
    await stopped;
    for (const pidFile of this.#pidFiles) rmSync(pidFile, { force: true });
    return 0;
  }

  #reread(): Model | undefined {
    this.#read = readConfig(this.#file, this.#options);
    printProblems(this.#read);
    if (this.#read.model !== undefined) this.#model = this.#read.model;
    return this.#read.model;
  }

  #printProblem(at: string, message: string): void {
    const place = at === '' ? { file: this.#file, line: 1, column: 1 } : positionOf(at);
    const sources = this.#read.tree?.sources ?? new Map<string, string>();
    process.stderr.write(`${formatProblems([{ severity: 'error', at: place, message }], sources)}\n`);
  }

  #writePid(): void {
    for (const pidFile of this.#pidFiles) {
      mkdirSync(dirname(pidFile), { recursive: true });
      writeFileSync(pidFile, `${process.pid}\n`);
    }
  }

  /** Resolves when a signal has stopped everything. */
  #onSignals(): Promise<void> {
    return new Promise((resolve) => {
      const stop = (graceful: boolean) => (): void => {
        this.#stopAsked = true;
        void this.#primary.stop(graceful).then(resolve);
      };
      process.on('SIGTERM', stop(false));
      process.on('SIGINT', stop(false));
      process.on('SIGQUIT', stop(true));
      process.on('SIGHUP', () => void this.#primary.reload());
      process.on('SIGUSR1', () => this.#primary.reopenLogs());
    });
  }

  async #programsReady(): Promise<void> {
    const deadline = Date.now() + PROGRAMS_WAIT_MS;
    while (Date.now() < deadline && this.#primary.processes.some((p) => p.port !== null && !p.up)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A line of a program, with the process it came from. */
function printLine(line: OutputLine): void {
  const name = process.stdout.isTTY ? styleText('cyan', `[${line.process}]`) : `[${line.process}]`;
  const stream = line.stream === 'stdout' ? process.stdout : process.stderr;
  stream.write(`${name} ${line.text}\n`);
}
