// nginx and lbproxy as programs, started with the same file and prefix, one after the other.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MAIN } from '../support/main-file.ts';

const START_MS = 20_000;

export interface Started {
  stop(): Promise<void>;
}

export const startNginxProgram = (dir: string): Promise<Started> => start('/usr/sbin/nginx', [], dir);

/** Called as nginx is, and with the same words. */
export const startLbproxyProgram = (dir: string): Promise<Started> =>
  start(process.execPath, [MAIN, '--as-nginx'], dir);

/** Ready once its pid is in the file: then its sockets listen. An empty file may stand there before. */
async function start(file: string, before: readonly string[], dir: string): Promise<Started> {
  const pidFile = join(dir, 'run/nginx.pid');
  rmSync(pidFile, { force: true });
  // Each begins with nothing in its cache.
  rmSync(join(dir, 'run/cache'), { recursive: true, force: true });
  const places = ['-p', dir, '-c', join(dir, 'conf/nginx.conf'), '-e', join(dir, 'logs/error.log')];
  const words = [...before, ...places, '-g', 'daemon off;'];
  const program = await started(
    file,
    words,
    dir,
    () => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '',
  );
  return { stop: () => end(program, 'SIGTERM') };
}

async function started(
  file: string,
  words: readonly string[],
  dir: string,
  isReady: () => boolean,
): Promise<ChildProcess> {
  const child = spawn(file, words, {
    cwd: dir,
    env: { ...process.env, XDG_STATE_HOME: join(dir, 'state') },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (part: string) => (text += part));
  const deadline = Date.now() + START_MS;
  while (!isReady()) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await end(child, 'SIGKILL');
      throw new Error(`${file} does not start: ${text}\n${readLog(dir)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return child;
}

function readLog(dir: string): string {
  const file = join(dir, 'logs/error.log');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), 8000);
  await exited;
  clearTimeout(timer);
}
