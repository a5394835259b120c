// Closing the terminal ends lbproxy gracefully; every other SIGHUP reads the configuration again.
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Terminal } from '../../src/cli/terminal.ts';
import { freePorts } from '../support/free-ports.ts';
import { get, until } from '../support/http-client.ts';
import { isAlive } from '../support/lbproxy-process.ts';
import { MAIN } from '../support/main-file.ts';
import { startPeers } from '../support/peer-process.ts';

describe('a SIGHUP', () => {
  const make = (used: boolean, at = { present: true, now: 0 }) => {
    const clock = { now: () => at.now };
    return { at, terminal: new Terminal({ present: () => at.present, used, clock }) };
  };

  it('reloads while the terminal is there, and where there never was one', () => {
    expect(make(true).terminal.meaning()).toBe('reload');
    expect(make(true, { present: false, now: 0 }).terminal.meaning()).toBe('reload');
  });

  it.each([
    [true, 'end'],
    [false, 'stay'],
  ])('is the closing when the terminal has just gone, in use: %s', (used, meaning) => {
    const { at, terminal } = make(used);
    at.present = false;
    expect(terminal.meaning()).toBe(meaning);
    at.now = 4000;
    expect(terminal.meaning()).toBe(meaning);
    at.now = 6000;
    expect(terminal.meaning()).toBe('reload');
  });

  it('reloads when the terminal went long ago without one: somebody sent it', () => {
    const { at, terminal } = make(true);
    at.present = false;
    terminal.look();
    at.now = 6000;
    expect(terminal.meaning()).toBe('reload');
  });
});

/** A terminal around a command: prints its pid, closes when stdin ends, then prints how the command ended. */
const TERMINAL = `
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    if sys.argv[1] != '-':
        null, out = os.open('/dev/null', os.O_RDONLY), os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
        # Somebody else, in life the shell, keeps the terminal open.
        os.set_inheritable(os.dup(0), True)
        os.dup2(null, 0); os.dup2(out, 1); os.dup2(out, 2)
    os.execv(sys.argv[2], sys.argv[2:])
print(pid, flush=True)
while True:
    ready, _, _ = select.select([fd, 0], [], [])
    if 0 in ready: break
    sys.stderr.write(os.read(fd, 65536).decode()); sys.stderr.flush()
os.close(fd)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
`;

describe.runIf(spawnSync('python3', ['--version']).status === 0)('on a terminal', () => {
  let dir = '';
  let child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  let lbproxyPid = Number.NaN;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lbproxy-terminal-'));
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    if (isAlive(lbproxyPid)) process.kill(lbproxyPid, 'SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });

  async function start(output: string) {
    const [peer] = await startPeers(1);
    const [port] = await freePorts(1);
    writeFileSync(
      join(dir, 'nginx.conf'),
      `worker_processes 1; error_log error.log; pid lbproxy.pid;
       http { server { listen 127.0.0.1:${port}; location / { proxy_pass http://${peer.address}; } } }`,
    );
    const started = spawn('python3', ['-c', TERMINAL, output, process.execPath, MAIN, '-c', 'nginx.conf'], {
      cwd: dir,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let said = '';
    child = started;
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      lbproxyPid = Number(said.split('\n')[0]);
    });
    const ended = once(started, 'close').then(() => Number(said.split('\n')[1]));
    await until(
      () =>
        get(port).then(
          ({ status }) => status === 200,
          () => false,
        ),
      15_000,
      'the first answer',
    );
    const log = (): string => readFileSync(join(dir, 'error.log'), 'utf8');
    return { port, log, pid: lbproxyPid, closeTerminal: () => started.stdin.end(), ended };
  }

  it('lbproxy ends gracefully when it is closed, and reloads on every other SIGHUP', async () => {
    const { port, log, pid, closeTerminal, ended } = await start('-');
    process.kill(pid, 'SIGHUP');
    await until(() => log().includes('reloaded'), 5000, 'the reload');
    const bytes = 30_000_000;
    const slow = request({ port, path: `/stream?bytes=${bytes}`, agent: false }).end();
    const [answer] = (await once(slow, 'response')) as [IncomingMessage];
    answer.pause();
    closeTerminal();
    await until(() => log().includes('the terminal was closed'), 5000, 'the note');
    let received = 0;
    for await (const piece of answer as AsyncIterable<Buffer>) received += piece.length;
    expect([answer.statusCode, received]).toEqual([200, bytes]);
    expect(await ended).toBe(0);
    expect(log()).toContain(
      'the terminal was closed: lbproxy ends; to have it go on, start it with nohup or setsid',
    );
    expect(log().match(/reloaded/g)).toHaveLength(1);
  });

  it('lbproxy goes on when it was started to', async () => {
    const { port, log, pid, closeTerminal, ended } = await start(join(dir, 'out'));
    closeTerminal();
    await until(() => log().includes('the terminal was closed: lbproxy goes on'), 5000, 'the note');
    expect(isAlive(pid)).toBe(true);
    expect((await get(port)).status).toBe(200);
    expect(log()).not.toContain('reloaded');
    process.kill(pid, 'SIGTERM');
    expect(await ended).toBe(0);
  });
});
