// `daemon on`: the program starts itself anew, without a terminal, and the command ends when that one serves. Node cannot fork.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';

/** Told to the process that stays. */
const VARIABLE = 'LBPROXY_IN_BACKGROUND';

/** Whether this process is the one that stays. To be asked once: what it starts is not. */
export function isInBackground(): boolean {
  const is = process.env[VARIABLE] !== undefined;
  delete process.env[VARIABLE];
  return is;
}

/** Starts it, and gives the exit status of the command: 0 once everything listens. */
export function startInBackground(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env: { ...process.env, [VARIABLE]: '1' },
      // What stops a start is told on this terminal.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    child.once('message', () => {
      child.disconnect();
      child.unref();
      resolve(0);
    });
    child.once('error', (error) => {
      process.stderr.write(`nginx: [emerg] ${error.message}\n`);
      resolve(1);
    });
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}

/** Everything listens: the command may end. */
export function tellReady(): void {
  if (process.connected) process.send?.({ ready: true }, () => process.disconnect?.());
}

/** From here on stderr is this file, as nginx has it (ngx_log_redirect_stderr): what held the terminal lets go of it. */
export function redirectStderr(path: string): void {
  closeSync(2);
  // The lowest free number is taken, and nobody opens anything in between.
  const fd = openSync(path, 'a', 0o644);
  if (fd !== 2) closeSync(fd);
}
