// What signals and -s mean to the whole process: fast and graceful stop, reopened logs, the pid file, exit codes.

import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get, pause, startCrowd, until } from '../support/http-client.ts';
import {
  childrenOf,
  isAlive,
  type LbproxyProcess,
  spawnLbproxy,
  startLbproxy,
} from '../support/lbproxy-process.ts';
import { type PeerProcess, startPeers } from '../support/peer-process.ts';
import { rawClient } from '../support/raw-client.ts';

const config = (address: string, main = ''): string =>
  `worker_processes 2; pid DIR/lbproxy.pid; ${main}
   http { log_format line '$request $status $body_bytes_sent'; access_log DIR/access.log line;
     server { listen 127.0.0.1:PORT1; location / { proxy_pass http://${address}; } } }`;

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];

/**
 * A request that has arrived at its peer and takes so long that nobody waits for its end who should not, on a busy machine either; and a
 * connection without one.
 */
async function busyAndIdle(lbproxy: LbproxyProcess, peer: PeerProcess, busyMs = 30_000) {
  const busy = rawClient(lbproxy.port);
  busy.write(`GET /slow?ms=${busyMs} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const idle = rawClient(lbproxy.port);
  idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await idle.until((text) => /\r\n\r\n\d+\n$/.test(text));
  await peer.holds(1);
  return { busy, idle };
}

const refused = (port: number): Promise<boolean> =>
  get(port, '/', { timeoutMs: 500 }).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );

describe('SIGTERM and SIGINT', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} stops at once, also with requests under way`, async () => {
      const [peer] = await startPeers(1);
      const lbproxy = await startLbproxy(config(peer.address));
      const { busy } = await busyAndIdle(lbproxy, peer);
      const children = childrenOf(lbproxy.pid);
      const startedAt = performance.now();
      lbproxy.signal(signal);
      expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      expect(await busy.closed()).toBe('');
      expect(children.filter(isAlive)).toEqual([]);
      expect(existsSync(join(lbproxy.dir, 'lbproxy.pid'))).toBe(false);
      expect(linesOf(join(lbproxy.dir, 'access.log'))).toContain('GET / HTTP/1.1 200 6');
    });
  }

  it('end a start that is not ready yet', async () => {
    for (const ms of [150, 300, 450, 600]) {
      const lbproxy = await spawnLbproxy(config('127.0.0.1:1'));
      await pause(ms);
      const children = childrenOf(lbproxy.pid);
      lbproxy.signal('SIGTERM');
      const exit = await lbproxy.exited;
      // Until Node has run our first line the signal is the system's to handle.
      expect([0, null]).toContain(exit.code);
      expect(lbproxy.stderr()).not.toContain('Warning');
      await until(() => children.filter(isAlive).length === 0, 10_000, 'the end of the children');
    }
  });
});

describe('SIGQUIT', () => {
  it('lets requests end, closes idle connections, refuses new ones', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const { busy, idle } = await busyAndIdle(lbproxy, peer, 2000);
    lbproxy.signal('SIGQUIT');
    await idle.closed(10_000);
    await until(() => refused(lbproxy.port), 10_000, 'new connections refused');
    expect(await busy.closed()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n\d+\n$/s);
    expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
    expect(linesOf(join(lbproxy.dir, 'access.log'))).toContain('GET /slow?ms=2000 HTTP/1.1 200 6');
    expect(existsSync(join(lbproxy.dir, 'lbproxy.pid'))).toBe(false);
  });

  it('answers all requests that it had, and tells their clients that the connection ends', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const agent = new Agent({ keepAlive: true });
    const requests = Array.from({ length: 60 }, () => get(lbproxy.port, '/held', { agent }));
    await peer.holds(60);
    lbproxy.signal('SIGQUIT');
    // All acceptors have heard of it: none of them listens.
    await until(() => refused(lbproxy.port), 10_000, 'new connections refused');
    await get(peer.port, '/release');
    for (const { status, headers } of await Promise.all(requests)) {
      expect([status, headers.connection]).toEqual([200, 'close']);
    }
    agent.destroy();
    expect((await lbproxy.exited).code).toBe(0);
    const held = linesOf(join(lbproxy.dir, 'access.log')).filter((line) => line.includes('/held'));
    expect(held).toHaveLength(60);
  });

  it('waits no longer than worker_shutdown_timeout', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address, 'worker_shutdown_timeout 700ms;'));
    const { busy } = await busyAndIdle(lbproxy, peer);
    const startedAt = performance.now();
    lbproxy.signal('SIGQUIT');
    expect((await lbproxy.exited).code).toBe(0);
    expect(performance.now() - startedAt).toBeGreaterThan(600);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(await busy.closed()).toBe('');
  });

  it('followed by SIGTERM stops at once', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    await busyAndIdle(lbproxy, peer);
    lbproxy.signal('SIGQUIT');
    await pause(100);
    lbproxy.signal('SIGQUIT');
    await pause(100);
    expect(existsSync(join(lbproxy.dir, 'lbproxy.pid'))).toBe(true);
    const startedAt = performance.now();
    lbproxy.signal('SIGTERM');
    expect((await lbproxy.exited).code).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(existsSync(join(lbproxy.dir, 'lbproxy.pid'))).toBe(false);
  });
});

