import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProgramModel } from '../../src/config/model.ts';
import type { ProcessView } from '../../src/supervise/control/face.ts';
import type { OutputLine } from '../../src/supervise/output.ts';
import { Supervisor, type SupervisorOptions } from '../../src/supervise/supervisor.ts';
import {
  eventually,
  freePorts,
  isRunning,
  node,
  poolOf,
  printed,
  program,
  SURROUNDINGS,
  scriptDir,
} from './programs.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Kit {
  readonly supervisor: Supervisor;
  readonly logs: string[];
  readonly lines: OutputLine[];
  /** Every announcement as `hello 8001+ 8002-`. */
  readonly peers: string[];
  readonly pids: () => (number | null)[];
  readonly status: () => Status[];
}

type Status = Omit<ProcessView, 'pid'> & {
  readonly index: number;
  readonly pid: number | null;
  readonly up: boolean;
  readonly failures: number;
};

function supervise(dir: string, programs: ProgramModel[], own: Partial<SupervisorOptions> = {}): Kit {
  const logs: string[] = [];
  const lines: OutputLine[] = [];
  const peers: string[] = [];
  const supervisor = new Supervisor({
    ...SURROUNDINGS,
    pool: poolOf(dir, programs),
    log: (level, message) => logs.push(`${level}: ${message}`),
    output: (slot) => printed(slot, (line) => void lines.push(line)),
    onPeers: (name, ports) => {
      const text = [name, ...ports.map((p) => `${p.port}${p.up ? '+' : '-'}`)].join(' ');
      // Whether one is about to come is told too.
      if (peers.at(-1) !== text) peers.push(text);
    },
    ...own,
  });
  cleanups.push(() => supervisor.stop());
  supervisor.announceAll();
  supervisor.start();
  const status = (): Status[] =>
    supervisor.slots.map((slot) => ({
      ...slot.view,
      index: slot.spec.index,
      pid: slot.pid === 0 ? null : slot.pid,
      up: slot.up,
      failures: slot.failures,
    }));
  return { supervisor, logs, lines, peers, status, pids: () => status().map((s) => s.pid) };
}

function scripts(texts: Record<string, string> = {}): string {
  const { dir, remove } = scriptDir(texts);
  cleanups.push(remove);
  return dir;
}

const allUp = (kit: Kit) => (): boolean => kit.status().every((s) => s.up);

