// What programs print: shown by a terminal and not obeyed, and as it is in files and pipes.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { until } from '../support/http-client.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { MAIN } from '../support/main-file.ts';

/** Everything that comes from the terminal of a command goes to its stdout. */
const ON_TERMINAL = `
import os, pty, signal, sys
pid, master = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
try:
    while True:
        os.write(1, os.read(master, 65536))
except OSError:
    os.waitpid(pid, 0)
`;

const NASTY = '\x1b]0;owned\x07 \x1b[2J\x1b[31mred\x1b[8mhidden \x9b5n \r over';
const CONFIG = `program app { command "node DIR/nasty.cjs"; }`;
const SCRIPT = `for (const to of [process.stdout, process.stderr]) to.write(${JSON.stringify(NASTY)} + '\\n'); setInterval(() => {}, 1e6);`;

it('is shown by a terminal, and not obeyed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-terminal-'));
  writeFileSync(join(dir, 'nasty.cjs'), SCRIPT);
  writeFileSync(join(dir, 'nginx.conf'), `pid ${dir}/pid; ${CONFIG.replaceAll('DIR', dir)}`);
  const child = spawn('python3', ['-c', ON_TERMINAL, process.execPath, MAIN, '-c', join(dir, 'nginx.conf')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, XDG_STATE_HOME: join(dir, 'state'), NO_COLOR: '', TERM: 'xterm' },
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  try {
    const SHOWN = '\\x1b]0;owned\\x07 \\x1b[2J\x1b[31mred\\x1b[8mhidden \\x9b5n \\x0d over\x1b[0m\r\n';
    await until(() => text.split(SHOWN).length > 2, 15_000, 'what both streams say').catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(text)}`);
    });
    expect(text).toMatch(/\[app\]/);
    expect(text.replaceAll(/\x1b\[[\d;]*m/g, '')).not.toMatch(/[\x1b\x07\x80-\x9f]/);
  } finally {
    child.kill('SIGTERM');
    await until(() => child.exitCode !== null, 8000, 'the end').catch(() => child.kill('SIGKILL'));
    rmSync(dir, { recursive: true, force: true });
  }
});

it('is left as it is where there is none', async () => {
  const lbproxy = await startLbproxy(CONFIG, { files: { 'nasty.cjs': SCRIPT } });
  await lbproxy.printed(`[app] ${NASTY}\n`, 10_000, 2);
  expect(lbproxy.stdout()).toContain(`[app] ${NASTY}\n`);
  expect(lbproxy.stderr()).toContain(`[app] ${NASTY}\n`);
});
