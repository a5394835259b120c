// -s: finds the running primary by its pid file and signals it.
import { readFileSync } from 'node:fs';
import { configFile, NO_CONFIG, pidFileOf, printProblems, readConfig } from './read-config.ts';
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
  const pidFile = pidFileOf(read.model, file);
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile, 'utf8').trim());
  } catch {
    return fail(`no lbproxy runs with ${file}: there is no pid file ${pidFile}`);
  }
  if (!Number.isInteger(pid) || pid <= 1) return fail(`${pidFile} holds no process id`);
  try {
    process.kill(pid, SIGNALS[signal]);
    return 0;
  } catch (error) {
    return fail(`cannot signal process ${pid} of ${pidFile}: ${(error as Error).message}`);
  }
}

function fail(message: string): number {
  process.stderr.write(`lbproxy: ${message}\n`);
  return 1;
}
