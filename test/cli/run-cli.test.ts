// The command line itself: version, help, what it does not know; and that the flags which start something do what they say.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { runLbproxy } from '../support/cli.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('the command line', () => {
  it('-v tells the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(VERSION).toBe(version);
    const { code, stderr } = await runLbproxy(['-v']);
    expect(stderr).toBe(`lbproxy version: lbproxy/${version}\n`);
    expect(code).toBe(0);
  });

  it('-V tells what it runs on as well', async () => {
    const { code, stderr } = await runLbproxy(['-V']);
    expect(stderr).toContain(`lbproxy version: lbproxy/${VERSION}\n`);
    expect(stderr).toContain(`Node.js ${process.versions.node}\n`);
    expect(stderr).toContain(`OpenSSL ${process.versions.openssl}\n`);
    expect(code).toBe(0);
  });

  it('-h names every flag and every signal', async () => {
    const { code, stdout } = await runLbproxy(['-h']);
    for (const flag of ['-c, --config', '-p, --prefix', '-t, --test', '-T, --dump', '-q, --quiet'])
      expect(stdout).toContain(flag);
    for (const flag of ['-s, --signal', '-e, --error-log', '-g, --directives', '-v ', '-V ', '-h, --help'])
      expect(stdout).toContain(flag);
    for (const signal of ['TERM', 'INT', 'QUIT', 'HUP', 'USR1']) expect(stdout).toContain(signal);
    expect(code).toBe(0);
  });

  it.each([
    [['--confg', 'x'], "unknown option '--confg'"],
    [['serve'], 'serve'],
    [['-s', 'restart'], 'stop, quit, reload, reopen'],
    [['-t', '-c'], 'argument missing'],
  ])('%j is refused', async (args, text) => {
    const { code, stdout, stderr } = await runLbproxy(args);
    expect(stderr).toContain(text);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('a start without its configuration names the file', async () => {
    const { code, stderr } = await runLbproxy(['-c', 'none.json'], { cwd: dir });
    expect(stderr).toContain('none.json:1:1: cannot read this file: there is no such file');
    expect(stderr).toContain('nothing was started');
    expect(code).toBe(1);
  });

  it('-s without a running lbproxy says where its pid file would be', async () => {
    writeFileSync(join(dir, 'idle.conf'), 'pid idle.pid; http { server { listen 127.0.0.1:8080; } }\n');
    const { code, stderr } = await runLbproxy(['-s', 'reload', '-c', 'idle.conf'], { cwd: dir });
    expect(stderr).toContain(`no lbproxy runs with idle.conf: there is no pid file ${join(dir, 'idle.pid')}`);
    expect(code).toBe(1);
  });

  it('-e takes the log over, the pid file holds the process id, -s stop ends it', async () => {
    writeFileSync(
      join(dir, 'run.conf'),
      'worker_processes 1; pid run.pid; error_log other.log; http { server { listen 127.0.0.1:0; return 204; } }\n',
    );
    const lbproxy = spawn(process.execPath, [join(ROOT, 'src/main.ts'), '-c', 'run.conf', '-e', 'own.log'], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const exit = once(lbproxy, 'exit');
      let said = '';
      for await (const chunk of lbproxy.stdout) {
        said += chunk;
        if (said.includes('is ready')) break;
      }
      expect(said).toContain(`lbproxy ${VERSION} is ready: 1 acceptor, pid ${lbproxy.pid}`);
      expect(readFileSync(join(dir, 'run.pid'), 'utf8').trim()).toBe(String(lbproxy.pid));
      expect(await runLbproxy(['-s', 'stop', '-c', 'run.conf'], { cwd: dir })).toMatchObject({ code: 0 });
      expect(await exit).toEqual([0, null]);
      expect(readFileSync(join(dir, 'own.log'), 'utf8')).toContain('acceptor');
      expect(existsSync(join(dir, 'other.log'))).toBe(false);
      expect(existsSync(join(dir, 'run.pid'))).toBe(false);
    } finally {
      lbproxy.kill('SIGKILL');
    }
  });
});
