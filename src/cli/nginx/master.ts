// The main job under the face of nginx: reads the configuration, starts the primary, writes the pid file, and stays until a signal ends it.
// Signals mean what they mean to nginx's master process.
import { openSync } from 'node:fs';
import { constants, devNull } from 'node:os';
import { HANDOVER_VARIABLE, takeSockets } from '../../cluster/handover.ts';
import type { PrepareProblem } from '../../cluster/messages.ts';
import { Primary, type Reading } from '../../cluster/primary.ts';
import { problemsOf } from '../../cluster/refusal.ts';
import type { Model } from '../../config/model.ts';
import { formatPosition, type Problem } from '../../config/problem.ts';
import type { Log } from '../../observe/error-log.ts';
import { LogFiles } from '../../observe/log-files.ts';
import { LogFileError } from '../../observe/log-output.ts';
import type { PoolPlan } from '../../supervise/plan.ts';
import { runNameOf, stateDirOf } from '../read-config.ts';
import { spareMemory, tidyMemory } from '../spare-memory.ts';
import { isInBackground, redirectStderr, startInBackground, tellReady } from './background.ts';
import { handLogsOver } from './log-owner.ts';
import type { NginxOptions } from './nginx-face.ts';
import { PidFile } from './pid-file.ts';
import { nginxProblems, nginxRefusal, tell } from './problem-lines.ts';
import { readNginx } from './read-nginx.ts';
import { startLines } from './start-lines.ts';
import { startNewBinary } from './upgrade.ts';

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

/** How this process came to be. */
interface Birth {
  /** It is the one that stays of `daemon on`. */
  readonly inBackground: boolean;
  /** From the process whose place it takes. */
  readonly sockets: ReadonlyMap<string, unknown> | null;
}

async function birthOf(): Promise<Birth> {
  const inBackground = isInBackground();
  const takes = process.env[HANDOVER_VARIABLE] !== undefined;
  delete process.env[HANDOVER_VARIABLE];
  return { inBackground, sockets: takes ? await takeSockets() : null };
}

async function run(options: NginxOptions, logFiles: LogFiles): Promise<number> {
  const birth = await birthOf();
  const read = readNginx(options);
  tell(nginxProblems(read.problems.list), options.firstLog);
  const { model, pool, problems } = read;
  if (model === undefined || pool === undefined || problems.hasErrors) return 1;
  if (model.settings.daemon && !birth.inBackground && birth.sockets === null)
    return await startInBackground();
  try {
    return await new Master({ options, model, pool, logFiles, birth }).run();
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error;
    tell([{ level: 'emerg', text: error.message }], options.firstLog);
    return 1;
  }
}

interface Job {
  readonly options: NginxOptions;
  readonly model: Model;
  readonly pool: PoolPlan;
  readonly logFiles: LogFiles;
  readonly birth: Birth;
}

class Master {
  readonly #options: NginxOptions;
  readonly #birth: Birth;
  readonly #primary: Primary;
  readonly #parent = process.ppid;
  readonly #pidFile: PidFile;
  readonly #serving = Promise.withResolvers<void>();
  #stopAsked = false;
  #newBinary = false;
  #paused = false;

