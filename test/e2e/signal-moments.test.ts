// Signals mean what they mean at every moment of a start, a reload and a stop; and a start that cannot end well ends.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { closeInherited } from '../../src/cluster/inherited-descriptors.ts';
import { freePorts } from '../support/free-ports.ts';
import { get, pause, until } from '../support/http-client.ts';
import {
  childrenOf,
  commandOf,
  isAlive,
  type LbproxyProcess,
  spawnLbproxy,
  startLbproxy,
} from '../support/lbproxy-process.ts';
import { MAIN } from '../support/main-file.ts';

/** Programs with a word of their directory in their command line, so that what is left of them is found. */
const CONF = `worker_processes 2; pid DIR/lbproxy.pid;
  program plain { command "tail -f DIR/nginx.conf"; numprocs 3; }
  program ported { command "tail -f DIR/nginx.conf"; numprocs 2; first_port PORT2; }
  http { upstream a { program ported; } server { listen 127.0.0.1:PORT1; location / { proxy_pass http://a; } } }`;

/** The same without a program that never gets ready. */
const SMALL = CONF.replace(/program ported [^}]*\}/, '').replace('program ported;', 'server 127.0.0.1:1;');

/** Everything that runs for a configuration: lbproxy, its acceptors and its programs. */
function left(lbproxy: LbproxyProcess, children: readonly number[]): number[] {
  const named = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && commandOf(Number(name)).includes(lbproxy.dir),
  );
  return [...named.map(Number), ...children].filter(isAlive);
}

/** The signal, and that it ends everything within seconds with status 0; null only before the first line of ours has run. */
async function ends(lbproxy: LbproxyProcess, started = false, by: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const children = lbproxy.acceptorPids();
  const startedAt = performance.now();
  lbproxy.signal(by);
  const { code, signal } = await lbproxy.exited;
  // Less than any stopwaitsecs.
  expect(performance.now() - startedAt).toBeLessThan(9000);
  expect(started || signal === null ? code : 0, lbproxy.stderr()).toBe(0);
  await until(() => left(lbproxy, children).length === 0, 10_000, 'the end of all processes');
  expect(lbproxy.stderr()).not.toMatch(/internal|unexpected|Warning| {4}at /);
}

/** Until the process handles a signal itself: proc(5), SigCgt. */
async function handles(pid: number, bit: number): Promise<void> {
  const caught = (): boolean => {
    const mask = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    return (BigInt(`0x${mask}`) & (1n << BigInt(bit - 1))) !== 0n;
  };
  await until(caught, 10_000, 'the handler');
}

describe('SIGTERM', () => {
  it('ends a start at whatever moment it comes', async () => {
    for (let ms = 100; ms <= 1700; ms += 200) {
      const lbproxy = await spawnLbproxy(CONF);
      await pause(ms);
      await ends(lbproxy);
      expect(lbproxy.stdout()).not.toContain('is not ready yet');
    }
  }, 60_000);

  // The first acceptors start before the configuration is read; an orphan of them could only complain.
  it.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)(
    '(%s) ends a start whose acceptors have just begun',
    async (signal) => {
      // With a descriptor of a stranger lbproxy would start none early.
      closeInherited();
      for (let i = 0; i < 5; i++) {
        const lbproxy = await spawnLbproxy(SMALL);
        while (!lbproxy.hasExited && childrenOf(lbproxy.pid).length === 0)
          await new Promise<void>((resolve) => setImmediate(resolve));
        await ends(lbproxy, true, signal);
      }
    },
    30_000,
  );

  it('ends a reload at whatever moment it comes, and a graceful stop', async () => {
    for (const ms of [0, 5, 15, 40, 80, 150]) {
      const lbproxy = await startLbproxy(SMALL, { ports: await freePorts(3) });
      lbproxy.write(CONF.replace('worker_processes 2', 'worker_processes 4'));
      lbproxy.signal('SIGHUP');
      await pause(ms);
      if (ms === 40) lbproxy.signal('SIGQUIT');
      await ends(lbproxy, true);
    }
  }, 60_000);
});

