// `lbproxy top` against a running lbproxy: on a terminal with somebody at it, and where there is none.
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { keysOf } from '../../src/cli/top/keys.ts';
import { get } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { liveViewUrl } from '../support/live-view-place.ts';
import { MAIN } from '../support/main-file.ts';
import { Sitting } from '../support/on-terminal.ts';
import { startPeers } from '../support/peer-process.ts';

const CONFIG = (
  peer: string,
): string => `worker_processes 1; state_path DIR/state; live_view 127.0.0.1:PORT2; inspector 8m;
program idle { command "sleep 1000"; }
http { count_traffic on; access_log off;
  upstream app { server ${peer}; server 127.0.0.1:PORT3; }
  server { listen 127.0.0.1:PORT1; location / { proxy_pass http://app; } location /no { return 404; } } }`;

const SIGTERM = 15;

describe('keys', () => {
  it('are read as terminals send them', () => {
    expect(keysOf('a/日\x1b[A\x1bOB\x1b[6~\t\x1b[Z\r\x7f\x03\x1b')).toEqual([
      'a',
      '/',
      '日',
      'up',
      'down',
      'page-down',
      'tab',
      'back-tab',
      'enter',
      'backspace',
      'ctrl-c',
      'escape',
    ]);
    expect(keysOf('\x1b[1;5C\x00\x1b[200~x')).toEqual(['x']);
  });
});

/** Where there is no terminal it prints once; before, the live view is off. The configuration holds afterwards. */
async function printsOnce(lbproxy: LbproxyProcess, config: string): Promise<void> {
  const top = (...args: string[]) => {
    const env = { ...process.env, XDG_STATE_HOME: join(lbproxy.dir, 'state') };
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'top', ...args], {
      cwd: lbproxy.dir,
      env,
      encoding: 'utf8',
      timeout: 20_000,
    });
    return { status, stdout, stderr };
  };
  expect(top()).toEqual({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('live_view on; inspector 8m;'),
  });
  expect(top('-c', 'none.conf').stderr).toContain('there is no configuration none.conf');
  expect(top('--what')).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage: lbproxy top') });

  // The live view alone.
  expect(await lbproxy.reload(config.replace(/inspector 8m;|count_traffic on;/g, ''))).toBe('reloaded');
  const bare = top();
  expect(bare).toMatchObject({ status: 0, stderr: '' });
  expect(bare.stdout).toContain('traffic is not counted: write "count_traffic on;"');
  expect(bare.stdout).toContain('nothing is kept: the configuration has no "inspector"');

  expect(await lbproxy.reload(config)).toBe('reloaded');
  await get(lbproxy.port, '/no');
  const shown = top('path~/no');
  expect(shown).toMatchObject({ status: 0, stderr: '' });
  expect(shown.stdout).toMatch(/^ +app +127\.0\.0\.1:\d+ +up/m);
  expect(shown.stdout).toMatch(/^ +idle +idle.* RUNNING/m);
  expect(shown.stdout).toMatch(/NEWEST REQUESTS {2}path~\/no\n\d\d:\d\d:\d\d GET +\/no +404/);
  expect(shown.stdout).not.toContain('\x1b');
  expect(liveViewUrl(lbproxy)).toContain('#');
}

it('finds the one that is meant among several of one state directory, or names them', async () => {
  const config =
    'worker_processes 1; live_view on; http { server { listen 127.0.0.1:PORT1; return 200 x; } }';
  const one = await startLbproxy(config);
  const env = { XDG_STATE_HOME: join(one.dir, 'state') };
  const other = await startLbproxy(config, { env });
  const elsewhere = join(one.dir, 'empty');
  mkdirSync(elsewhere);
  const top = async (...args: string[]): Promise<string> => {
    const options = { cwd: elsewhere, env: { ...process.env, ...env }, timeout: 20_000 };
    const run = promisify(execFile)(process.execPath, [MAIN, 'top', ...args], options);
    const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
    return `${stdout}${stderr}`;
  };
  const both = [one, other].map(({ configFile }) => `  lbproxy top -c ${configFile}`).toSorted();
  const list = `\nThose that run with a live view:\n${both.join('\n')}\n`;
  const [first, second, unnamed, missing] = await Promise.all([
    top('-c', one.configFile),
    top('-c', other.configFile),
    top(),
    top('-c', 'none.conf'),
  ]);
  expect(first).toMatch(new RegExp(`^lbproxy \\S+ +${one.configFile}\n`));
  expect(second).toMatch(new RegExp(`^lbproxy \\S+ +${other.configFile}\n`));
  expect(unnamed).toContain(
    `several lbproxies run, and there is no configuration here that says which one is meant${list}`,
  );
  expect(missing).toContain(
    `there is no configuration none.conf: name the one that lbproxy runs with${list}`,
  );
  writeFileSync(join(elsewhere, 'nginx.conf'), 'events {}');
  expect(await top()).toContain(
    `no lbproxy runs with nginx.conf; start it with: lbproxy dev nginx.conf${list}`,
  );
  one.signal('SIGTERM');
  await one.exited;
  // The only one.
  expect(await top()).toMatch(new RegExp(`^lbproxy \\S+ +${other.configFile}\n`));
});

