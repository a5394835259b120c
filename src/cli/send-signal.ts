// -s: finds the running primary by its pid files, signals it, waits for what comes of it and prints that.
import type { Model } from '../config/model.ts';
import type { CliOptions, Signal } from './cli-options.ts';
import { nowNs, OutcomeFile, type WrittenOutcome } from './outcome-file.ts';
import { primaryOf } from './pid-file.ts';
import { isAlive } from './process-alive.ts';
import { configFile, NO_CONFIG, pidFilesOf, printProblems, readConfig } from './read-config.ts';

const SIGNALS = { stop: 'SIGTERM', quit: 'SIGQUIT', reload: 'SIGHUP', reopen: 'SIGUSR1' } as const;
const POLL_MS = 20;
/** A reload looks names up, runs through all acceptors and may follow another one that is under way. */
const ANSWER_LIMIT_MS = 60_000;
/** Beyond what the configuration lets a stop take. */
const STOP_MARGIN_MS = 15_000;
/** With worker_shutdown_timeout 0 lbproxy waits without a limit; -s does not. */
const QUIT_LIMIT_MS = 600_000;

export async function sendSignal(signal: Signal, options: CliOptions): Promise<number> {
  const file = configFile(options);
  if (file === undefined) return fail(NO_CONFIG);
  const read = readConfig(file, options);
  // nginx, too, reads the configuration first: it says where the pid file is.
  if (read.model === undefined) {
    printProblems(read);
    return fail(`configuration file ${file} test failed`);
  }
  const pidFiles = pidFilesOf(read.model, file);
  const sinceNs = nowNs();
  let problem = `no lbproxy runs with ${file}: there is no pid file ${pidFiles[0]}`;
  for (const pidFile of pidFiles) {
    const sent = signalProcess(pidFile, SIGNALS[signal]);
    if (typeof sent === 'number')
      return await outcomeOf({ signal, pid: sent, sinceNs, outcomes: new OutcomeFile(pidFile) }, read.model);
    problem = sent ?? problem;
  }
  return fail(problem);
}

/** The process that got the signal, or why none did. Undefined when there is no such file. */
function signalProcess(pidFile: string, signal: NodeJS.Signals): number | string | undefined {
  const found = primaryOf(pidFile);
  if (found === undefined) return undefined;
  if ('problem' in found) return found.problem;
  const { pid } = found;
  try {
    process.kill(pid, signal);
    return pid;
  } catch (error) {
    return `cannot signal process ${pid} of ${pidFile}: ${(error as Error).message}`;
  }
}

interface Wish {
  readonly signal: Signal;
  readonly pid: number;
  readonly sinceNs: string;
  readonly outcomes: OutcomeFile;
}

async function outcomeOf(wish: Wish, model: Model): Promise<number> {
  const { signal } = wish;
  return signal === 'stop' || signal === 'quit'
    ? await untilEnded(wish, stopLimitMs(signal, model))
    : await untilAnswered(wish);
}

async function untilAnswered({ signal, pid, sinceNs, outcomes }: Wish): Promise<number> {
  const deadline = performance.now() + ANSWER_LIMIT_MS;
  while (performance.now() < deadline) {
    // Asked before the file is read: what it wrote last counts.
    const alive = isAlive(pid);
    const outcome = outcomes.read(signal, sinceNs);
    if (outcome?.done === true) return print(outcome);
    if (!alive) return fail(`process ${pid} ended before the ${signal} was done`);
    await pause();
  }
  return fail(
    `process ${pid} got the signal, but told no outcome within ${ANSWER_LIMIT_MS / 1000} s: see its error log`,
  );
}

async function untilEnded({ signal, pid, sinceNs, outcomes }: Wish, limitMs: number): Promise<number> {
  const deadline = performance.now() + limitMs;
  let said = '';
  while (performance.now() < deadline) {
    if (!isAlive(pid)) return say(`stopped, pid ${pid}`);
    const text = outcomes.read(signal, sinceNs)?.text ?? '';
    if (text !== '' && text !== said) say(text);
    said = text;
    await pause();
  }
  return fail(
    `process ${pid} got the signal, but has not ended within ${limitMs / 1000} s: see its error log, or try -s stop`,
  );
}

/** How long the configuration lets the end take, and a margin. */
function stopLimitMs(signal: Signal, { settings, programs }: Model): number {
  const programsMs = programs.reduce((ms, { settings }) => Math.max(ms, settings.programStopWaitMs), 0);
  const { workerShutdownTimeoutMs } = settings;
  if (signal === 'quit' && workerShutdownTimeoutMs === 0) return QUIT_LIMIT_MS;
  return (signal === 'quit' ? workerShutdownTimeoutMs : 0) + programsMs + STOP_MARGIN_MS;
}

function print({ ok, printed, text }: WrittenOutcome): number {
  if (printed !== '') process.stderr.write(printed);
  return ok ? say(text) : fail(text);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

function say(message: string): number {
  process.stdout.write(`lbproxy: ${message}\n`);
  return 0;
}

function fail(message: string): number {
  process.stderr.write(`lbproxy: ${message}\n`);
  return 1;
}
