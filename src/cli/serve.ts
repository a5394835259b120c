// The main job: reads the configuration, starts the primary, says what listens where, and stays until a signal ends it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { styleText } from 'node:util';
import type { PrepareProblem } from '../cluster/messages.ts';
import { type Outcome, Primary } from '../cluster/primary.ts';
import { problemsOf } from '../cluster/refusal.ts';
import { shownText } from '../config/excerpt.ts';
import { positionOf } from '../config/finish.ts';
import type { Model } from '../config/model.ts';
import {
  formatPosition,
  formatProblems,
  MAX_PRINTED,
  type Problem,
  type Problems,
} from '../config/problem.ts';
import { LogFileError } from '../observe/log-output.ts';
import type { OutputLine } from '../supervise/output.ts';
import { checkFiles } from './check-files.ts';
import { nowNs, OutcomeFile, type WrittenOutcome } from './outcome-file.ts';
import { isAlive, isLbproxy, pidIn } from './process-alive.ts';
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
import type { CliOptions, Signal } from './run-cli.ts';
import { Terminal } from './terminal.ts';

/** How long the start waits for slow programs before it says that it is ready. */
const PROGRAMS_WAIT_MS = 15_000;
/** After everything has stopped. */
const EXIT_MS = 300;

const AFTER_CLOSING = {
  end: 'lbproxy ends; to have it go on, start it with nohup or setsid, or let a service manager run it',
  stay: 'lbproxy goes on, as its streams are elsewhere',
} as const;

export async function serve(options: CliOptions): Promise<number> {
  const file = configFile(options);
  if (file === undefined) return fail(NO_CONFIG);
  const first = readConfig(file, options);
  if (first.model !== undefined) checkFiles(first);
  printProblems(first);
  const { model, problems } = first;
  if (model === undefined || problems.hasErrors) return fail(`${file} has errors; nothing was started`);
  const other = pidFilesOf(model, file)
    .map(runningAs)
    .find((pid) => pid !== undefined);
  if (other !== undefined) {
    return fail(
      `lbproxy already runs ${file} as pid ${other}; to have it read again: lbproxy -s reload, to end it: lbproxy -s stop`,
    );
  }
  // A reader of our output that goes away must not end the service.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    return await new Server(file, options, first, model).run();
  } catch (error) {
    if (error instanceof LogFileError) return fail(error.message);
    throw error;
  }
}

/** The lbproxy of the pid file, if it runs. After a crash the number may be anybody's. */
function runningAs(pidFile: string): number | undefined {
  const pid = pidIn(pidFile);
  if (pid === undefined || Number.isNaN(pid) || pid === process.pid || !isAlive(pid)) return undefined;
  return isLbproxy(pid) === false ? undefined : pid;
}

function fail(message: string): number {
  process.stderr.write(`lbproxy: ${message}\n`);
  return 1;
}