describe('SIGUSR1', () => {
  it('reopens the logs of all acceptors, and no line is lost', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const log = join(lbproxy.dir, 'access.log');
    const crowd = startCrowd(lbproxy.port, { clients: 10, keepAlive: false });
    for (let i = 1; i <= 3; i++) {
      await until(() => linesOf(log).length > 0, 10_000, 'lines');
      await pause(300);
      renameSync(log, `${log}.${i}`);
      lbproxy.signal('SIGUSR1');
      await lbproxy.printed('logs reopened', 10_000, i);
    }
    await until(() => linesOf(log).length > 0, 10_000, 'lines in the last file');
    const { requests, failures } = await crowd.stop();
    expect(failures).toEqual([]);
    lbproxy.signal('SIGQUIT');
    await lbproxy.exited;
    const files = [log, ...[1, 2, 3].map((i) => `${log}.${i}`)].map(linesOf);
    for (const lines of files) expect(lines.length).toBeGreaterThan(0);
    const lines = files.flat();
    expect(lines.filter((line) => line !== 'GET / HTTP/1.1 200 6')).toEqual([]);
    expect(lines).toHaveLength(requests);
  });
});

describe('logs of programs', () => {
  it.each(['SIGUSR1', 'SIGUSR2'] as const)(
    '%s opens them anew, as a logrotate of supervisord has it',
    async (signal) => {
      const command = `node -e "setInterval(() => console.log(process.uptime()), 20)"`;
      const lbproxy = await startLbproxy(
        `pid DIR/lbproxy.pid; program talks { command '${command}'; stdout_logfile DIR/talks.log; }`,
      );
      const log = join(lbproxy.dir, 'talks.log');
      await until(() => linesOf(log).length > 0, 10_000, 'lines');
      renameSync(log, `${log}.moved`);
      lbproxy.signal(signal);
      await until(() => linesOf(log).length > 1, 10_000, 'lines in the new file');
      const moved = linesOf(`${log}.moved`).length;
      await pause(200);
      expect(linesOf(`${log}.moved`)).toHaveLength(moved);
      expect(lbproxy.hasExited).toBe(false);
    },
  );
});

