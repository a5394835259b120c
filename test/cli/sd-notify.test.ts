// Against a real Unix datagram socket, which perl (essential in Debian) binds: paths and abstract names, each sender, the watchdog.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  openServiceNotifier,
  ServiceNotifier,
  sdNotify,
  withoutServiceVariables,
} from '../../src/cli/sd-notify.ts';

const LISTENER = `use Socket; $| = 1; my $name = $ARGV[0]; $name =~ s/^@/\\0/;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, pack_sockaddr_un($name)) or die "$!";
print "bound\\n"; while (defined recv($s, my $d, 65536, 0)) { $d =~ s/\\n/|/g; print "$d\\n" if $d !~ /^BARRIER/ }`;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function tempDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sd-'));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return path;
}

async function eventually(what: () => boolean): Promise<void> {
  const deadline = performance.now() + 8000;
  while (!what()) {
    if (performance.now() > deadline) throw new Error(`did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function listen(name = join(tempDirectory(), 'notify')) {
  const child = spawn('perl', ['-e', LISTENER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  await eventually(() => text.startsWith('bound\n'));
  const messages = (): string[] => text.split('\n').slice(1, -1);
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, NOTIFY_SOCKET: name };
  return { messages, env, stop: () => void child.kill('SIGKILL') };
}

/** A directory that holds only these commands. */
function pathWith(...commands: string[]): string {
  const dir = join(tempDirectory(), 'bin');
  mkdirSync(dir);
  for (const command of commands) symlinkSync(`/usr/bin/${command}`, join(dir, command));
  return dir;
}

describe('sdNotify', () => {
  it('does nothing without NOTIFY_SOCKET', async () => {
    await sdNotify('READY=1', { PATH: '/nowhere' });
    await sdNotify('READY=1', { PATH: '/nowhere', NOTIFY_SOCKET: '' });
  });

  it('sends to a path and to an abstract name', async () => {
    const byPath = await listen();
    await sdNotify('READY=1\nSTATUS=all is well', byPath.env);
    await eventually(() => byPath.messages().includes('READY=1|STATUS=all is well'));
    const abstract = await listen(`@lbproxy-test-${process.pid}-${performance.now()}`);
    await sdNotify('STOPPING=1', abstract.env);
    await eventually(() => abstract.messages().includes('STOPPING=1'));
  });

  it.each(['perl', 'python3'])('sends by %s where there is no systemd-notify', async (command) => {
    const byPath = await listen();
    await sdNotify('READY=1\nSTATUS=grün', { ...byPath.env, PATH: pathWith(command) });
    await eventually(() => byPath.messages().includes('READY=1|STATUS=grün'));
    const abstract = await listen(`@lbproxy-test-${command}-${process.pid}-${performance.now()}`);
    await sdNotify('WATCHDOG=1', { ...abstract.env, PATH: pathWith(command) });
    await eventually(() => abstract.messages().includes('WATCHDOG=1'));
  });

  it('says what is missing, what is wrong and who does not answer', async () => {
    const { env, stop } = await listen();
    await expect(sdNotify('READY=1', { ...env, PATH: pathWith() })).rejects.toThrow(
      /none of systemd-notify, perl and python3 is in PATH; install one/,
    );
    await expect(sdNotify('READY=1', { ...env, NOTIFY_SOCKET: 'relative' })).rejects.toThrow(
      'NOTIFY_SOCKET is "relative", neither a path',
    );
    stop();
    await expect(sdNotify('READY=1', { ...env, PATH: pathWith('perl') })).rejects.toThrow(
      /perl could not tell the service manager .*: (Connection refused|No such file)/,
    );
  });
});

describe('ServiceNotifier', () => {
  it('tells what happens in order', async () => {
    const { env, messages } = await listen();
    const notifier = new ServiceNotifier(env, () => expect.unreachable());
    void notifier.ready('4 acceptors\nand more');
    void notifier.reloading();
    void notifier.ready('4 acceptors');
    void notifier.stopping();
    await notifier.close();
    await eventually(() => messages().length === 4);
    expect(messages()).toEqual([
      `READY=1|STATUS=4 acceptors and more|MAINPID=${process.pid}`,
      expect.stringMatching(/^RELOADING=1\|MONOTONIC_USEC=\d+$/),
      `READY=1|STATUS=4 acceptors|MAINPID=${process.pid}`,
      'STOPPING=1',
    ]);
  });

  it('pings at half the limit, only when the watchdog is of this process', async () => {
    const { env, messages } = await listen();
    const watchdog = { ...env, WATCHDOG_USEC: '200000', WATCHDOG_PID: String(process.pid) };
    const notifier = new ServiceNotifier(watchdog, () => expect.unreachable());
    cleanups.push(() => void notifier.close());
    await eventually(() => messages().length >= 3);
    expect(new Set(messages())).toEqual(new Set(['WATCHDOG=1']));
    await notifier.close();
    // Behind the last of its own.
    await sdNotify('STATUS=closed', env);
    await eventually(() => messages().includes('STATUS=closed'));
    const { length } = messages();
    const others = [{ WATCHDOG_PID: '1' }, { WATCHDOG_USEC: '0' }, { WATCHDOG_USEC: 'x' }].map(
      (own) => new ServiceNotifier({ ...watchdog, ...own }, () => expect.unreachable()),
    );
    cleanups.push(() => void others.map((one) => one.close()));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(messages().length).toBe(length);
  });

  it('warns once as long as nobody listens, and never rejects', async () => {
    const { env, stop } = await listen();
    stop();
    const warnings: string[] = [];
    const notifier = new ServiceNotifier({ ...env, PATH: pathWith('perl') }, (text) => warnings.push(text));
    await notifier.ready('a');
    await notifier.stopping();
    expect(warnings.length).toBe(1);
  });
});

describe('the variables of the service manager', () => {
  it('are taken from the environment that children get', () => {
    Object.assign(process.env, { NOTIFY_SOCKET: '/nobody', WATCHDOG_USEC: '9000000', WATCHDOG_PID: '1' });
    expect(withoutServiceVariables(process.env)).toEqual(
      Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NOTIFY|WATCHDOG)_/.test(name))),
    );
    const notifier = openServiceNotifier(() => expect.unreachable());
    expect(notifier).toBeInstanceOf(ServiceNotifier);
    expect(Object.keys(process.env).filter((name) => /^(NOTIFY|WATCHDOG)_/.test(name))).toEqual([]);
    expect(openServiceNotifier(() => expect.unreachable())).toBeNull();
  });
});
