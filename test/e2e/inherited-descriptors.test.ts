// What lbproxy's own parent had open is nobody's business: neither a program nor an acceptor gets it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { get, until } from '../support/http-client.ts';
import { childrenOf, commandOf } from '../support/lbproxy-process.ts';
import { MAIN } from '../support/main-file.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Opens a file as the descriptors 5, 15, 17, 40 and 200, and becomes lbproxy. */
const PARENT = `
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
for n in (5, 15, 17, 40, 200): os.dup2(fd, n)
os.execv(sys.argv[2], sys.argv[2:])
`;

const linksOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });

it('reaches neither programs nor acceptors nor the watchdog', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-inherited-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  const [port] = await freePorts(1);
  const [secret, config, said] = ['secret', 'nginx.conf', 'said'].map((name) => join(dir, name));
  writeFileSync(secret, 'secret');
  writeFileSync(
    config,
    `worker_processes 1; pid ${dir}/pid;
     program app { command "sh -c 'readlink /proc/$$/fd/* > ${said}; sleep 1000'"; }
     http { server { listen 127.0.0.1:${port}; return 200 on; } }`,
  );
  const lbproxy = spawn('python3', ['-c', PARENT, secret, process.execPath, MAIN, '-c', config], {
    cwd: dir,
    env: { ...process.env, XDG_STATE_HOME: join(dir, 'state') },
    stdio: 'ignore',
    detached: true,
  });
  const pid = lbproxy.pid as number;
  cleanups.push(() => void process.kill(-pid, 'SIGKILL'));
  await until(async () => (await get(port).catch(() => null))?.status === 200, 15_000, 'service');
  const text = (): string => {
    try {
      return readFileSync(said, 'utf8');
    } catch {
      return '';
    }
  };
  // Its three streams.
  await until(() => text().split('\n').length > 3, 5000, 'what the program has open');
  expect(text()).not.toContain(secret);
  const names = (): string => childrenOf(pid).map(commandOf).join('\n');
  const all = (): boolean =>
    ['acceptor-main', 'watchdog-process', 'sleep'].every((name) => names().includes(name));
  await until(all, 5000, 'all children');
  for (const child of childrenOf(pid)) expect(linksOf(child)).not.toContain(secret);
});