describe('-s', () => {
  it('finds the running lbproxy by its configuration, waits, and prints what came of it', async () => {
    const [peer] = await startPeers(1);
    // The pid file has its name from the configuration's path, in the state directory.
    const text = config(peer.address).replace('pid DIR/lbproxy.pid;', '');
    const lbproxy = await startLbproxy(text);
    const answer = { code: 0, text: 'lbproxy: reloaded: nothing changed\n' };
    expect(await lbproxy.command('-s', 'reload')).toEqual(answer);
    await lbproxy.printed('"reloaded: nothing changed"');
    lbproxy.write(text.replace('location /', 'location /x { return 204; } location /'));
    expect((await lbproxy.command('-s', 'reload')).text).toBe('lbproxy: reloaded: servers: 1 changed\n');
    expect((await get(lbproxy.port, '/x')).status).toBe(204);
    const reopened = await lbproxy.command('-s', 'reopen');
    expect(reopened).toEqual({ code: 0, text: 'lbproxy: logs reopened\n' });
    const agent = new Agent({ keepAlive: true });
    const slow = get(lbproxy.port, '/slow?ms=4000', { agent });
    await peer.holds(1);
    const quit = await lbproxy.command('-s', 'quit');
    expect(quit.code).toBe(0);
    expect(quit.text).toMatch(
      /^(?:lbproxy: quit waits for 1 exchange, at most \d+ s\n)+lbproxy: stopped, pid \d+\n$/,
    );
    expect(isAlive(lbproxy.pid)).toBe(false);
    expect((await slow).status).toBe(200);
    agent.destroy();
    expect((await lbproxy.exited).code).toBe(0);
    const gone = await lbproxy.command('-s', 'stop');
    expect(gone.code).toBe(1);
    expect(gone.text).toContain('no lbproxy runs with');
  });

  it('stop stops; a pid file that a crash left is told', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const pidFile = join(lbproxy.dir, 'lbproxy.pid');
    expect(readFileSync(pidFile, 'utf8')).toBe(`${lbproxy.pid}\n`);
    const stop = await lbproxy.command('-s', 'stop');
    expect(stop).toEqual({ code: 0, text: `lbproxy: stopped, pid ${lbproxy.pid}\n` });
    expect(isAlive(lbproxy.pid)).toBe(false);
    expect((await lbproxy.exited).code).toBe(0);
    expect(readdirSync(lbproxy.dir).filter((name) => name.startsWith('lbproxy.pid'))).toEqual([]);
    const crashed = await startLbproxy(config(peer.address));
    crashed.signal('SIGKILL');
    await crashed.exited;
    const answer = await crashed.command('-s', 'stop');
    expect(answer.code).toBe(1);
    expect(answer.text).toMatch(new RegExp(`cannot signal process ${crashed.pid} of .*lbproxy\\.pid`));
  });

  it('reload tells each of several askers of a reading that began after it asked', async () => {
    const lbproxy = await startLbproxy(config('127.0.0.1:1'));
    const answers = await Promise.all([1, 2, 3].map(() => lbproxy.command('-s', 'reload')));
    for (const answer of answers)
      expect(answer).toEqual({ code: 0, text: 'lbproxy: reloaded: nothing changed\n' });
  });

  it('says so when lbproxy ends instead of answering', async () => {
    const lbproxy = await startLbproxy(config('127.0.0.1:1'));
    lbproxy.signal('SIGSTOP');
    const answer = lbproxy.command('-s', 'reload');
    await signalled(lbproxy.pid, 1);
    lbproxy.signal('SIGKILL');
    expect(await answer).toEqual({
      code: 1,
      text: `lbproxy: process ${lbproxy.pid} ended before the reload was done\n`,
    });
  });

  it('reopen names a log that does not open', async () => {
    const lbproxy = await startLbproxy(config('127.0.0.1:1', 'error_log DIR/logs/error.log;'), {
      dirs: ['logs'],
    });
    rmSync(join(lbproxy.dir, 'logs'), { recursive: true });
    const answer = await lbproxy.command('-s', 'reopen');
    expect(answer.code).toBe(1);
    expect(answer.text).toMatch(/cannot open log file .*logs.error\.log.*does not exist/);
  });
});

/** Resolves when a stopped process has the signal of this number waiting: proc(5). */
async function signalled(pid: number, signal: number): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    const pending = /^ShdPnd:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    if ((BigInt(`0x${pending ?? 0}`) >> BigInt(signal - 1)) % 2n === 1n) return;
    await pause(20);
  }
  throw new Error('the process was not signalled');
}

describe('a graceful stop', () => {
  it('says what it waits for, again and again', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address, 'worker_shutdown_timeout 6s;'));
    const client = rawClient(lbproxy.port);
    client.write('GET /slow?ms=20000 HTTP/1.1\r\nHost: a\r\n\r\n');
    await peer.holds(1);
    lbproxy.signal('SIGQUIT');
    await lbproxy.exited;
    const said = [...lbproxy.stderr().matchAll(/quit waits for 1 exchange, at most (\d+) s/g)].map(([, s]) =>
      Number(s),
    );
    expect(said.length).toBeGreaterThanOrEqual(2);
    // The first is said 300 ms after the signal, or somewhat later on a busy machine; the next one 3 s after it.
    expect([6, 5]).toContain(said[0]);
    expect(said[1]).toBeLessThan(said[0]);
  });
});

