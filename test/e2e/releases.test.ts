// A new release while clients ask: the changed processes are replaced one after the other, only they, and only as long as the release starts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { startCrowd, until } from '../support/http-client.ts';
import { spawnLbproxy } from '../support/lbproxy-process.ts';
import { PoolSite, quick, sitePorts, siteText, startSite } from '../support/pool-site.ts';

const WEB = { numprocs: 4, startsecs: '100ms' };
const load = (site: PoolSite, ms = 50) =>
  startCrowd(site.port, { clients: 20, keepAlive: true, pauseMs: ms, echoPath: '/' });

describe('a release that never becomes ready', () => {
  it('leaves three of four old processes serving, and ctl says which one does not and why', async () => {
    const ports = await sitePorts(4);
    const command = `sh -c 'test -e DIR/broken && { echo no database >&2; exec sleep 600; }; exec ${quick()}'`;
    const web = { ...WEB, command, first_port: ports[1], ready_timeout: '5s' };
    const site = await startSite(siteText(ports, { web }), { ports });
    const apps = ports.slice(1);
    await site.serves(apps);
    const before = site.pidsOn(apps);
    const crowd = load(site);
    writeFileSync(join(site.lbproxy.dir, 'broken'), '');
    const { code, text } = await site.ctl('restart', 'web:*');
    expect(code).not.toBe(0);
    expect(text).toContain('web:web_00 does not serve: was not ready within 5 s (ready_timeout)');
    expect(text).toContain('web:web_01, web:web_02, web:web_03 keep running as they were');
    const { failures } = await crowd.stop();
    expect(failures).toEqual([]);
    expect(site.pidsOn(apps).slice(1)).toEqual(before.slice(1));
    const [first, ...others] = await site.status();
    expect(first.ready).toBe(false);
    expect(others.map(({ state, ready, restarts }) => [state, ready, restarts])).toEqual(
      Array(3).fill(['RUNNING', true, 0]),
    );
  });

  it('does so by HUP too, and what corrects it need not wait for it', async () => {
    const ports = await sitePorts(4);
    const text = (version: string, more: object = {}): string =>
      siteText(ports, {
        web: { ...WEB, command: quick(), first_port: ports[1], environment: { VERSION: version }, ...more },
      });
    const site = await startSite(text('1'), { ports });
    const apps = ports.slice(1);
    await site.serves(apps);
    const before = site.pidsOn(apps);
    expect(await site.lbproxy.reload(text('2', { command: 'sleep 600' }))).toBe('reloaded');
    await until(() => site.pidOn(apps[0]) === undefined, 15_000, 'the first one stops');
    expect(site.pidsOn(apps)).toEqual([undefined, ...before.slice(1)]);
    const crowd = load(site);
    expect(await site.lbproxy.reload(text('3'))).toBe('reloaded');
    await site.serves(apps);
    expect((await crowd.stop()).failures).toEqual([]);
    // The others had the first version until then.
    const { code, text: said } = await site.ctl('status');
    expect({ code, said }).toMatchObject({ code: 0 });
  });
});

describe('scale', () => {
  it('to 6 and back under load fails no request', async () => {
    const ports = await sitePorts(6);
    const web = { ...WEB, command: quick(), first_port: ports[1] };
    const site = await startSite(siteText(ports, { web }), { ports });
    await scales(site, 'web');
  });

  it('does so with a program of supervisord.conf', async () => {
    const ports = await sitePorts(6);
    const nginx = `events {} http { upstream web { ${ports
      .slice(1)
      .map((p) => `server 127.0.0.1:${p};`)
      .join('')} }
      server { listen 127.0.0.1:${ports[0]}; location / { proxy_pass http://web; proxy_set_header Host $http_host; } } }`;
    const supervisord = `[program:web]\ncommand=${quick('%(process_num)d')}\nnumprocs=4\nnumprocs_start=${ports[1]}\nprocess_name=w%(process_num)d\nautorestart=true\n`;
    const lbproxy = await spawnLbproxy(nginx, {
      ports,
      files: { 'supervisord.conf': supervisord },
      args: ['--programs', 'supervisord.conf'],
    });
    await scales(new PoolSite(lbproxy), 'web');
  });
});

async function scales(site: PoolSite, program: string): Promise<void> {
  const apps = site.ports.slice(1);
  await site.serves(apps.slice(0, 4));
  const before = site.pidsOn(apps.slice(0, 4));
  const crowd = load(site);
  expect(await site.ctl('scale', program, '6')).toMatchObject({ code: 0 });
  await site.serves(apps);
  await until(() => crowd.result.bodies.size === 6, 20_000, 'answers of all six to the crowd');
  expect(await site.ctl('scale', program, '4')).toMatchObject({ code: 0 });
  expect(site.pidsOn(apps)).toEqual([...before, undefined, undefined]);
  const { failures, bodies } = await crowd.stop();
  expect(failures).toEqual([]);
  expect(new Set(bodies.keys()).size).toBe(6);
}