class Server {
  readonly #file: string;
  readonly #options: CliOptions;
  #read: ReadConfig;
  readonly #primary: Primary;
  readonly #pidFiles: readonly string[];
  /** Beside each pid file: `-s` looks at the one it has found. */
  readonly #outcomes: readonly OutcomeFile[];
  /** When the latest reload began to read, and what it printed. */
  #reload = { sinceNs: '0', printed: '' };
  #stopAsked = false;
  #pidWritten = false;
  /** Settles `#started`. */
  #startDone: () => void = () => {};
  /** Wishes that come before everything serves wait for it. */
  readonly #started = new Promise<void>((resolve) => {
    this.#startDone = resolve;
  });

  constructor(file: string, options: CliOptions, read: ReadConfig, model: Model) {
    this.#file = file;
    this.#options = options;
    this.#read = read;
    this.#pidFiles = pidFilesOf(model, file);
    this.#outcomes = this.#pidFiles.map((pidFile) => new OutcomeFile(pidFile));
    this.#primary = new Primary({
      model,
      read: () => this.#reread(),
      printProblems: (problems) => this.#printAll(problems),
      stateDir: stateDirOf(model),
      onOutput: printLine,
    });
  }

  async run(): Promise<number> {
    const stopped = this.#onSignals();
    const started = this.#start();
    const problem = await Promise.race([started, stopped]);
    if (problem !== null && !this.#stopAsked) return problem;
    await Promise.race([this.#programsSettled(), stopped]);
    if (!this.#stopAsked) process.stdout.write(readyText(this.#primary.model, this.#primary.processes));
    await stopped;
    if (this.#pidWritten) for (const pidFile of this.#pidFiles) rmSync(pidFile, { force: true });
    for (const outcomes of this.#outcomes) outcomes.remove();
    // What a start or a reload had begun (a look-up, a socket) must not hold what was told to end.
    setTimeout(() => process.exit(0), EXIT_MS).unref();
    return 0;
  }

  /** Null once everything serves; else the exit status, after the reasons were printed. */
  async #start(): Promise<number | null> {
    try {
      await this.#primary.start();
      if (this.#stopAsked) return null;
      this.#writePid();
      this.#startDone();
      return null;
    } catch (error) {
      if (this.#stopAsked) return null;
      await this.#primary.stop(false);
      const problems = problemsOf(error);
      if (problems.every(({ at }) => at === '')) return fail(problems.map((p) => p.message).join('\n'));
      this.#printAll(problems);
      return fail('nothing was started');
    }
  }

  #reread(): { model: Model | undefined; errors: readonly PrepareProblem[] } {
    this.#reload = { sinceNs: nowNs(), printed: '' };
    this.#read = readConfig(this.#file, this.#options);
    const { model, problems } = this.#read;
    if (model !== undefined) {
      this.#checkServers(model, problems);
      checkFiles(this.#read);
    }
    this.#print(problems.list);
    const errors = problems.list.filter(({ severity }) => severity === 'error');
    return {
      model: errors.length > 0 ? undefined : model,
      // Each becomes a line of the error log.
      errors: errors
        .slice(0, MAX_PRINTED)
        .map(({ at, message }) => ({ at: formatPosition(at), message: shownText(message) })),
    };
  }

  /** A file that was cut off behind its programs reads well; taken at its word it would close every address. */
  #checkServers(model: Model, problems: Problems): void {
    const { servers } = this.#primary.model;
    if (model.servers.length > 0 || servers.length === 0) return;
    problems.error(
      { file: this.#file, line: 1, column: 1 },
      `no server any more, while ${servers.length} of them run: see whether the file is whole; to run its programs alone, stop lbproxy and start it again`,
    );
  }

  #printAll(problems: readonly PrepareProblem[]): void {
    this.#print(
      problems.map(({ at, message }) => ({
        severity: 'error',
        at: at === '' ? { file: this.#file, line: 1, column: 1 } : positionOf(at),
        message,
      })),
    );
  }

  #print(problems: readonly Problem[]): void {
    if (problems.length === 0) return;
    const text = `${formatProblems(problems, this.#read.tree?.sources ?? new Map<string, string>())}\n`;
    this.#reload.printed += text;
    process.stderr.write(text);
  }

  #writePid(): void {
    for (const pidFile of this.#pidFiles) {
      mkdirSync(dirname(pidFile), { recursive: true });
      writeFileSync(pidFile, `${process.pid}\n`);
    }
    this.#pidWritten = true;
  }

  /** Resolves when a signal has stopped everything. */
  #onSignals(): Promise<null> {
    return new Promise((resolve) => {
      const stop = (wish: 'stop' | 'quit') => (): void => {
        this.#stopAsked = true;
        const sinceNs = nowNs();
        const tell = (text: string): void =>
          this.#tell(wish, { sinceNs, done: false, ok: true, printed: '', text });
        void this.#primary
          .stop(wish === 'quit', tell)
          .catch((error: unknown) => this.#primary.log.error(`internal: ${String(error)}`))
          .then(() => resolve(null));
      };
      process.on('SIGTERM', stop('stop'));
      process.on('SIGINT', stop('stop'));
      process.on('SIGQUIT', stop('quit'));
      const terminal = new Terminal();
      process.on('SIGHUP', () => {
        const meaning = terminal.meaning();
        if (meaning === 'reload') return void this.#onReload();
        this.#primary.log.notice(`the terminal was closed: ${AFTER_CLOSING[meaning]}`);
        if (meaning === 'end') stop('quit')();
      });
      process.on('SIGUSR1', () => void this.#onReopen());
    });
  }

  async #onReload(): Promise<void> {
    await this.#started;
    const outcome = await this.#primary.reload().catch(internal);
    this.#tell('reload', { ...this.#reload, done: true, ...outcome });
  }

  async #onReopen(): Promise<void> {
    const sinceNs = nowNs();
    await this.#started;
    const outcome = await this.#primary.reopenLogs().catch(internal);
    this.#tell('reopen', { sinceNs, done: true, printed: '', ...outcome });
  }

  #tell(wish: Signal, outcome: WrittenOutcome): void {
    for (const outcomes of this.#outcomes) outcomes.write(wish, outcome);
  }

  /** Every process with a port takes requests or has failed once; others have to be started only. */
  async #programsSettled(): Promise<void> {
    const deadline = Date.now() + PROGRAMS_WAIT_MS;
    const waits = (): boolean =>
      this.#primary.processes.some(
        (p) => p.port !== null && p.state === 'STARTING' && !p.up && p.failures === 0,
      );
    while (Date.now() < deadline && !this.#stopAsked && waits()) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The log has it; whoever waits for an outcome gets one. */
function internal(error: unknown): Outcome {
  return { ok: false, text: `internal error: ${String(error)}` };
}

/** A line of a program, with the process it came from. */
function printLine(line: OutputLine): void {
  const name = process.stdout.isTTY ? styleText('cyan', `[${line.process}]`) : `[${line.process}]`;
  const stream = line.stream === 'stdout' ? process.stdout : process.stderr;
  stream.write(`${name} ${line.text}\n`);
}
