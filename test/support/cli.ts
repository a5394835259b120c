// The kit's command line: runs the program from its sources in a process of its own and gives what it said.
import { execFile } from 'node:child_process';
import { MAIN } from './main-file.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `lbproxy args…` to its end; one that has no end is killed after `timeoutMs`. */
export function runLbproxy(
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly timeoutMs?: number;
    /** The program, where it is not this project's. */
    readonly main?: string;
  } = {},
): Promise<CliResult> {
  const { cwd, env, timeoutMs = 20_000, main = MAIN } = options;
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [main, ...args],
      { cwd, env: { ...process.env, NO_COLOR: '1', ...env }, timeout: timeoutMs, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === 'number') resolve({ code, stdout, stderr });
        else
          reject(new Error(`lbproxy ${args.join(' ')} did not end by itself: ${error?.message}\n${stderr}`));
      },
    );
  });
}