describe('a changed configuration', () => {
  const OLD = {
    web: '1',
    other: '1',
    retries: 3,
    size: '1m',
    priority: 5,
    autorestart: true as boolean | string,
  };

  function text(ports: readonly number[], is: typeof OLD): string {
    const common = {
      startretries: is.retries,
      stdout_logfile: 'DIR/out.log',
      stdout_logfile_maxbytes: is.size,
      priority: is.priority,
      autorestart: is.autorestart,
      group: 'all',
    };
    return siteText(ports, {
      web: {
        ...common,
        ...WEB,
        numprocs: 2,
        command: quick(),
        first_port: ports[1],
        environment: { VERSION: is.web },
      },
      other: { ...common, command: quick(), first_port: ports[3], environment: { VERSION: is.other } },
    });
  }

  it('restarts by HUP and by ctl update what it changes, and nothing else', async () => {
    const ports = await sitePorts(3);
    const site = await startSite(text(ports, OLD), { ports });
    const apps = ports.slice(1);
    await site.serves(apps.slice(0, 2));
    let pids = site.pidsOn(apps);
    const crowd = load(site);
    const same = async (indices: readonly number[]): Promise<void> => {
      const isThere = (pid: number | undefined, i: number): boolean =>
        indices.includes(i) || (pid !== undefined && pid !== pids[i]);
      await until(() => site.pidsOn(apps).every(isThere), 20_000, 'the new ones');
      const now = site.pidsOn(apps);
      expect(now.map((pid, i) => (pid === pids[i] ? 'same' : pid === undefined ? 'gone' : 'new'))).toEqual(
        now.map((_, i) => (indices.includes(i) ? 'same' : 'new')),
      );
      pids = now;
    };
    // Nothing of this restarts anything.
    site.lbproxy.write(
      text(ports, { ...OLD, retries: 9, size: '2m', priority: 7, autorestart: 'unexpected' }),
    );
    expect(await site.ctl('update')).toMatchObject({ code: 0 });
    await same([0, 1, 2]);
    expect(await site.lbproxy.reload()).toBe('reloaded');
    await same([0, 1, 2]);
    // One of a group of two.
    site.lbproxy.write(text(ports, { ...OLD, other: '2' }));
    expect(await site.ctl('update')).toMatchObject({ code: 0 });
    await same([0, 1]);
    expect(await site.lbproxy.reload(text(ports, { ...OLD, other: '2', web: '2' }))).toBe('reloaded');
    await same([2]);
    await site.serves(apps.slice(0, 2));
    const { failures, requests } = await crowd.stop();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
  });

  it('is known to be newer than what restart runs', async () => {
    const ports = await freePorts(4);
    const site = await startSite(text(ports, OLD), { ports });
    await site.serves([ports[1]]);
    site.lbproxy.write(text(ports, { ...OLD, web: '2' }));
    const { text: said } = await site.ctl('restart', 'all:web_00');
    expect(said).toMatch(/newer|changed/);
  });
});

/** Begins once another one is to begin, too: they come by twos, or not at all. */
const PAIRS = `echo >>"$1"; while test $(($(wc -l <"$1") % 2)) = 1; do sleep 0.05; done; shift; exec "$@"`;

describe('max_unavailable 2', () => {
  it.each(['restart', 'HUP'])('takes two at a time by %s', async (how) => {
    const ports = await sitePorts(4);
    const text = (version: string): string =>
      siteText(ports, {
        web: {
          ...WEB,
          command: `sh DIR/pairs.sh DIR/begun ${quick('{port}', '--late-ms=500')}`,
          first_port: ports[1],
          max_unavailable: 2,
          environment: { VERSION: version },
        },
      });
    const site = await startSite(text('1'), { ports, files: { 'pairs.sh': PAIRS } });
    const apps = ports.slice(1);
    await site.serves(apps);
    const crowd = load(site);
    if (how === 'restart') expect(await site.ctl('restart', 'web:*')).toMatchObject({ code: 0 });
    else expect(await site.lbproxy.reload(text('2'))).toBe('reloaded');
    await site.lbproxy.printed('listens', 20_000, 8);
    await site.serves(apps);
    expect((await crowd.stop()).failures).toEqual([]);
    const steps = [...site.lbproxy.stdout().matchAll(/(begins|listens) (\d+)/g)]
      .slice(8)
      .map(([, what, port]) => `${what} ${apps.indexOf(Number(port))}`);
    expect(steps.slice(0, 4).toSorted()).toEqual(['begins 0', 'begins 1', 'listens 0', 'listens 1']);
    expect(steps.slice(4).toSorted()).toEqual(['begins 2', 'begins 3', 'listens 2', 'listens 3']);
  });
});