describe.runIf(spawnSync('python3', ['--version']).status === 0)('lbproxy top', () => {
  it('shows what passes, is steered by keys, and leaves the terminal as it was', async () => {
    const [peer] = await startPeers(1);
    const config = CONFIG(peer.address);
    const lbproxy = await startLbproxy(config.replace(/live_view[^;]*;/, ''));
    await printsOnce(lbproxy, config);
    const { dir, port, ports } = lbproxy;
    const lost = `127.0.0.1:${ports[2]}`;
    const env = { XDG_STATE_HOME: join(dir, 'state') };
    const top = (more: Readonly<Record<string, string>> = {}, ...args: string[]): Sitting =>
      new Sitting([MAIN, 'top', ...args], dir, { ...env, ...more });
    const seat = top();
    const other = top({ NO_COLOR: '1' }, '-c', 'nginx.conf', 'status=404');
    for (let n = 0; n < 4; n++) await get(port, `/?${n % 2 === 0 ? '%e6%97%a5' : 'plain'}&n=${n}`);
    await get(port, '/no?a%1b[31m');

    await seat.shows(/requests\/s.*2xx/);
    await seat.shows(/^\d\d:\d\d:\d\d GET +\/no\?a%1b\[31m +404/m);
    await seat.shows(/GET +\/\?日&n=0 +200/);
    // Its second peer refuses: the failure is told with its cause.
    await seat.shows(new RegExp(`app +${lost} +(?:failed|up) .* 1 connect_refused`));

    seat.type('2\x1b[B');
    await seat.shows(new RegExp(`^> app +${lost}`, 'm'));
    seat.type('\x1b[Ad');
    await seat.shows(new RegExp(`> app +${peer.address} +drain .* by wish`));
    seat.type('w7\r');
    await seat.shows(/drain +7 /);
    seat.type('u');
    await seat.shows(new RegExp(`> app +${peer.address} +up +7 `));
    seat.type('w0\r');
    await seat.shows('weight is a number from 1 to 65535');

    await lbproxy.printed(`peer ${peer.address} of app is drain`);
    seat.type('3');
    await seat.shows(/> idle +idle.* RUNNING +(\d+) /);
    seat.type('r');
    await seat.shows(/> idle +idle.* RUNNING .* 1 *$/m);

    seat.type('/nosuch=1\r');
    await seat.shows('"nosuch" is unknown');
    seat.type('/\x15plain\r');
    await seat.shows(/NEWEST REQUESTS {2}plain\n.*\/\?plain&n=3.*\n.*\/\?plain&n=1.*\n\n/);
    seat.type('p');
    await seat.shows(/paused$/m);
    const paused = seat.screen()?.join('\n');
    await get(port, '/?plain&n=9');
    seat.resize(30, 100);
    await seat.shows(/^ {0}lbproxy .{80,} paused$/m);
    expect(seat.screen()).toHaveLength(30);
    expect(paused).not.toContain('n=9');
    expect(seat.screen()?.join('\n')).not.toContain('n=9');
    seat.type('p');
    await seat.shows('/?plain&n=9');
    seat.type('\t');
    await seat.shows(/requests\/s/);
    seat.type('q');
    expect(await seat.end()).toEqual({ status: 0, restored: true });
    expect(seat.screen()).toBe(null);
    expect(seat.printed.endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
    expect(seat.printed).toContain('\x1b[32m');

    await other.shows(/NEWEST REQUESTS {2}status=404\n.*\/no/);
    // It is found again once it is there.
    expect(await lbproxy.reload(config.replace(/live_view[^;]*;/, ''))).toBe('reloaded');
    expect(liveViewUrl(lbproxy)).toBe('');
    await other.shows('trying again: the live view of nginx.conf is off');
    expect(await lbproxy.reload(config)).toBe('reloaded');
    await other.shows(/\n {0}\nq quit/);
    other.signal(SIGTERM);
    expect(await other.end()).toEqual({ status: 143, restored: true });
    expect(other.printed.endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
    expect(other.printed.replace('\x1b[0m\x1b[?7h', '')).not.toMatch(/\x1b\[[\d;]*m/);
  });
});
