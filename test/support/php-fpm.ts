// Debian's PHP-FPM with its own configuration in its own directory, on a Unix socket and on a port.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './nginx.ts';

const BINARIES = '/usr/sbin';
const name = readdirSync(BINARIES).find((file) => /^php-fpm\d/.test(file)) ?? '';

/** '' when it is not installed. */
export const phpFpm = name === '' ? '' : join(BINARIES, name);

if (phpFpm === '') {
  if (process.env.CI)
    throw new Error(`${BINARIES}/php-fpm* is missing: in CI the comparison with nginx must run`);
  console.warn(`\n*** ${BINARIES}/php-fpm* is missing: what needs PHP is SKIPPED ***\n`);
}

export interface PhpFpm {
  /** Where its scripts are. */
  readonly dir: string;
  readonly socket: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts it with these scripts, by name. */
export async function startPhpFpm(scripts: Readonly<Record<string, string>>): Promise<PhpFpm> {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-php-'));
  const socket = join(dir, 'fpm.sock');
  const port = await freePort();
  for (const [file, text] of Object.entries(scripts)) writeFileSync(join(dir, file), text);
  const isRoot = process.getuid?.() === 0;
  const pool = (listen: string): string =>
    `listen = ${listen}\n${isRoot ? 'user = root\ngroup = root\n' : ''}pm = static\npm.max_children = 4\nclear_env = no
php_admin_flag[log_errors] = on\nphp_admin_flag[display_errors] = off\nphp_admin_flag[html_errors] = off\n`;
  const config = join(dir, 'fpm.conf');
  writeFileSync(
    config,
    `[global]\nerror_log = ${dir}/fpm.log\ndaemonize = no\n[unix]\n${pool(socket)}[tcp]\n${pool(`127.0.0.1:${port}`)}`,
  );
  const words = ['-F', '-n', '-y', config, ...(isRoot ? ['-R'] : [])];
  const child = spawn(phpFpm, words, { stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await Promise.all([accepts({ path: socket }, child), accepts({ host: '127.0.0.1', port }, child)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { dir, socket, port, stop };
}

async function accepts(target: NetConnectOpts, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 400 && child.exitCode === null; i++) {
    const works = await new Promise<boolean>((resolve) => {
      const socket = connect(target, () => resolve(true)).on('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (works) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`PHP-FPM does not accept on ${JSON.stringify(target)} (exit ${child.exitCode})`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  // Its children end with it.
  child.kill('SIGTERM');
  await exited;
}
