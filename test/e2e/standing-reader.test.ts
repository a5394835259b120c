// Whoever reads lbproxy's output stands still: a FIFO that nobody reads, a terminal after Ctrl-S, a socket. The service goes on.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { get, pause, until } from '../support/http-client.ts';
import { childrenOf, commandOf, isAlive } from '../support/lbproxy-process.ts';
import { MAIN } from '../support/main-file.ts';
import { onStoppedTerminal } from '../support/stopped-terminal.ts';

// Each starts a whole lbproxy and pumps 32 MB through it.
vi.setConfig({ testTimeout: 60_000 });

/** Writes far more than any pipe or terminal holds, and says in a file that it could. */
const LOUD = (stream: 'stdout' | 'stderr', mark: string): string =>
  `const { writeSync, writeFileSync } = require('node:fs');
   const fd = ${stream === 'stdout' ? 1 : 2};
   for (let i = 0; i < 4000; i++) writeSync(fd, i + ' ' + 'x'.repeat(8000) + '\\n');
   writeFileSync(${JSON.stringify(mark)}, 'written');
   setInterval(() => writeSync(fd, 'more\\n'), 50);`;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

interface Service {
  readonly dir: string;
  readonly port: number;
  readonly configFile: string;
  readonly mark: string;
}

/** A configuration with one acceptor, a program that prints much, and `more` in front. */
async function service(stream: 'stdout' | 'stderr', more = ''): Promise<Service> {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-standing-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  const [port] = await freePorts(1);
  const [configFile, script, mark] = ['nginx.conf', 'loud.cjs', 'mark'].map((name) => join(dir, name));
  writeFileSync(script, LOUD(stream, mark));
  writeFileSync(
    configFile,
    `worker_processes 1; pid ${dir}/pid; ${more.replaceAll('DIR', dir)}
     program loud { command "${process.execPath} ${script}"; }
     http { server { listen 127.0.0.1:${port}; return 200 on; } }`,
  );
  return { dir, port, configFile, mark };
}

