// What kill -9 does: of a process, to nobody who asks with GET; of lbproxy itself, to all that it started.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pause, startCrowd, until } from '../support/http-client.ts';
import { childrenOf, commandOf, isAlive, spawnLbproxy } from '../support/lbproxy-process.ts';
import {
  hasTornado,
  PoolSite,
  quick,
  sitePorts,
  siteText,
  startSite,
  tornado,
} from '../support/pool-site.ts';

/** By hand: SECONDS=30. */
const SECONDS = Number(process.env.SECONDS ?? 8);

/** The classic pair: nginx.conf knows the ports, supervisord.conf the programs, and neither knows the other. */
async function startClassic(command: string): Promise<PoolSite> {
  const ports = await sitePorts(4);
  const first = ports[1];
  const nginx = `
    worker_processes 2;
    events { worker_connections 1024; }
    http {
      upstream tornadoes {
        ${ports
          .slice(1)
          .map((port) => `server 127.0.0.1:${port};`)
          .join(' ')}
      }
      proxy_next_upstream error;
      server {
        listen 127.0.0.1:${ports[0]};
        location / { proxy_pass_header Server; proxy_set_header Host $http_host; proxy_pass http://tornadoes; }
      }
    }`;
  const supervisord = [
    `[group:tornadoes]`,
    `programs=tornado`,
    `[program:tornado]`,
    `command=${command}`,
    `numprocs=4`,
    `numprocs_start=${first}`,
    `process_name=tornado-%(process_num)d`,
    `autorestart=true`,
    `redirect_stderr=true`,
    `stdout_logfile=DIR/tornado.log`,
  ].join('\n');
  // DIR and the ports are known only as it starts, so the file is found relative to its directory.
  const lbproxy = await spawnLbproxy(nginx, {
    ports,
    files: { 'supervisord.conf': supervisord.replace('DIR/', '') },
    args: ['--programs', 'supervisord.conf'],
  });
  return new PoolSite(lbproxy);
}

async function killAtRandom(site: PoolSite): Promise<number> {
  const apps = site.ports.slice(1);
  const end = performance.now() + SECONDS * 1000;
  let killed = 0;
  while (performance.now() < end || killed <= SECONDS) {
    await pause(300);
    const pid = site.pidOn(apps[Math.floor(Math.random() * apps.length)]);
    if (pid === undefined) continue;
    process.kill(pid, 'SIGKILL');
    killed++;
  }
  return killed;
}

describe.skipIf(!hasTornado)('kill -9 of a random process every 300 ms', () => {
  it(
    'fails no GET with four processes of a program',
    async () => {
      const ports = await sitePorts(4);
      const programs = { web: { command: tornado(), numprocs: 4, first_port: ports[1] } };
      const site = await startSite(siteText(ports, programs), { ports });
      await failsNoGet(site);
    },
    60_000 + SECONDS * 1000,
  );

  it(
    'fails no GET with the classic nginx.conf and supervisord.conf',
    async () => {
      const site = await startClassic(tornado('%(process_num)d'));
      await failsNoGet(site);
    },
    60_000 + SECONDS * 1000,
  );
});

async function failsNoGet(site: PoolSite): Promise<void> {
  await site.serves(site.ports.slice(1));
  const crowd = startCrowd(site.port, { clients: 100, keepAlive: true, pauseMs: 100 });
  expect(await killAtRandom(site)).toBeGreaterThan(SECONDS);
  await until(() => crowd.result.requests > SECONDS * 100, 20_000, 'load');
  const { failures } = await crowd.stop();
  expect(failures).toEqual([]);
}

/** Leaves its group and its session in two ways, and tells when it has. */
const FORKS = `
import subprocess, sys, time
subprocess.Popen(['setsid', 'sleep', '600'])
subprocess.Popen(['sh', '-c', 'setsid sh -c "sleep 601 & sleep 602" & sleep 603'])
time.sleep(0.5)
open(sys.argv[1], 'w').close()
time.sleep(604)
`;

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function environOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

/** All that bears the mark of this process's run: what the pool started, at whatever depth. */
function poolOf(pid: number): number[] {
  const mark = /LBPROXY_RUN=[^\0]*/.exec(environOf(pid))?.[0];
  if (mark === undefined) throw new Error('it bears no mark');
  return pids().filter((one) => environOf(one).includes(mark) && isAlive(one));
}

describe('kill -9 of the primary', () => {
  const text = (ports: readonly number[]): string =>
    siteText(ports, {
      web: { command: quick(), numprocs: 2, first_port: ports[1] },
      stubborn: {
        command: `/bin/sh -c 'trap "" TERM HUP INT; while :; do sleep 1; done'`,
        stopwaitsecs: '500ms',
      },
      forks: { command: '/usr/bin/python3 DIR/forks.py DIR/forked' },
    });
  const forked = (site: PoolSite): Promise<void> =>
    until(() => existsSync(join(site.lbproxy.dir, 'forked')), 10_000, 'grandchildren');

  it('ends all that the pool started within 2 s, whatever left its group or ignores TERM', async () => {
    const ports = await sitePorts(2);
    const site = await startSite(text(ports), { ports, files: { 'forks.py': FORKS } });
    await site.serves(ports.slice(1));
    await forked(site);
    const pool = poolOf(site.pidOn(ports[1]) ?? 0);
    expect(pool.length).toBeGreaterThanOrEqual(9);
    site.lbproxy.signal('SIGKILL');
    await site.lbproxy.exited;
    const killedAt = performance.now();
    await until(() => !pool.some(isAlive), 4000, 'the pool is gone');
    expect(performance.now() - killedAt).toBeLessThan(2000);
    // What comes next finds the ports free, and nothing to say.
    const next = await site.again();
    await next.serves(ports.slice(1));
    expect(next.lbproxy.stderr()).not.toMatch(/taken|earlier run/);
  });

  it('and of what guards it leaves something, which the next start names and ends', async () => {
    const ports = await sitePorts(2);
    const site = await startSite(text(ports), { ports, files: { 'forks.py': FORKS } });
    await site.serves(ports.slice(1));
    await forked(site);
    const pool = poolOf(site.pidOn(ports[1]) ?? 0);
    const guards = childrenOf(site.lbproxy.pid).filter((pid) => commandOf(pid).includes('watchdog'));
    expect(guards).toHaveLength(1);
    process.kill(guards[0], 'SIGSTOP');
    site.lbproxy.signal('SIGKILL');
    await site.lbproxy.exited;
    process.kill(guards[0], 'SIGKILL');
    expect(pool.filter(isAlive).length).toBeGreaterThanOrEqual(9);
    const next = await site.again();
    await next.serves(ports.slice(1));
    expect(pool.filter(isAlive)).toEqual([]);
    const said = next.lbproxy.stderr();
    expect(said).toMatch(/an earlier run left pid \d+ \(.*quick.*\), started \d+ s ago: it is ended/);
    expect(said).toMatch(/an earlier run left pid \d+ \(sleep 600\)/);
    expect(said).not.toContain('taken');
  });
});
