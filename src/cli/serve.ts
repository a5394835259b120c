// The main job: reads the configuration, starts the primary, says what listens where, and stays until a signal ends it.
// Past 300 lines: each wish of a signal ends in a log, an outcome and the service manager.
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import type { EarlyAcceptors } from '../cluster/early-acceptors.ts';
import type { PrepareProblem } from '../cluster/messages.ts';
import { type Outcome, Primary, type Reading } from '../cluster/primary.ts';
import { problemsOf } from '../cluster/refusal.ts';
import { openStateDirectory } from '../cluster/state-directory.ts';
import { shownText } from '../config/excerpt.ts';
import type { Model } from '../config/model.ts';
import { positionOf } from '../config/places.ts';
import {
  formatPosition,
  formatProblems,
  MAX_PRINTED,
  type Problem,
  type Problems,
} from '../config/problem.ts';
import { LogFiles } from '../observe/log-files.ts';
import { LogFileError } from '../observe/log-output.ts';
import { keepCode } from '../shared/code-cache.ts';
import type { OutputLine } from '../supervise/output.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import { changedSince } from './changed-files.ts';
import { checkFiles } from './check-files.ts';
import type { CliOptions, Signal } from './cli-options.ts';
import { linkControlSocket } from './control-link.ts';
import { nowNs, OutcomeFile, type WrittenOutcome } from './outcome-file.ts';
import { primaryOf, removePidFile, writePidFile } from './pid-file.ts';
import {
  configFile,
  controlSocketOf,
  NO_CONFIG,
  pidFilesOf,
  type ReadConfig,
  readConfig,
  runNameOf,
  stateDirOf,
} from './read-config.ts';
import { readyText } from './ready-text.ts';
import { openServiceNotifier, type ServiceNotifier } from './sd-notify.ts';
import { spareMemory, tidyMemory } from './spare-memory.ts';
import { Terminal } from './terminal.ts';
import { writtenConfiguration } from './written.ts';

/** How long the start waits for slow programs before it says that it is ready. */
const PROGRAMS_WAIT_MS = 15_000;
/** Under Supervisor's rules a process is RUNNING after startsecs, whether or not it serves. */
const COMING: ReadonlySet<string> = new Set(['STARTING', 'RUNNING']);
/** As in acceptors; takes some 20 ms, at the first start of a version. */
const KEEP_CODE_MS = 2000;
/** After everything has stopped. */
const EXIT_MS = 300;
/** For the last words. */
const FLUSH_MS = 1000;

const AFTER_CLOSING = {
  end: 'lbproxy ends; to have it go on, start it with nohup or setsid, or let a service manager run it',
  stay: 'lbproxy goes on, as its streams are elsewhere',
} as const;

