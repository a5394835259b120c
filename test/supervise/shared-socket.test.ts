// The socket that the processes of an [fcgi-program:x] accept from: real processes, real clients.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SharedSocketPlan } from '../../src/supervise/plan.ts';
import { openSharedSocket, SharedSocket } from '../../src/supervise/shared-socket.ts';
import { PYTHON } from '../support/supervisor.ts';
import { eventually, freePorts } from './programs.ts';

let dir: string;
const children: ChildProcess[] = [];
const closers: (() => void)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-socket-'));
});

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await Promise.all(children.splice(0).map(kill));
  rmSync(dir, { recursive: true, force: true });
});

/** Says its pid to each client that has sent a line. `ready` in its stdout once it accepts. */
const APP = `
import os, socket
kind = socket.AF_UNIX if os.environ['KIND'] == 'unix' else socket.AF_INET
listener = socket.fromfd(0, kind, socket.SOCK_STREAM)
print('ready', flush=True)
while True:
    client, _ = listener.accept()
    client.recv(100)
    client.sendall(b'%d' % os.getpid())
    client.close()
`;

async function app(fd: number, kind: 'tcp' | 'unix'): Promise<ChildProcess> {
  const child = spawn(PYTHON, ['-c', APP], {
    stdio: [fd, 'pipe', 'inherit'],
    env: { ...process.env, KIND: kind },
    detached: true,
  });
  children.push(child);
  let said = '';
  child.stdout?.on('data', (chunk) => {
    said += chunk;
  });
  await eventually(() => said.includes('ready'));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await ended;
}

type Target = { readonly path: string } | { readonly host: string; readonly port: number };

function ask(target: Target): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    let answer = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.once('close', () => resolve(answer));
    socket.write('hello\n');
  });
}

function unix(own: Partial<Extract<SharedSocketPlan['address'], { kind: 'unix' }>> = {}): SharedSocketPlan {
  const path = own.path ?? join(dir, 'app.sock');
  return {
    url: `unix://${path}`,
    address: { kind: 'unix', path, mode: 0o700, uid: null, gid: null, ...own },
    backlog: null,
  };
}

async function tcp(host = '127.0.0.1'): Promise<SharedSocketPlan & { readonly address: { port: number } }> {
  const port = await freePorts(1);
  return { url: `tcp://${host}:${port}`, address: { kind: 'tcp', host, port }, backlog: 64 };
}

async function open(plan: SharedSocketPlan): Promise<number> {
  const socket = await openSharedSocket(plan);
  closers.push(() => socket.close());
  return socket.fd;
}