describe('what lbproxy prints to', () => {
  it('may go away without ending the service', async () => {
    const program = 'let n = 0; setInterval(() => console.log(n++), 20); console.error(1)';
    const lbproxy = await startLbproxy(`worker_processes 1; program noisy { command node -e '${program}'; }
      http { server { listen 127.0.0.1:PORT1; location / { return 200 on; } } }`);
    lbproxy.child.stdout?.destroy();
    lbproxy.child.stderr?.destroy();
    await pause(500);
    expect(lbproxy.hasExited).toBe(false);
    expect((await get(lbproxy.port)).body).toBe('on');
    expect(await lbproxy.acceptors(1)).toHaveLength(1);
  });

  it('is told when it cannot be opened', async () => {
    const lbproxy = await spawnLbproxy(config('127.0.0.1:1', 'error_log DIR/none/error.log;'));
    expect((await lbproxy.exited).code).toBe(1);
    expect(lbproxy.stderr()).toMatch(
      /nginx\.conf:1:\d+: error_log .*none.error\.log cannot be opened: the directory .* does not exist/,
    );
    expect(lbproxy.stderr()).not.toMatch(/\bat .*\.ts:/);
  });
});

describe('a second start', () => {
  it('of the same file says who runs it, and leaves that alone', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const second = await lbproxy.command();
    expect(second.code).toBe(1);
    expect(second.text).toContain(
      `lbproxy: lbproxy already runs ${lbproxy.configFile} as pid ${lbproxy.pid}; to have it read again: lbproxy -s reload`,
    );
    expect(readFileSync(join(lbproxy.dir, 'lbproxy.pid'), 'utf8')).toBe(`${lbproxy.pid}\n`);
    expect((await get(lbproxy.port)).status).toBe(200);
    expect(lbproxy.acceptorPids()).toHaveLength(2);
  });

  it('on taken ports names all of them, and who has them', async () => {
    const lbproxy = await startLbproxy(
      'worker_processes 1; http { server { listen 127.0.0.1:PORT1; listen unix:DIR/own.sock; return 204; } }',
    );
    const second = await spawnLbproxy(
      `http { server { listen 127.0.0.1:PORT1; } server { listen unix:${lbproxy.dir}/own.sock; } }`,
      { ports: lbproxy.ports },
    );
    expect((await second.exited).code).toBe(1);
    const who = String.raw`pid ${lbproxy.pid} \(.*main\.[jt]s.*\) listens there already`;
    expect(second.stderr()).toMatch(
      new RegExp(
        `nginx\\.conf:1:24: cannot listen on 127\\.0\\.0\\.1:${lbproxy.port}: ${who}; stop it or choose another port`,
      ),
    );
    expect(second.stderr()).toMatch(
      new RegExp(`nginx\\.conf:1:\\d+: cannot listen on unix:.*own\\.sock: ${who}`),
    );
  });

  it('goes ahead where a crash left the pid file, also of a process that is another now', async () => {
    const lbproxy = await startLbproxy(config('127.0.0.1:1'));
    const pidFile = join(lbproxy.dir, 'lbproxy.pid');
    await lbproxy.stop();
    for (const left of ['99999999', String(process.pid), 'x']) {
      const next = await spawnLbproxy(config('127.0.0.1:1'), { files: { 'lbproxy.pid': left } });
      await next.printed('is ready');
      expect(readFileSync(join(next.dir, 'lbproxy.pid'), 'utf8')).toBe(`${next.pid}\n`);
      await next.stop();
    }
    expect(existsSync(pidFile)).toBe(false);
  });

  it('says what is wrong with the configuration and exits with 1', async () => {
    const lbproxy = await spawnLbproxy('http { server { listen 127.0.0.1:PORT1; locaton / { } } }');
    expect((await lbproxy.exited).code).toBe(1);
    expect(lbproxy.stderr()).toMatch(/nginx\.conf:1:\d+: .*"locaton".*location/s);
  });
});
