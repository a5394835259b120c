// The main job under the face of nginx: reads the configuration, starts the primary, writes the pid file, and stays until a signal ends it.
import { rmSync, writeFileSync } from 'node:fs';
import type { PrepareProblem } from '../../cluster/messages.ts';
import { Primary, type Reading } from '../../cluster/primary.ts';
import { problemsOf } from '../../cluster/refusal.ts';
import type { Model } from '../../config/model.ts';
import { formatPosition, type Problem } from '../../config/problem.ts';
import { failedCall } from '../../observe/failed-call.ts';
import { LogFiles } from '../../observe/log-files.ts';
import { LogFileError } from '../../observe/log-output.ts';
import type { PoolPlan } from '../../supervise/plan.ts';
import { checkFiles } from '../check-files.ts';
import { type ReadConfig, readConfig, runNameOf, stateDirOf } from '../read-config.ts';
import { spareMemory, tidyMemory } from '../spare-memory.ts';
import type { NginxOptions } from './nginx-face.ts';
import { nginxProblems, nginxRefusal, tell } from './problem-lines.ts';

/** After everything has stopped. */
const EXIT_MS = 300;
/** For the last words. */
const FLUSH_MS = 1000;

/** Runs until it is told to end; the exit status. */
export async function serveNginx(options: NginxOptions): Promise<number> {
  const logFiles = new LogFiles();
  spareMemory();
  const code = await run(options, logFiles);
  await logFiles.flushAll(FLUSH_MS);
  setTimeout(() => logFiles.exit(code), EXIT_MS).unref();
  return code;
}

async function run(options: NginxOptions, logFiles: LogFiles): Promise<number> {
  const read = readConfig(options.config, options);
  if (read.model !== undefined) checkFiles(read);
  tell(nginxProblems(read.problems.list), options.firstLog);
  const { model, pool, problems } = read;
  if (model === undefined || pool === undefined || problems.hasErrors) return 1;
  try {
    return await new Master(options, { model, pool }, logFiles).run();
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error;
    tell([{ level: 'emerg', text: error.message }], options.firstLog);
    return 1;
  }
}

class Master {
  readonly #options: NginxOptions;
  readonly #primary: Primary;
  /** Of the latest reading that was served. */
  #pidFile: string;
  #stopAsked = false;

  constructor(options: NginxOptions, { model, pool }: { model: Model; pool: PoolPlan }, logFiles: LogFiles) {
    this.#options = options;
    this.#pidFile = model.settings.pidFile;
    this.#primary = new Primary({
      model,
      pool,
      read: (scaled) => this.#reread(scaled),
      printProblems: (problems) => this.#logProblems(problems),
      stateDir: stateDirOf(model),
      roll: false,
      onOutput: ({ process: name, stream, text }) => logFiles.print(stream, `[${name}] ${text}`),
      controlSocket: null,
      runs:
        pool.groups.length === 0 ? null : { directory: stateDirOf(model), name: runNameOf(options.config) },
      changedFiles: () => [],
      onShutdown: () => process.kill(process.pid, 'SIGQUIT'),
      logFiles,
    });
  }

  async run(): Promise<number> {
    const stopped = this.#onSignals();
    const problem = await Promise.race([this.#start(), stopped]);
    if (problem !== null && !this.#stopAsked) return problem;
    await stopped;
    this.#removePid();
    this.#primary.log.notice('exit');
    return 0;
  }

  /** Null once everything serves; else the exit status, after the reason was told. */
  async #start(): Promise<number | null> {
    try {
      await this.#primary.start();
      if (this.#stopAsked) return null;
      this.#writePid();
      tidyMemory();
      return null;
    } catch (error) {
      if (this.#stopAsked) return null;
      await this.#primary.stop(false);
      tell(nginxRefusal(problemsOf(error)), this.#options.firstLog);
      return 1;
    }
  }

  /** Everything listens: whoever waits for the file may connect at once. */
  #writePid(): void {
    try {
      writeFileSync(this.#pidFile, `${process.pid}\n`, { mode: 0o644 });
    } catch (error) {
      throw new Error(failedCall('open()', this.#pidFile, error), { cause: error });
    }
  }

  #removePid(): void {
    try {
      rmSync(this.#pidFile, { force: true });
    } catch (error) {
      this.#primary.log.alert(failedCall('unlink()', this.#pidFile, error));
    }
  }

  #reread(scaled: ReadonlyMap<string, number>): Reading {
    const read: ReadConfig = readConfig(this.#options.config, this.#options, { mayBeInput: false, scaled });
    if (read.model !== undefined) checkFiles(read);
    this.#log(read.problems.list);
    const { model, pool, problems } = read;
    const errors = problems.list.filter(({ severity }) => severity === 'error');
    if (errors.length === 0 && model !== undefined && pool !== undefined) return { model, pool };
    return {
      errors: errors
        .slice(0, 1)
        .map(({ at, message, plain }) => ({ at: formatPosition(at), message, plain })),
    };
  }

  #log(problems: readonly Problem[]): void {
    for (const { level, text } of nginxProblems(problems)) this.#primary.log[level](text);
  }

  #logProblems(problems: readonly PrepareProblem[]): void {
    for (const { text } of nginxRefusal(problems)) this.#primary.log.emerg(text);
  }

  /** Resolves when a signal has stopped everything. */
  #onSignals(): Promise<null> {
    return new Promise((resolve) => {
      const stop = (graceful: boolean): void => {
        this.#stopAsked = true;
        void this.#primary
          .stop(graceful)
          .catch((error: unknown) => this.#primary.log.alert(`internal error: ${String(error)}`))
          .then(() => resolve(null));
      };
      process.on('SIGTERM', () => stop(false));
      process.on('SIGINT', () => stop(false));
      process.on('SIGQUIT', () => stop(true));
      process.on('SIGHUP', () => void this.#primary.reload());
      process.on('SIGUSR1', () => void this.#primary.reopenLogs());
    });
  }
}