describe('the socket of a group', () => {
  it.each(['tcp', 'unix'] as const)(
    '%s: is accepted from by all processes, and by no one else',
    async (kind) => {
      const plan = kind === 'tcp' ? await tcp('localhost') : unix();
      const target = targetOf(plan);
      const fd = await open(plan);
      const early = ask(target);
      // Long enough for this process to accept, if it would.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const apps = await Promise.all([app(fd, kind), app(fd, kind), app(fd, kind)]);
      const pids = apps.map((child) => String(child.pid));
      expect(pids).toContain(await early);
      const seen = new Set<string>();
      for (let i = 0; i < 300 && seen.size < 3; i++)
        for (const pid of await Promise.all(Array.from({ length: 6 }, () => ask(target)))) seen.add(pid);
      expect([...seen].sort()).toEqual(pids.sort());
    },
  );

  it.each(['tcp', 'unix'] as const)(
    '%s: keeps clients waiting while all processes start anew',
    async (kind) => {
      const plan = kind === 'tcp' ? await tcp() : unix();
      const target = targetOf(plan);
      const shared = new SharedSocket(plan);
      const shares = [await shared.acquire(), await shared.acquire(), await shared.acquire()];
      closers.push(...shares.map((share) => share.release));
      const apps = await Promise.all(shares.map((share) => app(share.fd, kind)));

      await kill(apps[1]);
      const again = await app(shares[1].fd, kind);
      expect(await ask(target)).not.toBe('');

      await Promise.all([apps[0], again, apps[2]].map(kill));
      const waiting = Array.from({ length: 20 }, () => ask(target));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const fresh = await app(shares[0].fd, kind);
      expect(new Set(await Promise.all(waiting))).toEqual(new Set([String(fresh.pid)]));
    },
  );

  it('is opened by the first share and closed by the last, again and again', async () => {
    const plan = unix();
    const target = targetOf(plan);
    const shared = new SharedSocket(plan);
    expect(existsSync(join(dir, 'app.sock'))).toBe(false);
    const before = openDescriptors();
    for (let i = 0; i < 20; i++) {
      const [first, second] = await Promise.all([shared.acquire(), shared.acquire()]);
      expect(first.fd).toBe(second.fd);
      first.release();
      first.release();
      expect(await connects(target)).toBe('connected');
      second.release();
      await eventually(() => !existsSync(join(dir, 'app.sock')));
      expect(await connects(target)).toBe('ENOENT');
    }
    expect(openDescriptors() - before).toBeLessThan(10);
  });

  it('has its mode before anybody can connect', async () => {
    const fd = await open(unix({ mode: 0o620 }));
    expect(fd).toBeGreaterThan(2);
    expect(lstatSync(join(dir, 'app.sock')).mode & 0o777).toBe(0o620);
  });

  it('has its owner, or says who may give it one', async () => {
    const opening = open(unix({ uid: 12345, gid: 23456 }));
    if (process.getuid?.() === 0) {
      await opening;
      const { uid, gid } = lstatSync(join(dir, 'app.sock'));
      expect([uid, gid]).toEqual([12345, 23456]);
    } else {
      await expect(opening).rejects.toThrow(/only root can give the socket to another user/);
      expect(existsSync(join(dir, 'app.sock'))).toBe(false);
    }
  });

  it('replaces a socket file that was left over', async () => {
    const left = spawn(PYTHON, [
      '-c',
      `import socket; s = socket.socket(socket.AF_UNIX); s.bind('${join(dir, 'app.sock')}')`,
    ]);
    await new Promise((resolve) => left.once('exit', resolve));
    expect(lstatSync(join(dir, 'app.sock')).isSocket()).toBe(true);
    await open(unix());
    expect(await connects(targetOf(unix()))).toBe('connected');
  });

  it('leaves a socket alone that is in use, and names who has it', async () => {
    const plan = unix();
    const other = createServer().listen(join(dir, 'app.sock'));
    await new Promise((resolve) => other.once('listening', resolve));
    closers.push(() => other.close());
    await expect(openSharedSocket(plan)).rejects.toThrow(
      new RegExp(`^cannot listen on unix://.*app.sock: pid ${process.pid} .*listens there already; stop it`),
    );
    expect(await connects(targetOf(plan))).toBe('connected');
  });

  it('says who has a port', async () => {
    const plan = await tcp();
    const other = createServer().listen(plan.address.port, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    closers.push(() => other.close());
    const shared = new SharedSocket(plan);
    await expect(shared.acquire()).rejects.toThrow(
      new RegExp(
        `^cannot listen on tcp://127.0.0.1:${plan.address.port}: pid ${process.pid} .*choose another port$`,
      ),
    );
    await new Promise((resolve) => other.close(resolve));
    const share = await shared.acquire();
    expect(await connects(targetOf(plan))).toBe('connected');
    share.release();
  });

  it('says why there can be no socket', async () => {
    writeFileSync(join(dir, 'app.sock'), 'mine');
    await expect(openSharedSocket(unix())).rejects.toThrow(/no socket that was left over; remove it/);
    expect(readFileSync(join(dir, 'app.sock'), 'utf8')).toBe('mine');
    await expect(openSharedSocket(unix({ path: join(dir, 'none', 'a.sock') }))).rejects.toThrow(
      /there is no directory /,
    );
    await expect(openSharedSocket(unix({ path: join(dir, 'x'.repeat(120)) }))).rejects.toThrow(
      /too long for a socket/,
    );
    await expect(openSharedSocket({ ...(await tcp('no-such-host.invalid')) })).rejects.toThrow(
      /does not resolve/,
    );
    await expect(openSharedSocket(await tcp('192.0.2.1'))).rejects.toThrow(/no such address/);
  });
});

function targetOf({ address }: SharedSocketPlan): Target {
  return address.kind === 'unix' ? { path: address.path } : { host: '127.0.0.1', port: address.port };
}

function connects(target: Target): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(target);
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
  });
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
