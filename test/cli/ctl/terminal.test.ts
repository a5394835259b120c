// The shell on a terminal, as somebody uses it: completion, history, questions, Ctrl-C and Ctrl-D. And what follows a log.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../support/free-ports.ts';
import { processView, type StandIn, startStandIn } from './pool-stand-in.ts';
import { ctl } from './run-ctl.ts';
import { hasSupervisor, type Supervisord, startSupervisord } from './supervisord.ts';

const PROGRAM = fileURLToPath(new URL('ctl-program.ts', import.meta.url));
const PTY = fileURLToPath(new URL('on_a_terminal.py', import.meta.url));

/** [what is waited for, what is typed then]; all that was printed, without the terminal's escapes, and the exit status at its end. */
type Step = readonly [wait: string, keys: string];

function onTerminal(args: readonly string[], steps: readonly Step[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const command = [PTY, JSON.stringify(steps), process.execPath, PROGRAM, ...args];
    execFile('/usr/bin/python3', command, { timeout: 28_000 }, (error, stdout) => {
      if (error !== null) reject(error);
      else resolve(stdout.replace(/\x1b\[[\d;?]*[A-Za-z]/g, '').replaceAll('\r', ''));
    });
  });
}

describe('the shell on a terminal', () => {
  let pool: StandIn;
  beforeAll(async () => {
    pool = await startStandIn([
      processView(1),
      processView(2),
      processView(3, { group: 'mailer', name: 'mailer', namespec: 'mailer' }),
    ]);
    pool.answers = [{ done: true, ok: true, text: '', data: null }];
  });
  afterAll(() => pool.stop());

  it('begins with status, and ends with Ctrl-D', async () => {
    const text = await onTerminal(
      ['-s', pool.url],
      [
        ['lbproxy> ', 'version\r'],
        ['lbproxy> ', '\x04'],
      ],
    );
    expect(text).toMatch(/^web:web1 +RUNNING {3}pid 1001/);
    expect(text).toMatch(/exit 0\n$/);
  });

  it('completes actions, groups and processes', async () => {
    const text = await onTerminal(
      ['-s', pool.url],
      [
        // A Tab is one only when it is typed by itself.
        ['lbproxy> ', 'stat'],
        ['stat', '\t'],
        ['us ', 'ma'],
        ['ma', '\t'],
        ['iler ', '\r'],
        ['lbproxy> ', 'status web:web'],
        ['', '\t'],
        ['', '\t'],
        ['web:web2', ''],
        ['web:web', '1\r'],
        ['lbproxy> ', 'update mai'],
        ['mai', '\t'],
        ['ler ', '\r'],
        ['lbproxy> ', 'quit\r'],
      ],
    );
    expect(text).toContain('lbproxy> status mailer \n');
    expect(text).toMatch(/^web:web1\s+web:web2/m);
    expect(text).toContain('lbproxy> update mailer \n');
    expect(pool.asked.at(-1)).toEqual({ command: 'update', args: { names: ['mailer'], wait: true } });
    expect(text).toMatch(/exit 0\n$/);
  });

  it('has a history, runs lines that were pasted together, and ends with Ctrl-C', async () => {
    const text = await onTerminal(
      ['-s', pool.url],
      [
        ['lbproxy> ', 'pid x y\rnope\r'],
        ['Unknown syntax: nope', ''],
        ['lbproxy> ', '\x1b[A\r'],
        ['Unknown syntax: nope', ''],
        ['lbproxy> ', '\x03'],
      ],
    );
    expect(text.match(/\*\*\* Unknown syntax: nope/g)).toHaveLength(2);
    expect(text).toMatch(/exit 0\n$/);
  });

  it('asks before it shuts down', async () => {
    const text = await onTerminal(
      ['-s', pool.url],
      [
        ['lbproxy> ', 'shutdown\r'],
        ['y/N? ', 'n\r'],
        ['lbproxy> ', 'shutdown\r'],
        ['y/N? ', 'y\r'],
        ['Shut down', ''],
        ['lbproxy> ', '\x04'],
      ],
    );
    expect(text.match(/^Shut down$/gm)).toHaveLength(1);
  });
});

describe.skipIf(!hasSupervisor)('logs and logins of a real supervisord', () => {
  let real: Supervisord;
  let port: number;
  beforeAll(async () => {
    [port] = await freePorts(1);
    real = await startSupervisord(
      '[program:cat]\ncommand=cat -u\nstdout_logfile={dir}/cat.log\nstartsecs=0\n',
      `[inet_http_server]\nport=127.0.0.1:${port}\nusername=me\npassword=secret\n[supervisorctl]\nserverurl=http://127.0.0.1:${port}\n`,
    );
  });
  afterAll(() => real?.stop());

  const login = () => ['-s', `http://127.0.0.1:${port}`, '-u', 'me', '-p', 'secret'];

  it('wants the password, and takes it', async () => {
    const url = `http://127.0.0.1:${port}`;
    for (const args of [
      ['-c', real.conf],
      ['-s', url],
      ['-s', url, '-u', 'me', '-p', 'wrong'],
      ['-s', url, '-u', 'me'],
    ]) {
      const refused = await ctl([...args, 'status']);
      expect([refused.stdout, refused.status]).toEqual(['Server requires authentication\n', 1]);
      expect(refused.stderr).toContain('-u USER -p PASSWORD');
    }
    expect((await ctl([...login(), 'status'])).stdout).toContain('RUNNING');
  });

  it('asks for it on a terminal without showing it', async () => {
    const text = await onTerminal(
      ['-c', real.conf],
      [
        ['Username:', 'me\r'],
        ['Password:', 'secret\r'],
        ['RUNNING', ''],
        ['lbproxy> ', 'version\r'],
        ['4.2.5', ''],
        ['lbproxy> ', '\x04'],
      ],
    );
    expect(text).not.toContain('secret');
    expect(text).toContain('4.2.5');
    expect(text).toMatch(/exit 0\n$/);
  });

  it('tail -f follows until Ctrl-C', async () => {
    const log = path.join(real.dir, 'cat.log');
    fs.appendFileSync(log, 'one\n');
    const child = spawn(process.execPath, [PROGRAM, ...login(), 'tail', '-f', 'cat'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
    await until(() => text.includes('one\n'));
    fs.appendFileSync(log, 'two grün\n');
    await until(() => text.includes('two grün\n'));
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect(text).toBe('==> Press Ctrl-C to exit <==\none\ntwo grün\n\n');
    expect(code).toBe(0);
  });

  it('Ctrl-C in the shell ends the command, not the shell', async () => {
    const text = await onTerminal(login(), [
      ['lbproxy> ', 'tail -f cat\r'],
      ['exit <==', ''],
      ['', '\x03'],
      ['lbproxy> ', 'version\r'],
      ['4.2.5', ''],
      ['lbproxy> ', '\x04'],
    ]);
    expect(text).toContain('lbproxy> version\n4.2.5\n');
    expect(text).toMatch(/exit 0\n$/);
  });

  it('fg sends what is typed and shows what is printed', async () => {
    const text = await onTerminal(
      [...login(), 'fg', 'cat'],
      [
        ['exit <==', 'hello\r'],
        ['hello', ''],
        ['hello', ''],
        ['', '\x03'],
      ],
    );
    expect(text.match(/^ ?hello$/gm)).toHaveLength(2);
    expect(text).toMatch(/Exiting foreground\n\nexit 0\n$/);
  });
});

async function until(reached: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !reached(); i++) await sleep(25);
  expect(reached()).toBe(true);
}
