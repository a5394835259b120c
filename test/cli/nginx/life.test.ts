// The program called as nginx, from its start to its end: in the background, as another user, and what its signals do.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../support/free-ports.ts';
import { MAIN } from '../../support/main-file.ts';
import { isRoot } from '../../support/root.ts';

const LIMIT_MS = 20_000;

let dir = '';
let port = 0;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-life-'));
  chmodSync(dir, 0o755);
  for (const name of ['conf', 'logs', 'html']) mkdirSync(join(dir, name));
  writeFileSync(join(dir, 'html/index.html'), 'index\n');
  [port] = await freePorts(1);
  configure('one');
});
afterAll(() => {
  for (const name of ['nginx.pid', 'nginx.pid.oldbin']) {
    const pid = pidIn(name);
    if (pid !== undefined) signal(pid, 'SIGKILL');
  }
  rmSync(dir, { recursive: true, force: true });
});

function configure(word: string): void {
  writeFileSync(
    join(dir, 'conf/nginx.conf'),
    `error_log logs/error.log info; worker_shutdown_timeout 5s; events { }
     http { server { listen 127.0.0.1:${port}; location = /word { return 200 "${word} $pid"; } } }`,
  );
}

/** None, too, while the file is empty: 0 would be the group of this process. */
function pidIn(name: string): number | undefined {
  const path = join(dir, 'logs', name);
  return (existsSync(path) && Number(readFileSync(path, 'utf8'))) || undefined;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

const asNginx = (...args: string[]): { status: number | null; stderr: string } =>
  spawnSync(process.execPath, [MAIN, '--as-nginx', '-p', dir, ...args], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
  });

const get = async (path: string): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { Connection: 'close' } })).text();
const log = (): string => readFileSync(join(dir, 'logs/error.log'), 'utf8');

/** Waits until it holds. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not in time: ${what}\n${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** The user of a process, by its number. */
const userOf = (pid: number): string | undefined =>
  /^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

