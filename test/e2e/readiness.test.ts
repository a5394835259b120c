// When a process counts as ready, what it waits for, and what starts it anew without being asked.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get, pause, startCrowd, until } from '../support/http-client.ts';
import { type PoolSite, quick, type Shown, sitePorts, siteText, startSite } from '../support/pool-site.ts';

const SH = (script: string): string => `/bin/sh -c '${script}'`;

async function shown(site: PoolSite, name: string): Promise<Shown> {
  const found = (await site.status()).find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not shown`);
  return found;
}

async function start(
  programs: (ports: readonly number[]) => object,
  n = 1,
  files: Record<string, string> = {},
): Promise<PoolSite> {
  const ports = await sitePorts(n);
  return startSite(siteText(ports, programs(ports)), { ports, files });
}

describe('ready', () => {
  it('http: no request before the path is answered as it should be', async () => {
    const site = await start(
      (ports) => ({
        web: { command: quick(), first_port: ports[1], startsecs: 0, ready: ['http', '/down', '503'] },
        never: {
          command: quick(String(ports[2])),
          environment: { PORT: String(ports[2]) },
          first_port: ports[2],
          startsecs: 0,
          ready: ['http', '/down'],
          ready_timeout: '1s',
        },
      }),
      2,
    );
    await site.serves([site.ports[1]]);
    // It starts again and again: what was seen once is what is compared.
    let never: Shown | undefined;
    const hasFailed = async (): Promise<boolean> => {
      never = await shown(site, 'never');
      return never.problem !== null;
    };
    await until(hasFailed, 15_000, 'a start that failed');
    expect(never).toMatchObject({ ready: false, problem: 'was not ready within 1 s (ready_timeout)' });
  });

  it('log: once a line matches, however it came', async () => {
    const site = await start((ports) => ({
      web: {
        command: SH(
          `while ! test -e DIR/go; do sleep 0.1; done; printf "now it "; sleep 0.3; echo "is open"; exec ${quick()}`,
        ),
        first_port: ports[1],
        startsecs: 0,
        ready: ['log', 'it is o[p]en'],
      },
    }));
    await pause(800);
    expect(await shown(site, 'web')).toMatchObject({ state: 'STARTING', ready: false });
    writeFileSync(join(site.lbproxy.dir, 'go'), '');
    await until(async () => (await shown(site, 'web')).ready, 10_000, 'the line');
    await site.serves([site.ports[1]]);
  });

  it('notify: once READY=1 has come', async () => {
    const site = await start(
      (ports) => ({
        web: {
          command: SH(
            `while ! test -e DIR/go; do sleep 0.1; done; /usr/bin/python3 DIR/notify.py; exec ${quick()}`,
          ),
          first_port: ports[1],
          startsecs: 0,
          ready: 'notify',
        },
      }),
      1,
      {
        'notify.py': `import os, socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\naddress = os.environ['NOTIFY_SOCKET']\ns.connect('\\0' + address[1:] if address[0] == '@' else address)\ns.send(b'READY=1')\n`,
      },
    );
    await pause(1500);
    expect(await shown(site, 'web')).toMatchObject({ state: 'STARTING', ready: false });
    writeFileSync(join(site.lbproxy.dir, 'go'), '');
    await until(async () => (await shown(site, 'web')).state === 'RUNNING', 10_000, 'READY=1');
    await site.serves([site.ports[1]]);
  });
});

describe('depends_on', () => {
  it('waits for a job that is done and for a program that is ready, in a row', async () => {
    const site = await start(
      (ports) => ({
        web: {
          command: SH(`echo web >>DIR/order; exec ${quick()}`),
          first_port: ports[1],
          startsecs: 0,
          depends_on: ['db', 'migrate'],
        },
        migrate: {
          command: SH('sleep 0.5; echo migrate >>DIR/order'),
          autorestart: false,
          startsecs: 0,
          depends_on: ['db'],
        },
        db: {
          command: SH(`sleep 0.7; echo db >>DIR/order; exec ${quick(String(ports[2]))}`),
          first_port: ports[2],
          startsecs: 0,
        },
      }),
      2,
    );
    await site.serves([site.ports[1]]);
    expect(readFileSync(join(site.lbproxy.dir, 'order'), 'utf8')).toBe('db\nmigrate\nweb\n');
    expect(await shown(site, 'migrate')).toMatchObject({ state: 'EXITED', restarts: 0 });
  });

  it('that never comes leaves it STARTING, says for what it waits, and is no hindrance to a stop', async () => {
    const site = await start((ports) => ({
      web: { command: quick(), first_port: ports[1], depends_on: ['db'] },
      db: { command: SH('sleep 0.2; exit 1'), startsecs: '1s' },
    }));
    await pause(2500);
    const web = await shown(site, 'web');
    expect(web).toMatchObject({ state: 'STARTING', pid: null, ready: false });
    expect(web.problem).toMatch(/waits for db/);
    expect(await site.ctl('stop', 'web')).toMatchObject({ code: 0 });
    expect((await shown(site, 'web')).state).toBe('STOPPED');
    expect(await site.ctl('start', '--no-wait', 'web')).toMatchObject({ code: 0 });
    const startedAt = performance.now();
    expect(await site.lbproxy.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });
});

describe('watch', () => {
  it('rolls the processes when a file changes, once for many changes', async () => {
    const site = await start(
      (ports) => ({
        web: { command: quick(), numprocs: 3, first_port: ports[1], startsecs: 0, watch: ['DIR/app'] },
      }),
      3,
      { app: '1' },
    );
    const apps = site.ports.slice(1);
    await site.serves(apps);
    const before = site.pidsOn(apps);
    const crowd = startCrowd(site.port, { clients: 20, keepAlive: true, pauseMs: 50, echoPath: '/' });
    const change = (n: number): void => writeFileSync(join(site.lbproxy.dir, 'app'), String(n));
    // A pause of 200 ms between two of them ends a burst: on a busy machine it does now and then, and seldom six times.
    for (let i = 0; i < 30; i++) {
      change(i);
      await pause(50);
    }
    await until(
      () => site.pidsOn(apps).every((pid) => pid !== undefined && !before.includes(pid)),
      15_000,
      'all anew',
    );
    await site.serves(apps);
    await pause(1500);
    const { failures } = await crowd.stop();
    expect(failures).toEqual([]);
    const restarts = (await site.status()).map((one) => one.restarts);
    // Not once for each of the changes.
    expect(Math.max(...restarts)).toBeLessThan(6);
  });

  it('ends the pause of a crash loop at once', async () => {
    const site = await start(
      (ports) => ({
        web: {
          command: SH(`echo >>DIR/tries; test -e DIR/fixed || exit 1; exec ${quick()}`),
          first_port: ports[1],
          startsecs: 0,
          watch: ['DIR/app.py'],
        },
      }),
      1,
      { 'app.py': '' },
    );
    // After the sixth start the pause is 8 s: longer than a start takes on a busy machine.
    const tries = (): number => readFileSync(join(site.lbproxy.dir, 'tries'), 'utf8').length;
    await until(() => existsSync(join(site.lbproxy.dir, 'tries')) && tries() === 6, 20_000, 'six starts');
    await until(async () => (await shown(site, 'web')).state === 'BACKOFF', 5000, 'a pause');
    expect(tries()).toBe(6);
    writeFileSync(join(site.lbproxy.dir, 'fixed'), '');
    writeFileSync(join(site.lbproxy.dir, 'app.py'), 'fixed');
    const startedAt = performance.now();
    await site.serves([site.ports[1]]);
    expect(performance.now() - startedAt).toBeLessThan(6500);
    rmSync(join(site.lbproxy.dir, 'fixed'));
    expect(existsSync(join(site.lbproxy.dir, 'fixed'))).toBe(false);
  });
});

describe('max_memory', () => {
  it('replaces a process that uses more, without a failed request', async () => {
    const site = await start(
      (ports) => ({
        web: { command: quick(), numprocs: 2, first_port: ports[1], startsecs: 0, max_memory: '200m' },
      }),
      2,
    );
    const apps = site.ports.slice(1);
    await site.serves(apps);
    const before = site.pidsOn(apps);
    const crowd = startCrowd(site.port, { clients: 10, keepAlive: true, pauseMs: 50 });
    const eater = (await get(site.port, '/eat?mb=220')).body.split(' ')[1];
    await until(() => !site.pidsOn(apps).includes(Number(eater)), 40_000, 'it is gone');
    await site.serves(apps);
    expect((await crowd.stop()).failures).toEqual([]);
    const after = site.pidsOn(apps);
    expect(after.filter((pid) => before.includes(pid))).toHaveLength(1);
    expect(site.lbproxy.stderr()).toMatch(/uses \d+ MB, and may use 200 \(max_memory\): it starts anew/);
  });
});

describe('slow_start', () => {
  it('gives a fresh process a share that grows', async () => {
    const site = await start(
      (ports) => ({
        web: { command: quick(), numprocs: 2, first_port: ports[1], startsecs: 0, slow_start: '6s' },
      }),
      2,
    );
    const apps = site.ports.slice(1);
    await site.serves(apps);
    await pause(6000);
    const beganMs = performance.now();
    expect(await site.ctl('restart', 'web:web_01')).toMatchObject({ code: 0 });
    // On a busy machine a hundred requests take some of the six seconds: what the fresh one may have of each by then is summed up.
    const share = async (): Promise<{ readonly fresh: number; readonly most: number }> => {
      let [fresh, most] = [0, 0];
      for (let i = 0; i < 100; i++) {
        if ((await get(site.port)).body.startsWith(`${apps[1]} `)) fresh++;
        const weight = Math.min(1, Math.max(0.1, (performance.now() - beganMs) / 6000));
        most += weight / (1 + weight);
      }
      return { fresh, most };
    };
    const early = await share();
    await pause(6500);
    const late = (await share()).fresh;
    expect(early.fresh).toBeLessThan(early.most + 8);
    expect(late).toBeGreaterThan(45);
    expect(late).toBeLessThan(55);
  });
});
