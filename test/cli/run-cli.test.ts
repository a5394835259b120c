// The command line itself: version, help, what it does not know; and that the flags which start something do what they say.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { runLbproxy } from '../support/cli.ts';
import { MAIN } from '../support/main-file.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('the command line', () => {
  it('bears a reader that has gone', async () => {
    const conf = join(dir, 'gone.conf');
    writeFileSync(conf, 'events {} http { server { listen 127.0.0.1:0; return 204; } }');
    const commands = [['--help'], ['-T', '-c', conf], ['convert', conf], ['explain', '--help']];
    for (const args of [...commands, ['--as-nginx', '-?']]) {
      const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.destroy();
      let errors = '';
      child.stderr.on('data', (chunk) => {
        errors += chunk;
      });
      const [code] = await once(child, 'close');
      expect([args[0], code, errors.includes('EPIPE')]).toEqual([args[0], 0, false]);
    }
  });

  it('-v tells the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(VERSION).toBe(version);
    for (const flag of ['-v', '--version']) {
      const { code, stderr } = await runLbproxy([flag]);
      expect(stderr).toBe(`lbproxy version: lbproxy/${version}\n`);
      expect(code).toBe(0);
    }
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
    for (const flag of [
      '-s, --signal',
      '-e, --error-log',
      '-g, --directives',
      '-v, --version',
      '-V ',
      '-h, --help',
    ])
      expect(stdout).toContain(flag);
    for (const signal of ['TERM', 'INT', 'QUIT', 'HUP', 'USR1']) expect(stdout).toContain(signal);
    expect(code).toBe(0);
  });

  it.each([
    [['--confg', 'x'], "unknown option '--confg'"],
    [['server'], 'there is no command "server", and no file of that name; see lbproxy --help'],
    [['a.json', '-t', '-c', 'b.json'], 'two configurations are named, a.json and b.json: name one'],
    [['a.json', 'b.json'], 'too many arguments'],
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

  it('a file alone is the configuration, with any flag', async () => {
    writeFileSync(join(dir, 'alone.conf'), 'http { server { listen 127.0.0.1:0; return 204; } }\n');
    const { code, stderr } = await runLbproxy(['-t', 'alone.conf'], { cwd: dir });
    expect(stderr).toContain('configuration file alone.conf test is successful');
    expect(code).toBe(0);
    const before = await runLbproxy(['alone.conf', '-t', '-q'], { cwd: dir });
    expect(before).toEqual({ code: 0, stdout: '', stderr: '' });
    const none = await runLbproxy(['none.json'], { cwd: dir });
    expect(none.stderr).toContain('none.json:1:1: cannot read this file: there is no such file');
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
    const lbproxy = spawn(process.execPath, [MAIN, '-c', 'run.conf', '-e', 'own.log'], {
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

describe('-s through symbolic links', () => {
  let place = '';
  let env: Record<string, string> = {};
  beforeEach(() => {
    place = mkdtempSync(join(dir, 'links-'));
    env = { XDG_STATE_HOME: join(place, 'state') };
    mkdirSync(join(place, 'one'));
    writeFileSync(
      join(place, 'one', 'run.conf'),
      'worker_processes 1; http { server { listen 127.0.0.1:0; return 204; } }\n',
    );
    symlinkSync(join(place, 'one', 'run.conf'), join(place, 'a.conf'));
    symlinkSync(join(place, 'one', 'run.conf'), join(place, 'b.conf'));
    symlinkSync('one', join(place, 'current'));
  });

  /** Starts with one name of the file, calls `between`, which tells what it leaves in the state directory, and stops by the other. */
  async function stopBy(
    started: string,
    named: string,
    between: (pid: number) => string[] | Promise<string[]> = () => [],
  ): Promise<void> {
    const lbproxy = spawn(process.execPath, [MAIN, started], {
      cwd: place,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const exit = once(lbproxy, 'exit');
      for await (const chunk of lbproxy.stdout) if (String(chunk).includes('is ready')) break;
      const left = await between(lbproxy.pid as number);
      expect(await runLbproxy(['-s', 'stop', named], { cwd: place, env })).toEqual({
        code: 0,
        stdout: `lbproxy: stopped, pid ${lbproxy.pid}\n`,
        stderr: '',
      });
      expect(await exit).toEqual([0, null]);
      expect(readdirSync(join(place, 'state', 'lbproxy'))).toEqual(left);
    } finally {
      lbproxy.kill('SIGKILL');
    }
  }

  it.each([
    ['one/run.conf', 'a.conf'],
    ['a.conf', 'one/run.conf'],
    ['a.conf', 'b.conf'],
    ['current/run.conf', 'one/run.conf'],
  ])('what was started as %s is found as %s', (started, named) => stopBy(started, named));

  it('by its own name also when the link leads elsewhere meanwhile', async () => {
    await stopBy('current/run.conf', 'current/run.conf', () => {
      cpSync(join(place, 'one'), join(place, 'two'), { recursive: true });
      rmSync(join(place, 'current'));
      symlinkSync('two', join(place, 'current'));
      return [];
    });
  });

  it('has the outcome by each name, and each names what runs to a second start', async () => {
    await stopBy('a.conf', 'a.conf', async (pid) => {
      for (const named of ['a.conf', 'b.conf', 'one/run.conf']) {
        const run = (...args: string[]) => runLbproxy([...args, named], { cwd: place, env });
        const reloaded = { code: 0, stdout: 'lbproxy: reloaded: nothing changed\n', stderr: '' };
        expect(await run('-s', 'reload')).toEqual(reloaded);
        expect(await run('-s', 'reopen')).toEqual({ ...reloaded, stdout: 'lbproxy: logs reopened\n' });
        const second = await run();
        expect(second.stderr).toContain(`lbproxy already runs ${named} as pid ${pid}; `);
        expect(second.code).toBe(1);
      }
      return [];
    });
  });

  it('past the pid file that a crash left under the name', async () => {
    const crashed = spawn(process.execPath, ['-e', '0']);
    await once(crashed, 'exit');
    const name = createHash('sha256').update(join(place, 'a.conf')).digest('hex').slice(0, 12);
    await stopBy('one/run.conf', 'a.conf', () => {
      writeFileSync(join(place, 'state', 'lbproxy', `${name}.pid`), `${crashed.pid}\n`);
      return [`${name}.pid`];
    });
  });
});