describe.skipIf(process.platform !== 'linux')('called as nginx', () => {
  let master = 0;

  it('goes to the background once it listens, and writes its pid', async () => {
    const { status, stderr } = asNginx();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    master = pidIn('nginx.pid') ?? 0;
    expect(await get('/')).toBe('index\n');
    expect(await get('/word')).toMatch(/^one \d+$/);
    expect(log()).toMatch(/^\d{4}\/\d\d\/\d\d [\d:]{8} \[notice\] \d+#\d+: nginx\/\d/m);
    expect(existsSync(join(dir, 'logs/access.log'))).toBe(true);
  });

  it('tells of an address that is taken', () => {
    const { status, stderr } = asNginx('-g', 'pid logs/second.pid;');
    expect(status).toBe(1);
    expect(stderr).toContain(
      `nginx: [emerg] bind() to 127.0.0.1:${port} failed (98: Address already in use)\n`,
    );
    expect(pidIn('nginx.pid')).toBe(master);
  });

  it('a signal before a second one listens ends that, or waits; the pid file stays', async () => {
    const lines = log().length;
    const start = async (name: NodeJS.Signals): Promise<string> => {
      const child = spawn(process.execPath, [MAIN, '--as-nginx', '-p', dir, '-g', 'daemon off;'], {
        stdio: 'ignore',
      });
      const end = once(child, 'exit');
      const own = `${child.pid}#${child.pid}: `;
      await until('its start', () => log().includes(`${own}start worker processes`));
      signal(child.pid ?? 0, name);
      await end;
      return log()
        .slice(lines)
        .split('\n')
        .filter((line) => line.includes(own))
        .join('\n');
    };
    const [ended, asked] = await Promise.all([start('SIGTERM'), start('SIGHUP')]);
    expect(ended).not.toContain('[alert]');
    expect(pidIn('nginx.pid')).toBe(master);
    // What the start itself says, and no reload beside it.
    expect(asked.match(/bind\(\) to/g)).toHaveLength(1);
  });

  it.skipIf(!isRoot)('lets acceptors be nobody, where it is root', async () => {
    const [, pid] = (await get('/word')).split(' ');
    expect(userOf(Number(pid))).not.toBe('0');
    expect(userOf(master)).toBe('0');
  });

  it('-s reload reads the configuration again, in new processes', async () => {
    const [, before] = (await get('/word')).split(' ');
    configure('two');
    expect(asNginx('-s', 'reload')).toMatchObject({ status: 0, stderr: '' });
    await until('the new answer', async () => (await get('/word')).startsWith('two '));
    await until('the end of the old one', () =>
      log().includes(`worker process ${before} exited with code 0`),
    );
    expect(pidIn('nginx.pid')).toBe(master);
    expect((await get('/word')).split(' ')[1]).not.toBe(before);
  });

  it('a bad configuration changes nothing, and is told in the log', async () => {
    writeFileSync(join(dir, 'conf/nginx.conf'), 'foo;\n');
    signal(master, 'SIGHUP');
    await until('the complaint', () => /\[emerg\] \d+#\d+: unknown directive "foo" in .*:1\n/.test(log()));
    expect(await get('/word')).toMatch(/^two /);
    configure('two');
  });

  it('USR1 opens the logs anew', async () => {
    renameSync(join(dir, 'logs/access.log'), join(dir, 'logs/access.log.1'));
    expect(asNginx('-s', 'reopen')).toMatchObject({ status: 0 });
    await until('a new file', () => existsSync(join(dir, 'logs/access.log')));
    await get('/');
    await until('a line in it', () => statSync(join(dir, 'logs/access.log')).size > 0);
    // It belongs to whoever writes it.
    const owner = isRoot ? userOf(Number((await get('/word')).split(' ')[1])) : String(process.getuid?.());
    expect(String(statSync(join(dir, 'logs/access.log')).uid)).toBe(owner);
  });

  it('USR2 with a pid file that cannot be written serves nobody by the new one', async () => {
    const file = join(dir, 'conf/nginx.conf');
    const before = readFileSync(file, 'utf8');
    const lines = log().length;
    writeFileSync(file, `pid nowhere/nginx.pid;\n${before}`);
    signal(master, 'SIGUSR2');
    await until('the new one has ended', () => / exited with code 1\n/.test(log().slice(lines)));
    writeFileSync(file, before);
    await until('the file is back', () => pidIn('nginx.pid') === master);
    expect(log().slice(lines)).toMatch(/\[emerg\].* open\(\) ".*nowhere\/nginx.pid" failed/);
    // It had none.
    expect(log().slice(lines)).not.toMatch(/worker process \d+ exited/);
    expect(existsSync(join(dir, 'logs/nginx.pid.oldbin'))).toBe(false);
  });

  it('USR2 starts the program of now beside it, WINCH lets acceptors go, QUIT ends the old one', async () => {
    configure('three');
    signal(master, 'SIGUSR2');
    await until('the pid file of the old one', () => pidIn('nginx.pid.oldbin') === master);
    await until('that of the new one', () => ![undefined, master].includes(pidIn('nginx.pid')));
    signal(master, 'SIGWINCH');
    await until('only the new one answers', async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => get('/word')));
      return answers.every((answer) => answer.startsWith('three '));
    });
    // It still could: its acceptors come back.
    signal(master, 'SIGHUP');
    await until('the old one answers again', async () => (await get('/word')).startsWith('two '));
    signal(master, 'SIGQUIT');
    await until('its end', () => pidIn('nginx.pid.oldbin') === undefined);
    await until('the process is gone', () => !existsSync(`/proc/${master}/fd`));
    expect(await get('/word')).toMatch(/^three /);
    master = pidIn('nginx.pid') ?? 0;
  });

  it('takes the old pid file back when the new program ends', async () => {
    signal(master, 'SIGUSR2');
    let second: number | undefined;
    await until('both run', () => {
      second = pidIn('nginx.pid');
      return pidIn('nginx.pid.oldbin') === master && second !== undefined && second !== master;
    });
    if (second !== undefined) signal(second, 'SIGTERM');
    await until(
      'the old file',
      () => pidIn('nginx.pid') === master && pidIn('nginx.pid.oldbin') === undefined,
    );
    expect(await get('/word')).toMatch(/^three /);
  });

  it('-s quit ends it, and nothing is left; no line is an alert', async () => {
    expect(asNginx('-s', 'quit')).toMatchObject({ status: 0 });
    await until('its end', () => !existsSync(`/proc/${master}/fd`));
    expect(readdirSync(join(dir, 'logs')).sort()).toEqual(['access.log', 'access.log.1', 'error.log']);
    expect(log()).not.toMatch(/\[alert\]|\[crit\]/);
  });
});
