// The one-line commands as a user types them: apps on free ports, balanced; a line per request, a summary at the end; nothing left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { MAIN } from '../support/main-file.ts';

const APP = `
import http from 'node:http';
const port = Number(process.argv[2].split('=')[1]);
http.createServer((req, res) => res.end(port === Number(process.env.PORT) ? String(port) : 'wrong')).listen(port, '127.0.0.1');
`;

let dir = '';
let front = 0;
let child: ChildProcess;
let printed = '';
let said = '';

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-one-'));
  writeFileSync(join(dir, 'app.mjs'), APP);
  [front] = await freePorts(1);
  const args = [
    'dev',
    'run',
    '-n',
    '2',
    '--from',
    `127.0.0.1:${front}`,
    '--',
    process.execPath,
    'app.mjs',
    '--port={port}',
  ];
  child = spawn(process.execPath, [MAIN, ...args], {
    cwd: dir,
    env: { ...process.env, XDG_STATE_HOME: join(dir, 'state'), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(() => printed.includes('is ready'));
}, 120_000);

afterAll(() => {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // It has ended.
  }
  rmSync(dir, { recursive: true, force: true });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    if (child.exitCode !== null) throw new Error(`it ended:\n${printed}\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${front}${path}`)).text();

describe('lbproxy dev run -n 2', () => {
  it('starts both on ports of their own, and balances', async () => {
    const answers = [await ask('/1'), await ask('/2'), await ask('/3'), await ask('/4')];
    const ports = [...new Set(answers)].map(Number).sort();
    expect(ports).toHaveLength(2);
    expect(ports[1]).toBe(ports[0] + 1);
  }, 60_000);

  it('shows a line for each request, without colours in a pipe', async () => {
    await ask('/shown?x=1');
    await until(() => printed.includes('/shown'));
    expect(printed).toMatch(/^\d\d:\d\d:\d\d GET {5}\/shown\?x=1 +200 +[\d.]+ ms {2}:\d+$/m);
    expect(printed).not.toContain('\x1b');
  }, 60_000);

  it('ends with a summary, and leaves no configuration behind', async () => {
    const [file] = readdirSync(join(dir, 'state', 'lbproxy', 'start'));
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('close', resolve));
    expect(printed).toMatch(
      /^5 requests: 5 × 200; half in [\d.]+ ms, 95 % in [\d.]+ ms\nslowest:\n(?: +[\d.]+ ms {2}GET \/\w+\n)+$/m,
    );
    expect(existsSync(join(dir, 'state', 'lbproxy', 'start', file))).toBe(false);
    expect(child.exitCode).toBe(0);
  }, 60_000);
});
