// Debian's supervisord and supervisorctl, the truth to compare with, in a directory of their own.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SUPERVISORD = '/usr/bin/supervisord';
const SUPERVISORCTL = '/usr/bin/supervisorctl';

export const hasSupervisor = fs.existsSync(SUPERVISORD) && fs.existsSync(SUPERVISORCTL);
if (!hasSupervisor) {
  if (process.env.CI) throw new Error(`${SUPERVISORD} is missing: in CI the comparison with it must run`);
  console.warn(`\n*** ${SUPERVISORD} is missing: the comparison with supervisorctl is SKIPPED ***\n`);
}

export interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export interface Supervisord {
  readonly dir: string;
  readonly conf: string;
  readonly url: string;
  /** Writes the file anew; `{dir}` in it is the directory. */
  write(text: string): void;
  stop(): Promise<void>;
}

/** `{dir}` in the text is the directory. A [supervisord] section and a server are there already. */
export async function startSupervisord(text: string, server = ''): Promise<Supervisord> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-sup-'));
  const conf = path.join(dir, 'supervisord.conf');
  const write = (more: string): void => {
    fs.writeFileSync(conf, `${COMMON}${server || UNIX}${more}`.replaceAll('{dir}', dir));
  };
  write(text);
  const child = spawn(SUPERVISORD, ['-n', '-c', conf], { stdio: 'ignore', cwd: dir });
  const stop = (): Promise<void> => stopChild(child, dir);
  for (let i = 0; i < 400; i++) {
    const log = path.join(dir, 'main.log');
    if (fs.existsSync(log) && fs.readFileSync(log, 'utf8').includes('supervisord started with pid'))
      return { dir, conf, url: `unix://${dir}/s.sock`, write, stop };
    if (child.exitCode !== null) break;
    await sleep(25);
  }
  await stop();
  throw new Error(`supervisord did not start with\n${text}`);
}

const COMMON = `[supervisord]
logfile={dir}/main.log
pidfile={dir}/main.pid
childlogdir={dir}
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
`;
const UNIX = `[unix_http_server]
file={dir}/s.sock
[supervisorctl]
serverurl=unix://{dir}/s.sock
prompt=sup
`;

async function stopChild(child: ChildProcess, dir: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const ended = await Promise.race([exit.then(() => true), sleep(5000, false)]);
    if (!ended) {
      child.kill('SIGKILL');
      await exit;
    }
  }
  fs.rmSync(dir, { recursive: true, force: true });
}

/** The real supervisorctl, as it is started. */
export function supervisorctl(args: readonly string[], input = ''): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      SUPERVISORCTL,
      args,
      { timeout: 30_000, cwd: os.tmpdir() },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ stdout, stderr, status });
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** The real supervisorctl in one process for all of its runs: Python takes long to start. */
export class Supervisorctl {
  readonly #child = spawn(
    '/usr/bin/python3',
    [fileURLToPath(new URL('supervisorctl_runs.py', import.meta.url))],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: os.tmpdir(),
    },
  );
  readonly #answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();

  async run(args: readonly string[]): Promise<Run> {
    this.#child.stdin.write(`${JSON.stringify(args)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('supervisorctl_runs.py ended');
    return JSON.parse(value);
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