/** All that is printed from here on goes through `LogFiles`: a reader that stands still must hold up nothing. */
export async function serve(options: CliOptions, early: EarlyAcceptors | null): Promise<number> {
  const logFiles = new LogFiles();
  const code = await run(options, logFiles, early).catch((error: unknown) =>
    failed(
      `internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      logFiles,
    ),
  );
  // Where nothing was started.
  early?.drop();
  await logFiles.flushAll(FLUSH_MS);
  // What a start or a reload had begun (a look-up, a socket) must not hold what was told to end.
  setTimeout(() => logFiles.exit(code), EXIT_MS).unref();
  return code;
}

async function run(options: CliOptions, logFiles: LogFiles, early: EarlyAcceptors | null): Promise<number> {
  spareMemory();
  try {
    const server = prepareServer(options, logFiles, early);
    return server instanceof Server ? await server.run() : server;
  } catch (error) {
    if (error instanceof LogFileError) return failed(error.message, logFiles);
    throw error;
  }
}

/** Reads the configuration; gives the exit status where nothing can be started. */
function prepareServer(
  options: CliOptions,
  logFiles: LogFiles,
  early: EarlyAcceptors | null,
): Server | number {
  const fail = (message: string): number => failed(message, logFiles);
  const file = configFile(options);
  if (file === undefined) return fail(NO_CONFIG);
  const first = readConfig(file, options);
  if (first.model !== undefined) checkFiles(first);
  if (first.problems.list.length > 0)
    logFiles.print('stderr', formatProblems(first.problems.list, first.tree?.sources ?? new Map()));
  const { model, pool, problems } = first;
  if (model === undefined || pool === undefined || problems.hasErrors)
    return fail(`${file} has errors; nothing was started`);
  const other = pidFilesOf(model, file, pool)
    .map(runningAs)
    .find((pid) => pid !== undefined);
  if (other !== undefined) {
    return fail(
      `lbproxy already runs ${file} as pid ${other}; to have it read again: lbproxy -s reload, to end it: lbproxy -s stop`,
    );
  }
  return new Server({ file, options, model, pool, logFiles, early }, first);
}

/** What is needed of a reading once it is served: the texts, for problems that come up later. */
function kept({ tree, ...read }: ReadConfig): ReadConfig {
  const texts = tree === undefined ? undefined : { ...tree, directives: [] };
  return { ...read, model: undefined, pool: undefined, tree: texts };
}

/** The lbproxy of the pid file, if it runs. */
function runningAs(pidFile: string): number | undefined {
  const found = primaryOf(pidFile);
  return found === undefined || 'problem' in found || found.pid === process.pid ? undefined : found.pid;
}

/** What a server is made for. */
interface Job {
  readonly file: string;
  readonly options: CliOptions;
  readonly model: Model;
  readonly pool: PoolPlan;
  readonly logFiles: LogFiles;
  readonly early: EarlyAcceptors | null;
}

function failed(message: string, logFiles: LogFiles): number {
  logFiles.print('stderr', `lbproxy: ${message}`);
  return 1;
}

class Server {
  readonly #file: string;
  readonly #options: CliOptions;
  readonly #logFiles: LogFiles;
  readonly #early: EarlyAcceptors | null;
  #read: ReadConfig;
  readonly #primary: Primary;
  /** The service manager that started us. */
  #service: ServiceNotifier | null = null;
  readonly #stateDirectory: string;
  readonly #pidFiles: readonly string[];
  /** Beside each pid file: `-s` looks at the one it has found. */
  readonly #outcomes: readonly OutcomeFile[];
  /** When the latest reload began to read, and what it printed. */
  #reload = { sinceNs: '0', printed: '' };
  #stopAsked = false;
  #pidWritten = false;
  readonly #controlSocket: string | null;
  #unlinkControl: () => void = () => {};
  /** Settles `#started`. */
  #startDone: () => void = () => {};
  /** Wishes that come before everything serves wait for it. */
  readonly #started = new Promise<void>((resolve) => {
    this.#startDone = resolve;
  });

  constructor({ file, options, model, pool, logFiles, early }: Job, read: ReadConfig) {
    this.#file = file;
    this.#options = options;
    this.#logFiles = logFiles;
    this.#early = early;
    this.#read = kept(read);
    this.#stateDirectory = stateDirOf(model);
    this.#pidFiles = pidFilesOf(model, file, pool);
    this.#outcomes = this.#pidFiles.map((pidFile) => new OutcomeFile(pidFile));
    this.#controlSocket = controlSocketOf(this.#stateDirectory, file);
    this.#primary = new Primary({
      model,
      pool,
      read: (scaled) => this.#reread(scaled),
      printProblems: (problems) => this.#printAll(problems),
      stateDir: stateDirOf(model),
      roll: options.roll === true,
      onOutput: (line) => printLine(line, logFiles),
      controlSocket: this.#controlSocket,
      runs: { directory: stateDirOf(model), name: runNameOf(file) },
      configuration: { path: resolve(file), name: runNameOf(file) },
      changedFiles: () => changedSince(this.#read),
      written: () => writtenConfiguration(file, options),
      onShutdown: () => process.kill(process.pid, 'SIGQUIT'),
      logFiles,
      early,
    });
  }

  async run(): Promise<number> {
    // Before anything is started that would inherit its variables.
    this.#service = openServiceNotifier((message) => this.#primary.log.warn(message));
    const stopped = this.#onSignals();
    const started = this.#start();
    const problem = await Promise.race([started, stopped]);
    if (problem !== null && !this.#stopAsked) return problem;
    await Promise.race([this.#programsSettled(), stopped]);
    if (!this.#stopAsked) {
      // Whoever reads the line and asks finds every process that it counts, in whichever acceptor.
      this.#primary.tellAcceptors();
      const text = readyText(this.#primary.model, this.#primary.processes, this.#controlSocket);
      const { url } = this.#primary.liveView;
      this.#logFiles.print('stdout', url === '' ? text.trimEnd() : `${text.trimEnd()}\nlive view: ${url}`);
      void this.#service?.ready('serving');
    }
    await stopped;
    const summary = this.#primary.tally.summary();
    if (summary.length > 0) this.#logFiles.print('stdout', summary.join('\n'));
    await this.#service?.close();
    if (this.#pidWritten) for (const pidFile of this.#pidFiles) removePidFile(pidFile);
    for (const outcomes of this.#outcomes) outcomes.remove();
    this.#unlinkControl();
    return 0;
  }

  /** Null once everything serves; else the exit status, after the reasons were printed. */
  async #start(): Promise<number | null> {
    try {
      this.#openState();
      await this.#primary.start();
      if (this.#stopAsked) return null;
      this.#writePid();
      this.#startDone();
      tidyMemory();
      // Node does it at the end, which a SIGKILL takes from it.
      setTimeout(keepCode, KEEP_CODE_MS).unref();
      return null;
    } catch (error) {
      if (this.#stopAsked) return null;
      await this.#primary.stop(false);
      const problems = problemsOf(error);
      if (problems.every(({ at }) => at === ''))
        return failed(problems.map((p) => p.message).join('\n'), this.#logFiles);
      this.#printAll(problems);
      return failed('nothing was started', this.#logFiles);
    }
  }

  #reread(scaled: ReadonlyMap<string, number>): Reading {
    this.#reload = { sinceNs: nowNs(), printed: '' };
    // At the start somebody may well wait for `<(command)`; what serves waits for nobody.
    const read = readConfig(this.#file, this.#options, { mayBeInput: false, scaled });
    const { model, pool, problems } = read;
    this.#read = kept(read);
    if (model !== undefined) {
      this.#checkServers(model, problems);
      checkFiles(read);
    }
    this.#print(problems.list);
    const errors = problems.list.filter(({ severity }) => severity === 'error');
    if (errors.length === 0 && model !== undefined && pool !== undefined) return { model, pool };
    return {
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
    const text = formatProblems(problems, this.#read.tree?.sources ?? new Map<string, string>());
    this.#reload.printed += `${text}\n`;
    this.#logFiles.print('stderr', text);
  }

  /** The pid file may be elsewhere; then lbproxy runs without what else is kept there. */
  #openState(): void {
    try {
      openStateDirectory(this.#stateDirectory);
    } catch (error) {
      if (this.#primary.model.settings.pidFile === '') throw error;
      this.#primary.log.warn((error as Error).message);
    }
  }

  #writePid(): void {
    this.#pidWritten = true;
    for (const pidFile of this.#pidFiles) writePidFile(pidFile);
    this.#unlinkControl = linkControlSocket(this.#controlSocket, this.#options.programs);
  }

  /** Resolves when a signal has stopped everything. */
  #onSignals(): Promise<null> {
    return new Promise((resolve) => {
      const stop = (wish: 'stop' | 'quit') => (): void => {
        this.#stopAsked = true;
        void this.#service?.stopping();
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
      this.#early?.leaveSignals();
      const terminal = new Terminal();
      process.on('SIGHUP', () => {
        const meaning = terminal.meaning();
        if (meaning === 'reload') return void this.#onReload();
        this.#primary.log.notice(`the terminal was closed: ${AFTER_CLOSING[meaning]}`);
        if (meaning === 'end') stop('quit')();
      });
      process.on('SIGUSR1', () => void this.#onReopen());
      // Supervisor's signal for the same.
      process.on('SIGUSR2', () => void this.#onReopen());
    });
  }

  async #onReload(): Promise<void> {
    await this.#started;
    void this.#service?.reloading();
    const outcome = await this.#primary.reload().catch(internal);
    void this.#service?.ready(outcome.text);
    this.#tell('reload', { ...this.#reload, done: true, ...outcome });
    tidyMemory();
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
        (p) => p.port !== null && COMING.has(p.state) && !p.ready && p.problem === null,
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
function printLine({ process: name, stream, text }: OutputLine, logFiles: LogFiles): void {
  logFiles.print(stream, `${styled(`[${name}]`, stream)} ${text}`);
}

function styled(name: string, stream: OutputLine['stream']): string {
  // Node's streams are made only for a terminal: of a pipe they would change a flag that others share.
  if (!isatty(stream === 'stdout' ? 1 : 2)) return name;
  return styleText('cyan', name, { stream: stream === 'stdout' ? process.stdout : process.stderr });
}