describe('SIGHUP and SIGUSR1', () => {
  it('do not end a start; what they ask for is done after it', async () => {
    const lbproxy = await spawnLbproxy(
      'worker_processes 1; http { server { listen 127.0.0.1:PORT1; return 200 old; } }',
    );
    await handles(lbproxy.pid, 1);
    lbproxy.signal('SIGHUP');
    await handles(lbproxy.pid, 10);
    lbproxy.signal('SIGUSR1');
    // The old configuration has been read, and nothing serves yet.
    await until(() => lbproxy.acceptorPids().length > 0, 10_000, 'the first acceptor');
    lbproxy.write(
      `worker_processes 1; program late { command "tail -f DIR/nginx.conf"; }
       http { server { listen 127.0.0.1:PORT1; return 200 new; } }`,
    );
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGHUP'] as const) {
      lbproxy.signal(signal);
      await pause(10);
    }
    await lbproxy.printed('is ready');
    await lbproxy.printed('logs reopened');
    await lbproxy.printed('reloaded: ');
    expect((await get(lbproxy.port)).body).toBe('new');
    const late = (): boolean => childrenOf(lbproxy.pid).some((pid) => commandOf(pid).startsWith('tail'));
    await until(late, 3000, 'the program that only the new configuration has');
    expect(lbproxy.stderr()).not.toContain('ebugger');
    await ends(lbproxy, true);
  });
});

describe('with few file descriptors', () => {
  let child: ChildProcess | undefined;
  let dir = '';
  afterEach(() => {
    if (child?.exitCode === null) child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });

  async function startLimited(limit: number, programs: number) {
    dir = mkdtempSync(join(tmpdir(), 'lbproxy-limit-'));
    const [port] = await freePorts(1);
    writeFileSync(
      join(dir, 'nginx.conf'),
      `worker_processes 1; pid lbproxy.pid; state_path state;\n program m { command "sleep 778"; numprocs ${programs}; }
       http { server { listen 127.0.0.1:${port}; location / { return 200 ok; } } }`,
    );
    const command = `ulimit -n ${limit}; exec '${process.execPath}' '${MAIN}' -c nginx.conf`;
    const started = spawn('sh', ['-c', command], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    let said = '';
    for (const stream of [started.stdout, started.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    return { port, child: started, said: () => said, exited: once(started, 'close') };
  }

  it('more programs than can run are refused at the start, with the next step', async () => {
    const { said, exited } = await startLimited(90, 60);
    expect(await exited).toEqual([1, null]);
    expect(said()).toMatch(
      /nginx\.conf:2:2: 60 processes of programs and 1 acceptor need about \d+ file descriptors, and the limit is 90: raise it \(ulimit -n, LimitNOFILE=\), or run fewer/,
    );
    expect(said()).toContain('nothing was started');
  });

  it.runIf(spawnSync('prlimit', ['--version']).status === 0)(
    'an acceptor that cannot be started is tried again, and a stop still stops',
    async () => {
      const { child, said, exited } = await startLimited(200, 1);
      await until(() => said().includes('is ready'), 15_000, 'ready');
      child.kill('SIGHUP');
      await until(() => said().includes('reloaded'), 5000, 'a first line of the log');
      const pid = child.pid ?? 0;
      const acceptor = (): number | undefined =>
        childrenOf(pid).find((each) => commandOf(each).includes('acceptor-main'));
      const limit = (n: number) => spawnSync('prlimit', ['--pid', `${pid}`, `--nofile=${n}:200`]);
      const killAcceptor = (): void => void process.kill(acceptor() ?? 0, 'SIGKILL');
      limit(10);
      killAcceptor();
      await until(() => /could not be started \(.*EMFILE\)/.test(said()), 5000, 'the reason');
      limit(200);
      await until(() => acceptor() !== undefined, 10_000, 'another acceptor');
      limit(10);
      killAcceptor();
      await until(() => (said().match(/could not be started/g) ?? []).length >= 2, 5000, 'the reason again');
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    },
  );

  it('those that can run do, and a reload to more of them is refused', async () => {
    const { port, child, said, exited } = await startLimited(90, 5);
    await until(() => said().includes('is ready'), 15_000, 'ready');
    expect((await get(port)).body).toBe('ok');
    const file = join(dir, 'nginx.conf');
    writeFileSync(file, readFileSync(file, 'utf8').replace('numprocs 5', 'numprocs 60'));
    child.kill('SIGHUP');
    await until(
      () => said().includes('reload refused: nginx.conf:2:2: 60 processes of programs'),
      5000,
      'refusal',
    );
    expect((await get(port)).body).toBe('ok');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});
