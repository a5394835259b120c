// -s: finds the running primary by its pid file and signals it.
import { readFileSync } from 'node:fs';
import { configFile, NO_CONFIG, pidFilesOf, printProblems, readConfig } from './read-config.ts';
import type { CliOptions, Signal } from './run-cli.ts';

const SIGNALS = { stop: 'SIGTERM', quit: 'SIGQUIT', reload: 'SIGHUP', reopen: 'SIGUSR1' } as const;

export function sendSignal(signal: Signal, options: CliOptions): number {
  const file = configFile(options);
  if (file === undefined) return fail(NO_CONFIG);
  const read = readConfig(file, options);
  // nginx, too, reads the configuration first: it says where the pid file is.
  if (read.model === undefined) {
    printProblems(read);
    return fail(`configuration file ${file} test failed`);
  }
  const pidFiles = pidFilesOf(read.model, file);
  let problem = `no lbproxy runs with ${file}: there is no pid file ${pidFiles[0]}`;
  for (const pidFile of pidFiles) {
    const outcome = signalProcess(pidFile, SIGNALS[signal]);
    if (outcome === 'sent') return 0;
    if (outcome !== 'no file') problem = outcome;
  }
  return fail(problem);
}

/** Anything else than the two words is what went wrong: a crash may have left the file. */
function signalProcess(pidFile: string, signal: NodeJS.Signals): string {
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile, 'utf8').trim());
  } catch {
    return 'no file';
  }
  if (!Number.isInteger(pid) || pid <= 1) return `${pidFile} holds no process id`;
  try {
    process.kill(pid, signal);
    return 'sent';
  } catch (error) {
    return `cannot signal process ${pid} of ${pidFile}: ${(error as Error).message}`;
  }
}

function fail(message: string): number {
  process.stderr.write(`lbproxy: ${message}\n`);
  return 1;
}
