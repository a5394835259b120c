// Real datagrams, to both receivers.
import { execFile, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { receiverFor } from '../../src/supervise/notify-receivers.ts';
import { NotifySocket } from '../../src/supervise/notify-socket.ts';
import { eventually } from './programs.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const SEND =
  'use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); send($s, $ARGV[1], 0, pack_sockaddr_un($ARGV[0])) or die "$!"';
const send = (path: string, text: string) => promisify(execFile)('perl', ['-e', SEND, path, text]);

function tempDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'notify-'));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return path;
}

function pathWith(...commands: string[]): NodeJS.ProcessEnv {
  const dir = join(tempDirectory(), 'bin');
  mkdirSync(dir);
  for (const command of commands) symlinkSync(`/usr/bin/${command}`, join(dir, command));
  return { PATH: dir };
}

function make(env?: NodeJS.ProcessEnv) {
  const parent = tempDirectory();
  const warnings: string[] = [];
  const sockets = new NotifySocket((text) => warnings.push(text), parent, env);
  cleanups.push(() => sockets.close());
  return { sockets, parent, warnings };
}

/** The receiver of a directory, as the system lists it. */
function receiverPid(directory: string): number | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.at(-2) === directory;
      } catch {
        return false;
      }
    });
}

describe.each(['perl', 'python3'])('NotifySocket, received by %s', (command) => {
  it('tells which process is ready, once, whatever else is sent', async () => {
    const { sockets } = make(pathWith(command));
    const calls: string[] = [];
    await sockets.open('web:0', null);
    await sockets.open('web:1', null);
    sockets.onReady('web:0', () => calls.push('0'));
    sockets.onReady('web:1', () => calls.push('1'));
    await send(sockets.pathFor('web:1'), 'STATUS=READY=1');
    await send(sockets.pathFor('web:1'), 'XREADY=1\nREADY=10\nREADY=0');
    await send(sockets.pathFor('web:1'), '\xff\n=\n'.repeat(5000));
    await send(sockets.pathFor('web:0'), 'STATUS=up\nREADY=1\nMAINPID=1');
    await send(sockets.pathFor('web:0'), 'READY=1');
    await eventually(() => calls.length > 0);
    expect(calls).toEqual(['0']);
    await send(sockets.pathFor('web:1'), 'READY=1');
    await eventually(() => calls.length === 2);
    expect(calls).toEqual(['0', '1']);
  });

  it('does not count what an earlier process said', async () => {
    const { sockets } = make(pathWith(command));
    await sockets.open('a', null);
    const path = sockets.pathFor('a');
    await send(path, 'READY=1');
    await sockets.open('a', null);
    expect(sockets.pathFor('a')).toBe(path);
    let ready = 0;
    sockets.onReady('a', () => ready++);
    await send(path, 'WATCHDOG=1');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ready).toBe(0);
    await send(path, 'READY=1');
    await eventually(() => ready === 1);
    // Said before it was asked for.
    sockets.onReady('a', () => ready++);
    await eventually(() => ready === 2);
    await sockets.open('a', null);
    sockets.onReady('a', () => ready++)();
    await send(path, 'READY=1');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ready).toBe(2);
  });

  it('takes hundreds of processes and a flood', { timeout: 20_000 }, async () => {
    const { sockets } = make(pathWith(command));
    const keys = Array.from({ length: 300 }, (_, i) => `p:${i}`);
    await Promise.all(keys.map((key) => sockets.open(key, null)));
    const ready = new Set<string>();
    for (const key of keys) sockets.onReady(key, () => ready.add(key));
    const flood = 'for my $p (@ARGV) { send($s, "READY=1", 0, pack_sockaddr_un($p)) for 1..20 }';
    await promisify(execFile)('perl', [
      '-e',
      `use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); ${flood}`,
      ...keys.map((key) => sockets.pathFor(key)),
    ]);
    await eventually(() => ready.size === 300);
  });

  it('comes back when the receiver dies, and goes when it is closed', async () => {
    const { sockets, parent, warnings } = make(pathWith(command));
    await sockets.open('a', null);
    const path = sockets.pathFor('a');
    let ready = false;
    sockets.onReady('a', () => (ready = true));
    const pid = await eventually(() => receiverPid(dirname(path)));
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGKILL');
    await eventually(() => warnings.length === 1);
    await eventually(
      () => existsSync(path) && !existsSync(`/proc/${pid}`) && receiverPid(dirname(path)) !== undefined,
    );
    // Until the second one has bound it, nobody listens there.
    while (!ready) {
      await send(path, 'READY=1').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(warnings).toEqual([expect.stringMatching(/ended \(SIGKILL\) and is started again/)]);
    sockets.forget('a');
    await eventually(() => !existsSync(path));
    await sockets.close();
    expect(readdirSync(parent)).toEqual([]);
  });

  it('leaves nothing behind when lbproxy is killed', async () => {
    const parent = tempDirectory();
    const room = new URL('../../src/supervise/notify-socket.ts', import.meta.url).href;
    const script = `import { NotifySocket } from '${room}';
      const sockets = new NotifySocket(() => undefined, ${JSON.stringify(parent)}, ${JSON.stringify(pathWith(command))});
      await sockets.open('a', null); console.log('open'); setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(readdirSync(parent).length).toBe(1);
    child.kill('SIGKILL');
    await eventually(() => readdirSync(parent).length === 0);
  });
});

describe('NotifySocket', () => {
  it('is for the user of the process alone', async () => {
    const { sockets } = make();
    const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const other = user.uid === 0 ? { uid: 65_534, gid: 65_534 } : user;
    await sockets.open('a', other);
    const stat = statSync(sockets.pathFor('a'));
    expect([stat.mode & 0o777, stat.uid, stat.gid]).toEqual([0o600, other.uid, other.gid]);
    expect(statSync(dirname(sockets.pathFor('a'))).mode & 0o777).toBe(0o711);
  });

  it('says what is missing', async () => {
    const { sockets } = make(pathWith());
    await expect(sockets.open('a', null)).rejects.toThrow(
      /^ready notify needs perl or python3, .* neither is in PATH: install one/,
    );
    expect(receiverFor({ PATH: '/nowhere' })).toHaveProperty('problem');
    const deep = join(tempDirectory(), 'd'.repeat(100));
    mkdirSync(deep);
    const long = new NotifySocket(() => undefined, deep);
    cleanups.push(() => long.close());
    await expect(long.open('a', null)).rejects.toThrow(/too long .*: set TMPDIR to a shorter directory/);
  });
});
