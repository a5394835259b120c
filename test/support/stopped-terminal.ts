// The kit's terminal: runs Node on a terminal of its own where somebody has pressed Ctrl-S, so that whoever writes there waits.
import { spawn } from 'node:child_process';
import { afterEach } from 'vitest';
import { until } from './http-client.ts';

const HARNESS = `
import os, pty, sys, time
pid, master = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.write(master, b'\\x13')
print(pid, flush=True)
print('ended', os.waitpid(pid, 0)[1], flush=True)
time.sleep(60)
`;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

export interface OnTerminal {
  readonly pid: number;
  /** Waits for its end: the wait status, 0 after a regular exit with 0, else the number of a signal. */
  status(ms?: number): Promise<number>;
}

/** All is killed after the test. */
export async function onStoppedTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<OnTerminal> {
  const harness = spawn('python3', ['-c', HARNESS, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  cleanups.push(() => void harness.kill('SIGKILL'));
  let text = '';
  harness.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  await until(() => text.includes('\n'), 5000, 'the pid');
  const pid = Number(text.split('\n')[0]);
  cleanups.push(() => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody is left.
    }
  });
  const ended = (): string | undefined => /ended (\d+)\n/.exec(text)?.[1];
  return {
    pid,
    status: async (ms = 3000) => {
      await until(() => ended() !== undefined, ms, 'the end');
      return Number(ended());
    },
  };
}