/** Numbers are descriptors; 'pipe' is a socket, as Node makes it. */
function start(
  { configFile, dir }: Service,
  stdio: [number | 'ignore', number | 'pipe', number | 'pipe'],
): ChildProcess {
  const child = spawn(process.execPath, [MAIN, '-c', configFile], {
    cwd: dir,
    env: { ...process.env, XDG_STATE_HOME: join(dir, 'state') },
    stdio,
    detached: true,
  });
  cleanups.push(() => killGroup(child.pid));
  return child;
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

/** A FIFO with a reader that reads nothing, open for a writer that waits in its writes. */
function standingFifo(dir: string): { readonly writer: number; readonly reader: number } {
  const path = join(dir, 'fifo');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  cleanups.push(() => closeSync(reader));
  return { writer, reader };
}

const acceptorOf = (pid: number): number | undefined =>
  childrenOf(pid).find((child) => commandOf(child).includes('acceptor-main'));

const serves = (port: number): Promise<boolean> =>
  get(port).then(
    (answer) => answer.status === 200,
    () => false,
  );

const holds = (path: string): boolean => {
  try {
    return readFileSync(path, 'utf8') !== '';
  } catch {
    return false;
  }
};

/** The program could say all it had to, a dead acceptor is replaced, and TERM ends all. */
async function goesOnAndEnds(pid: number, { port, mark }: Service, isGone: () => boolean): Promise<void> {
  await until(() => serves(port), 30_000, 'service');
  await until(() => holds(mark), 30_000, 'all that the program prints being taken');
  await pause(300);
  const first = acceptorOf(pid);
  process.kill(first as number, 'SIGKILL');
  await until(() => ![undefined, first].includes(acceptorOf(pid)), 15_000, 'another acceptor');
  await until(() => serves(port), 15_000, 'service by the other acceptor');
  process.kill(pid, 'SIGTERM');
  await until(isGone, 8000, 'the end after TERM');
}

const exited = (child: ChildProcess) => (): boolean => child.exitCode !== null || child.signalCode !== null;

describe('a FIFO that nobody reads', () => {
  for (const stream of ['stdout', 'stderr'] as const) {
    it(`as ${stream} holds up neither programs nor the primary`, async () => {
      const served = await service(stream, 'error_log DIR/error.log;');
      const { writer } = standingFifo(served.dir);
      const other = openSync(join(served.dir, 'other'), 'a');
      const child = start(
        served,
        stream === 'stdout' ? ['ignore', writer, other] : ['ignore', other, writer],
      );
      closeSync(writer);
      closeSync(other);
      await goesOnAndEnds(child.pid as number, served, exited(child));
      expect(child.exitCode).toBe(0);
      expect(readFileSync(join(served.dir, 'error.log'), 'utf8')).toContain(
        `log \\"${stream}\\": it takes lines more slowly than they come; 1 line lost`,
      );
    });
  }

  it('as all of them, access logs too, holds up no acceptor either', async () => {
    const served = await service('stderr', 'access_log stdout; error_log stderr debug;');
    const { writer } = standingFifo(served.dir);
    const child = start(served, ['ignore', writer, writer]);
    closeSync(writer);
    await until(() => serves(served.port), 30_000, 'service');
    for (let i = 0; i < 2000; i++) if (!(await serves(served.port))) throw new Error(`request ${i} failed`);
    await goesOnAndEnds(child.pid as number, served, exited(child));
  });

  it('gets, once it is read again, what waited, and how much was lost', async () => {
    const served = await service('stderr');
    const { writer, reader } = standingFifo(served.dir);
    const child = start(served, ['ignore', 'pipe', writer]);
    closeSync(writer);
    child.stdout?.resume();
    await until(() => holds(served.mark), 20_000, 'all that the program prints being taken');
    let text = '';
    const buffer = Buffer.alloc(65_536);
    const read = (): boolean => {
      for (;;) {
        try {
          const n = readSync(reader, buffer);
          text = (text + buffer.latin1Slice(0, n)).slice(-400_000);
          if (n === 0) return true;
        } catch {
          return /log \\?"stderr\\?": [^\n]*; \d+ lines lost/.test(text);
        }
      }
    };
    // Some 17 MB, a pipe's 64 KB at a time.
    await until(read, 30_000, 'the number of lost lines');
    const lost = Number(/; (\d+) lines lost/.exec(text)?.[1]);
    expect(lost).toBeGreaterThan(1000);
    expect(lost).toBeLessThan(4000);
    process.kill(child.pid as number, 'SIGTERM');
    await once(child, 'exit');
  });

  it('as a log holds up no start, no reopening and no reload', async () => {
    const served = await service('stdout', 'error_log DIR/fifo debug; access_log DIR/fifo;');
    execFileSync('mkfifo', [join(served.dir, 'fifo')]);
    const other = openSync(join(served.dir, 'other'), 'a');
    const child = start(served, ['ignore', other, other]);
    closeSync(other);
    const pid = child.pid as number;
    await until(() => serves(served.port), 30_000, 'service');
    for (const signal of ['SIGUSR1', 'SIGHUP'] as const) {
      process.kill(pid, signal);
      await pause(300);
      expect(await serves(served.port)).toBe(true);
    }
    await goesOnAndEnds(pid, served, exited(child));
  });
});

describe('a socket that nobody reads', () => {
  it('as stdout and stderr holds up neither programs nor the primary', async () => {
    const served = await service('stdout');
    const child = start(served, ['ignore', 'pipe', 'pipe']);
    await goesOnAndEnds(child.pid as number, served, exited(child));
    expect(child.exitCode).toBe(0);
  });
});

describe('a terminal after Ctrl-S', () => {
  for (const stream of ['stdout', 'stderr'] as const) {
    it(`that a program prints to as ${stream} holds up neither programs nor the primary`, async () => {
      const served = await service(stream);
      const { pid, status } = await onStoppedTerminal([MAIN, '-c', served.configFile], {
        XDG_STATE_HOME: join(served.dir, 'state'),
      });
      await goesOnAndEnds(pid, served, () => !isAlive(pid));
      expect(await status()).toBe(0);
    });
  }
});