function hold(port: number): Promise<Server> {
  const server = createServer();
  cleanups.push(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

describe('Supervisor', () => {
  it('starts the processes, announces each as its port accepts, and stops them all', async () => {
    const dir = scripts();
    const first = await freePorts(3);
    const hello = program('hello', {
      programCommand: node(dir, 'server.mjs', '{port}'),
      programNumprocs: 3,
      programFirstPort: first,
      programStartMs: 200,
    });
    const kit = supervise(dir, [hello]);
    expect(kit.peers).toEqual([`hello ${first}- ${first + 1}- ${first + 2}-`]);
    await eventually(() => kit.status().every((s) => s.state === 'RUNNING' && s.up));
    expect(kit.peers).toHaveLength(4);
    expect(kit.peers.at(-1)).toBe(`hello ${first}+ ${first + 1}+ ${first + 2}+`);
    const status = kit.status();
    expect(status.map((s) => [s.name, s.index, s.port, s.restarts, s.failures])).toEqual([
      ['hello_00', 0, first, 0, 0],
      ['hello_01', 1, first + 1, 0, 0],
      ['hello_02', 2, first + 2, 0, 0],
    ]);
    const pids = status.map((s) => s.pid ?? 0);
    await kit.supervisor.stop();
    expect(pids.filter(isRunning)).toEqual([]);
    expect(kit.status().map((s) => [s.state, s.pid])).toEqual(Array(3).fill(['STOPPED', null]));
    expect(kit.peers.at(-1)).toBe(`hello ${first}- ${first + 1}- ${first + 2}-`);
  });

  it('takes a killed process out at once and starts it again', async () => {
    const dir = scripts();
    const first = await freePorts(2);
    const hello = program('hello', {
      programCommand: node(dir, 'server.mjs'),
      programNumprocs: 2,
      programFirstPort: first,
      programStartMs: 0,
    });
    const kit = supervise(dir, [hello]);
    await eventually(allUp(kit));
    const [victim, other] = kit.pids();
    kit.peers.length = 0;
    process.kill(victim ?? 0, 'SIGKILL');
    await eventually(() => kit.peers.length === 2);
    expect(kit.peers).toEqual([`hello ${first}- ${first + 1}+`, `hello ${first}+ ${first + 1}+`]);
    expect(kit.pids()[0]).not.toBe(victim);
    expect(kit.pids()[1]).toBe(other);
    expect(kit.status()[0].restarts).toBe(1);
    expect(kit.logs.join('\n')).toMatch(/hello_00 was ended by SIGKILL after/);
  });

  it('announces, waits until nothing is under way, and then signals', async () => {
    const dir = scripts({
      'polite.mjs': `import './server.mjs'; process.on('SIGTERM', () => { console.log(Date.now()); process.exit(0); });`,
    });
    const first = await freePorts(1);
    let downAt = 0;
    let drainedAt = 0;
    const kit = supervise(
      dir,
      [program('a', { programCommand: `${node(dir, 'polite.mjs')} {port}`, programFirstPort: first })],
      {
        drain: async () => {
          await new Promise((resolve) => setTimeout(resolve, 200));
          drainedAt = Date.now();
        },
        onPeers: (_, [peer]) => {
          if (peer.up) downAt = 0;
          else downAt ||= Date.now();
        },
      },
    );
    await eventually(allUp(kit));
    await kit.supervisor.stop();
    const signalledAt = Number((await eventually(() => kit.lines[0])).text);
    expect(drainedAt - downAt).toBeGreaterThanOrEqual(190);
    expect(signalledAt).toBeGreaterThanOrEqual(drainedAt);
    // Not only when its patience of ten seconds was over.
    expect(signalledAt - downAt).toBeLessThan(8000);
  });

  it('backs off in a crash loop', async () => {
    const dir = scripts({ 'crash.mjs': 'process.exit(3)' });
    const kit = supervise(dir, [program('a', { programCommand: node(dir, 'crash.mjs') })]);
    await eventually(() => kit.status()[0].failures === 3);
    const pauses = kit.logs
      .filter((l) => l.startsWith('error'))
      .map((l) => /exited.*?(?= after)|next.*/g.exec(l)?.[0]);
    expect(pauses).toEqual(Array(3).fill('exited with status 3'));
    expect(kit.logs.map((l) => /next start in.*/.exec(l)?.[0]).filter(Boolean)).toEqual([
      'next start in 250 ms',
      'next start in 500 ms, 2 failures in a row',
      'next start in 1 s, 3 failures in a row',
    ]);
    expect(kit.status()[0]).toMatchObject({ state: 'BACKOFF', pid: null });
    await kit.supervisor.stop();
    expect(kit.status()[0].state).toBe('STOPPED');
  });

  it('was RUNNING once startsecs have passed, though its end is noticed before that', async () => {
    const states: string[] = [];
    // Startsecs pass while the event loop stands still: the timer is due, and the end of the process comes first.
    let nowMs = 0;
    const kit = supervise(
      scripts(),
      [program('a', { programCommand: `sh -c 'exit 3'`, programStartMs: 60_000, programAutorestart: false })],
      {
        clock: { now: () => nowMs },
        onState: ({ from, to }) => states.push(`${from} → ${to}`),
        onLaunch: () => {
          nowMs += 60_000;
        },
      },
    );
    await eventually(() => ['EXITED', 'BACKOFF'].includes(kit.status()[0].state));
    expect(states).toEqual(['STOPPED → STARTING', 'STARTING → RUNNING', 'RUNNING → EXITED']);
  });

  it('stops the whole group, grandchildren included', async () => {
    const dir = scripts();
    const command = `sh -c 'sleep 1000 & echo $!; wait'`;
    const kit = supervise(dir, [program('a', { programCommand: command })]);
    const grandchild = Number((await eventually(() => kit.lines[0])).text);
    expect(isRunning(grandchild)).toBe(true);
    await kit.supervisor.stop();
    expect(isRunning(grandchild)).toBe(false);
  });

  it('kills what a dead leader leaves behind before it starts another', async () => {
    const dir = scripts();
    const command = `sh -c 'sleep 1000 & echo $!; sleep 0.3; exit 1'`;
    const kit = supervise(dir, [program('a', { programCommand: command })]);
    const grandchild = Number((await eventually(() => kit.lines[0])).text);
    await eventually(() => kit.status()[0].state === 'BACKOFF');
    expect(isRunning(grandchild)).toBe(false);
  });

  it('kills a group that ignores SIGTERM after stopwaitsecs', async () => {
    const dir = scripts();
    const command = `sh -c 'trap "" TERM; echo ready; sleep 1000; sleep 1000'`;
    const kit = supervise(dir, [program('a', { programCommand: command, programStopWaitMs: 300 })]);
    await eventually(() => kit.lines.length > 0);
    const [pid] = kit.pids();
    const before = performance.now();
    await kit.supervisor.stop();
    expect(performance.now() - before).toBeGreaterThan(290);
    expect(performance.now() - before).toBeLessThan(20_000);
    expect(isRunning(pid ?? 0)).toBe(false);
    expect(kit.logs.at(-1)).toMatch(
      /^warn: a did not end within 300 ms of SIGTERM: killed with its whole group$/,
    );
  });

  it('lets the rest of a group finish when the leader of a stopped one is gone first', async () => {
    const dir = scripts();
    const go = join(dir, 'go');
    const rest = `trap "while [ ! -e ${go} ]; do sleep 0.05; done; echo finished; exit" TERM; echo ready; while :; do sleep 0.05; done`;
    const kit = supervise(dir, [program('a', { programCommand: `sh -c '(${rest}) & echo $!; wait'` })]);
    await eventually(() => kit.lines.length === 2);
    const left = Number(kit.lines.find((l) => l.text !== 'ready')?.text);
    const [leader] = kit.pids();
    const stopped = kit.supervisor.stop();
    await eventually(() => !isRunning(leader ?? 0));
    expect(isRunning(left)).toBe(true);
    writeFileSync(go, '');
    await stopped;
    expect(isRunning(left)).toBe(false);
    await eventually(() => kit.lines.at(-1)?.text === 'finished');
  });

  it('forwards output line by line with its process, partial and very long lines included', async () => {
    const dir = scripts({
      'talk.mjs': `process.stdout.write('one\\ntwo\\n' + 'x'.repeat(1 << 20) + '\\npartial', () => {
        process.stderr.write('oops\\n', () => setTimeout(() => {}, 300));
      });`,
    });
    const talk = program('talk', {
      programCommand: node(dir, 'talk.mjs'),
      programAutorestart: false,
      programStartMs: 0,
    });
    const kit = supervise(dir, [talk]);
    await eventually(() => ['partial', 'oops'].every((text) => kit.lines.some((l) => l.text === text)));
    expect(kit.lines.every((l) => l.process === 'talk')).toBe(true);
    const out = kit.lines.filter((l) => l.stream === 'stdout').map((l) => l.text);
    expect(out.slice(0, 2)).toEqual(['one', 'two']);
    expect(out.slice(2, -1).map((t) => t.length)).toEqual(Array(16).fill(64 * 1024));
    expect(kit.lines.filter((l) => l.stream === 'stderr').map((l) => l.text)).toEqual(['oops']);
    await eventually(() => kit.status()[0].state === 'EXITED');
  });

  it('gives the process its directory and environment', async () => {
    const dir = scripts({
      'env.mjs': 'console.log(JSON.stringify([process.cwd(), process.env])); setTimeout(() => {}, 1e6)',
    });
    const own = {
      programCommand: node(dir, 'env.mjs'),
      programDirectory: 'sub',
      programFirstPort: await freePorts(1),
      programEnvironment: { A: 'b {index}' },
    };
    const kit = supervise(dir, [program('env', own)]);
    const [cwd, env] = JSON.parse((await eventually(() => kit.lines[0])).text);
    expect(cwd.endsWith('/sub')).toBe(true);
    expect(env).toMatchObject({
      A: 'b 0',
      PORT: `${own.programFirstPort}`,
      LBPROXY_PROCESS: 'env',
      PATH: process.env.PATH,
      PYTHONUNBUFFERED: '1',
    });
  });

  it('keeps from the process what is meant for lbproxy or Node, and not what the program sets', async () => {
    const ours = { LBPROXY_HEALTH_URL: 'x', NODE_CHANNEL_FD: '99', NODE_UNIQUE_ID: '4', LBPROXY_RUN: 'y' };
    Object.assign(process.env, ours);
    cleanups.push(() => {
      for (const name of Object.keys(ours)) delete process.env[name];
    });
    const own = {
      programCommand: `sh -c 'env; echo that is all'`,
      programEnvironment: { LBPROXY_STYLE: 'own' },
    };
    const kit = supervise(scripts(), [program('env', own)]);
    await eventually(() => kit.lines.some((l) => l.text === 'that is all'));
    const env = Object.fromEntries(kit.lines.map((l) => l.text.split(/=(.*)/s).slice(0, 2)));
    expect(env).toMatchObject({ LBPROXY_STYLE: 'own', PATH: process.env.PATH, LBPROXY_PROCESS: 'env' });
    expect(env.LBPROXY_RUN).not.toBe('y');
    for (const name of ['LBPROXY_HEALTH_URL', 'NODE_CHANNEL_FD', 'NODE_UNIQUE_ID'])
      expect(env).not.toHaveProperty(name);
  });

  it('ends with all that programs have put outside their groups', async () => {
    const dir = scripts();
    const command = `sh -c 'setsid sleep 1000 & echo $!; exec sleep 1000'`;
    const kit = supervise(dir, [program('daemon', { programCommand: command })]);
    const pid = Number((await eventually(() => kit.lines[0])).text);
    cleanups.push(() => void (isRunning(pid) && process.kill(pid, 'SIGKILL')));
    await eventually(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep'));
    await kit.supervisor.stop();
    expect(isRunning(pid)).toBe(false);
  });

  it('leaves PYTHONUNBUFFERED to who sets it', async () => {
    const dir = scripts({ 'env.mjs': 'console.log("<" + process.env.PYTHONUNBUFFERED + ">")' });
    const kit = supervise(dir, [
      program('env', { programCommand: node(dir, 'env.mjs'), programEnvironment: { PYTHONUNBUFFERED: '' } }),
    ]);
    expect((await eventually(() => kit.lines[0])).text).toBe('<>');
  });

  it('names who holds the port, waits, and starts when it is free', async () => {
    const dir = scripts();
    const port = await freePorts(1);
    const holder = await hold(port);
    const hello = program('hello', {
      programCommand: node(dir, 'server.mjs', '{port}'),
      programFirstPort: port,
    });
    const kit = supervise(dir, [hello]);
    const message = await eventually(() => kit.logs.find((l) => l.startsWith('error')));
    expect(message).toContain(`hello cannot start: port ${port} is taken by `);
    if (process.platform === 'linux') expect(message).toContain(`pid ${process.pid} (`);
    expect(kit.status()[0]).toMatchObject({ state: 'BACKOFF', up: false, pid: null });
    // What XML-RPC says, too: it did not exit too quickly.
    expect(kit.status()[0].spawnError).toContain(`port ${port} is taken by `);
    holder.close();
    await eventually(allUp(kit));
  });

  it.each([
    ['no-such-command-anywhere', 'sub', /"no-such-command-anywhere" was not found in PATH/],
    ['./nope.sh', 'sub', /"\.\/nope\.sh" was not found from .*\/sub/],
    ['./plain.txt', '.', /"\.\/plain\.txt" may not be run \(permission denied\): chmod \+x it/],
    ['node', 'missing', /its directory .*\/missing does not exist: create it or correct directory/],
    ['node', 'plain.txt', /its directory .*plain\.txt is not a directory/],
  ])('says why %s in %s cannot start', async (programCommand, programDirectory, expected) => {
    const dir = scripts({ 'plain.txt': 'x' });
    const kit = supervise(dir, [program('a', { programCommand, programDirectory })]);
    await eventually(() => kit.status()[0].state === 'BACKOFF');
    expect(kit.logs.find((l) => l.startsWith('error'))).toMatch(expected);
  });

  it('asks a port no more once the process is stopped', async () => {
    const port = await freePorts(1);
    const kit = supervise(scripts(), [
      program('a', { programCommand: 'sleep 1000', programFirstPort: port }),
    ]);
    await eventually(() => kit.pids()[0] !== null);
    await kit.supervisor.stop();
    let asked = 0;
    (await hold(port)).on('connection', (socket) => {
      asked++;
      socket.destroy();
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(asked).toBe(0);
  });

  it('refuses programs that cannot be expanded', () => {
    expect(() => supervise('/', [program('a', { programCommand: 'x {port}' })])).toThrow(
      /conf:1:1: program "a": \{port\}/,
    );
  });
});

const CLOSING = `
import { createServer } from 'node:net';
const server = createServer((s) => s.end());
const listen = () => server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGUSR2', () => server.close()).on('SIGCONT', listen);
listen();
setInterval(() => {}, 1000);
`;

describe('a process that closes its port and lives on', () => {
  async function closing(own: object) {
    const dir = scripts({ 'closing.mjs': CLOSING });
    const port = await freePorts(1);
    const app = program('app', {
      programCommand: node(dir, 'closing.mjs'),
      programFirstPort: port,
      programStartMs: 0,
      ...own,
    });
    const kit = supervise(dir, [app]);
    await eventually(allUp(kit));
    const [pid] = kit.pids();
    process.kill(pid ?? 0, 'SIGUSR2');
    await eventually(() => kit.peers.at(-1) === `app ${port}-`);
    return { kit, port, pid };
  }

  it('leaves the balancer, and comes back with its port', async () => {
    const { kit, port, pid } = await closing({ programReadyLostMs: null });
    expect(kit.status()[0]).toMatchObject({ state: 'RUNNING', up: false, pid });
    expect(kit.status()[0].problem).toBe(`no longer accepts on port ${port}`);
    process.kill(pid ?? 0, 'SIGCONT');
    await eventually(() => kit.peers.at(-1) === `app ${port}+`);
    expect(kit.status()[0]).toMatchObject({ state: 'RUNNING', up: true, pid, problem: null });
  });

  it('is restarted after ready_lost', async () => {
    const { kit, port, pid } = await closing({ programReadyLostMs: 200 });
    await eventually(() => kit.peers.at(-1) === `app ${port}+`);
    expect(kit.pids()[0]).not.toBe(pid);
    expect(kit.logs.join('\n')).toContain(`app has not accepted on port ${port} for 200 ms: restarting it`);
  });

  it('is not one that only stands still: the system accepts for it', async () => {
    const dir = scripts();
    const app = program('app', {
      programCommand: node(dir, 'server.mjs'),
      programFirstPort: await freePorts(1),
    });
    const kit = supervise(dir, [app]);
    await eventually(allUp(kit));
    const pid = kit.pids()[0] ?? 0;
    process.kill(pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 5000));
    process.kill(pid, 'SIGCONT');
    expect(kit.status()[0]).toMatchObject({ up: true, pid });
    expect(kit.logs.filter((line) => line.startsWith('warn'))).toEqual([]);
  });
});

describe('update', () => {
  async function started(numprocs: number) {
    const dir = scripts();
    const first = await freePorts(numprocs + 2);
    const hello = (own: object): ProgramModel =>
      program('hello', {
        programCommand: node(dir, 'server.mjs', '{port}'),
        programNumprocs: numprocs,
        programFirstPort: first,
        programStartMs: 0,
        ...own,
      });
    const kit = supervise(dir, [hello({})]);
    await eventually(allUp(kit));
    return { kit, hello, first, dir };
  }

  it('keeps unchanged processes, adds and removes', async () => {
    const { kit, hello, first, dir } = await started(2);
    const before = kit.pids();
    await kit.supervisor.update(poolOf(dir, [hello({ programNumprocs: 3, programStopWaitMs: 5000 })]));
    await eventually(allUp(kit));
    expect(kit.pids().slice(0, 2)).toEqual(before);
    expect(kit.peers.at(-1)).toBe(`hello ${first}+ ${first + 1}+ ${first + 2}+`);
    const other = program('other', { programCommand: node(dir, 'server.mjs'), programFirstPort: first + 3 });
    await kit.supervisor.update(poolOf(dir, [hello({ programNumprocs: 1 }), other]));
    await eventually(allUp(kit));
    expect(kit.status().map((s) => s.name)).toEqual(['hello', 'other']);
    expect(before.map((pid) => isRunning(pid ?? 0))).toEqual([false, false]);
    await kit.supervisor.update(poolOf(dir, [other]));
    expect(kit.peers.at(-1)).toBe('hello');
    expect(kit.status().map((s) => s.name)).toEqual(['other']);
  });

  it('replaces changed processes one by one, so that the others always serve', async () => {
    const { kit, hello, dir } = await started(3);
    const before = kit.pids();
    kit.peers.length = 0;
    await kit.supervisor.update(poolOf(dir, [hello({ programEnvironment: { NEW: '1' } })]));
    expect(kit.status().every((s) => s.up)).toBe(true);
    expect(kit.pids().some((pid) => before.includes(pid))).toBe(false);
    expect(kit.peers.length).toBeGreaterThanOrEqual(6);
    expect(kit.peers.filter((p) => p.split('-').length > 2)).toEqual([]);
  });

  it('moves the ports up without a collision', async () => {
    const { kit, hello, first, dir } = await started(3);
    kit.peers.length = 0;
    await kit.supervisor.update(poolOf(dir, [hello({ programFirstPort: first + 1 })]));
    expect(kit.status().map((s) => [s.port, s.up])).toEqual([1, 2, 3].map((i) => [first + i, true]));
    expect(kit.logs.filter((l) => l.startsWith('error'))).toEqual([]);
    expect(kit.peers.filter((p) => p.split('-').length > 2)).toEqual([]);
  });

  it('stops at the first process that does not serve, and takes a correction', async () => {
    const { kit, hello, dir } = await started(3);
    const before = kit.pids();
    await kit.supervisor.update(poolOf(dir, [hello({ programCommand: node(dir, 'missing.mjs') })]));
    expect(kit.pids().slice(1)).toEqual(before.slice(1));
    expect(kit.status().map((s) => s.up)).toEqual([false, true, true]);
    expect(kit.logs.filter((l) => l.includes('the update stops here'))).toEqual([
      expect.stringMatching(
        /hello:hello_01, hello:hello_02 keep running as they were; correct the program and reload/,
      ),
    ]);
    await kit.supervisor.update(poolOf(dir, [hello({})]));
    await eventually(allUp(kit));
    expect(kit.pids().slice(1)).toEqual(before.slice(1));
  });

  it('rejects programs that cannot be expanded and changes nothing', async () => {
    const { kit, hello, dir } = await started(1);
    const before = kit.pids();
    expect(() => poolOf(dir, [hello({ programCommand: '%(nope)s' })])).toThrow(/%\(nope\) is not known/);
    expect(kit.pids()).toEqual(before);
    expect(kit.status()[0].up).toBe(true);
  });

  it('gives way to stop', async () => {
    const { kit, hello, dir } = await started(3);
    const update = kit.supervisor.update(poolOf(dir, [hello({ programEnvironment: { NEW: '1' } })]));
    await kit.supervisor.stop();
    await update;
    expect(kit.status().map((s) => s.state)).toEqual(Array(3).fill('STOPPED'));
  });
});