  constructor({ options, model, pool, logFiles, birth }: Job) {
    this.#options = options;
    this.#birth = birth;
    this.#pidFile = new PidFile(model.settings.pidFile);
    const logFile = this.#isDetached() ? stderrFileOf(model) : null;
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
      configuration: { path: options.config, name: runNameOf(options.config) },
      changedFiles: () => [],
      written: () => ({ settings: [], problems: [] }),
      onShutdown: () => process.kill(process.pid, 'SIGQUIT'),
      logFiles,
      ...(birth.sockets === null ? {} : { sockets: birth.sockets }),
      ...(logFile === null ? {} : { acceptorStderr: openSync(logFile, 'a', 0o644) }),
    });
  }

  /** It has no terminal: nginx's ngx_daemonized. */
  #isDetached(): boolean {
    return this.#birth.inBackground || this.#birth.sockets !== null;
  }

  #log(): Log {
    return this.#primary.log;
  }

  async run(): Promise<number> {
    const stopped = this.#onSignals();
    const problem = await Promise.race([this.#start(), stopped]);
    if (problem !== null && !this.#stopAsked) return problem;
    await stopped;
    this.#removePid();
    this.#log().notice('exit');
    return 0;
  }

  /** Null once everything serves; else the exit status, after the reason was told. */
  async #start(): Promise<number | null> {
    try {
      for (const text of startLines()) this.#log().notice(text);
      this.#pidFile.check();
      await this.#primary.start();
      if (this.#stopAsked) return null;
      this.#pidFile.write();
      if (this.#isDetached()) redirectStderr(stderrFileOf(this.#primary.model));
      tellReady();
      tidyMemory();
      this.#serving.resolve();
      return null;
    } catch (error) {
      if (this.#stopAsked) return null;
      await this.#primary.stop(false);
      this.#removePid();
      tell(nginxRefusal(problemsOf(error)), this.#options.firstLog);
      return 1;
    }
  }

  #removePid(): void {
    const problem = this.#pidFile.remove(this.#newBinary);
    if (problem !== null) this.#log().alert(problem);
  }

  #reread(scaled: ReadonlyMap<string, number>): Reading {
    const { model, pool, problems } = readNginx(this.#options, { mayBeInput: false, scaled });
    this.#logFound(problems.list);
    const errors = problems.list.filter(({ severity }) => severity === 'error');
    if (errors.length === 0 && model !== undefined && pool !== undefined) return { model, pool };
    return {
      errors: errors
        .slice(0, 1)
        .map(({ at, message, plain }) => ({ at: formatPosition(at), message, plain })),
    };
  }

  #logFound(problems: readonly Problem[]): void {
    for (const { level, text } of nginxProblems(problems)) this.#log()[level](text);
  }

  #logProblems(problems: readonly PrepareProblem[]): void {
    for (const { text } of nginxRefusal(problems)) this.#log().emerg(text);
  }

  /** Resolves when a signal has stopped everything. */
  #onSignals(): Promise<null> {
    return new Promise((resolve) => {
      const stop = (graceful: boolean): void => {
        this.#stopAsked = true;
        void this.#primary
          .stop(graceful)
          .catch((error: unknown) => this.#log().alert(`internal error: ${String(error)}`))
          .then(() => resolve(null));
      };
      const on = (signal: NodeJS.Signals, doing: string, act: () => void): void => {
        process.on(signal, () => {
          this.#log().notice(`signal ${constants.signals[signal]} (${signal}) received, ${doing}`);
          act();
        });
      };
      // As nginx's flags, which its master looks at once it has started.
      const later = (act: () => void) => () => void this.#serving.promise.then(act);
      on('SIGTERM', 'exiting', () => stop(false));
      on('SIGINT', 'exiting', () => stop(false));
      on('SIGQUIT', 'shutting down', () => stop(true));
      on(
        'SIGHUP',
        'reconfiguring',
        later(() => this.#reload()),
      );
      on(
        'SIGUSR1',
        'reopening logs',
        later(() => this.#reopen()),
      );
      on(
        'SIGUSR2',
        'changing binary',
        later(() => this.#upgrade()),
      );
      on(
        'SIGWINCH',
        'gracefully shutting down worker processes',
        later(() => this.#pause()),
      );
    });
  }

  #reopen(): void {
    const { model } = this.#primary;
    handLogsOver(model, (text) => this.#log().emerg(text));
    void this.#primary.reopenLogs();
  }

  #reload(): void {
    // With the other binary beside it nginx starts what WINCH had ended, as it was.
    if (this.#paused && this.#newBinary) return this.#resume();
    void this.#primary.reload().then(({ ok }) => {
      if (!ok) return;
      this.#followPidFile(this.#primary.model.settings.pidFile);
      if (this.#paused) this.#resume();
    });
  }

  /** Another `pid` than before: the file is written anew there. */
  #followPidFile(path: string): void {
    if (path === this.#pidFile.path) return;
    this.#removePid();
    try {
      this.#pidFile.moveTo(path);
    } catch (error) {
      this.#log().emerg((error as Error).message);
    }
  }

  /** Only where there is no terminal, which sends this signal when its size changes. */
  #pause(): void {
    if (!this.#isDetached()) return;
    this.#paused = true;
    this.#primary.pause();
  }

  #resume(): void {
    this.#paused = false;
    this.#primary.resume();
  }

  #upgrade(): void {
    if (this.#newBinary || process.ppid === this.#parent) {
      this.#log().crit(
        "the changing binary signal is ignored: you should shutdown or terminate before either old or new binary's process",
      );
      return;
    }
    const child = startNewBinary({
      log: this.#log(),
      pidFile: this.#pidFile.path,
      sockets: this.#primary.sockets,
      onFailed: () => {
        this.#newBinary = false;
        this.#primary.handedOver = false;
        if (this.#paused) this.#resume();
      },
    });
    this.#newBinary = child !== null;
    this.#primary.handedOver = child !== null;
  }
}

/** nginx's stderr becomes its error log; where that is none, nothing. */
function stderrFileOf({ settings }: Model): string {
  return settings.processLog.find(({ path }) => path.startsWith('/'))?.path ?? devNull;
}
