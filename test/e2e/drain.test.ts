// A process that is to stop leaves the balancer, finishes what is under way on it as long as drain lets it, and gets its signal then.
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { get, pause, until } from '../support/http-client.ts';
import { isAlive } from '../support/lbproxy-process.ts';
import {
  hasTornado,
  type PoolSite,
  quick,
  sitePorts,
  siteText,
  startSite,
  tornado,
} from '../support/pool-site.ts';

async function start(
  numprocs: number,
  own: object = {},
): Promise<{ site: PoolSite; apps: readonly number[]; text: (n: number) => string }> {
  const ports = await sitePorts(4);
  const text = (n: number): string =>
    siteText(ports, {
      web: { command: quick(), numprocs: n, first_port: ports[1], startsecs: '100ms', ...own },
    });
  const site = await startSite(text(numprocs), { ports });
  const apps = ports.slice(1, 1 + numprocs);
  await site.serves(apps);
  return { site, apps, text };
}

/** How many slow requests each process has, as it says itself. */
const waitingOn = (apps: readonly number[]): Promise<number[]> =>
  Promise.all(apps.map(async (port) => Number((await get(port, '/waiting')).body)));

/**
 * A slow request on each process; asked one after the other, because two that acceptors choose for in the same moment may come to one
 * process. Gives all the answers, the same ones once.
 */
async function slowOnEach(
  site: PoolSite,
  apps: readonly number[],
  ms: number,
): Promise<() => Promise<string[]>> {
  const asked: Promise<string>[] = [];
  const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
  while ((await waitingOn(apps)).includes(0)) {
    if (asked.length === 2 * apps.length) throw new Error(`${asked.length} requests left a process out`);
    asked.push(get(site.port, `/slow?ms=${ms}`).then(({ status, body }) => `${status} ${body}`, String));
    await until(async () => sum(await waitingOn(apps)) === asked.length, 2000, 'the request on a process');
  }
  return async () => [...new Set(await Promise.all(asked))].toSorted();
}

describe('requests under way', () => {
  it('of 3 s end on the processes that are restarted meanwhile', async () => {
    const { site, apps } = await start(2);
    const before = site.pidsOn(apps);
    const answers = await slowOnEach(site, apps, 3000);
    const startedAt = performance.now();
    expect(await site.ctl('restart', 'web:*')).toMatchObject({ code: 0 });
    expect(performance.now() - startedAt).toBeGreaterThan(2000);
    expect(await answers()).toEqual(apps.map((port, i) => `200 ${port} ${before[i]}`));
    for (const pid of site.pidsOn(apps)) expect(before).not.toContain(pid);
  });

  it('are cut where drain is 0, and go to another process when they are GETs', async () => {
    const { site, apps } = await start(2, { drain: 0 });
    const before = site.pidsOn(apps);
    const answers = await slowOnEach(site, apps, 9000);
    const startedAt = performance.now();
    expect(await site.ctl('stop', 'web:web_00')).toMatchObject({ code: 0 });
    // `ctl` itself may take a second or two.
    expect(performance.now() - startedAt).toBeLessThan(7500);
    expect(await answers()).toEqual([`200 ${apps[1]} ${before[1]}`]);
  });

  it('are cut when the limit of drain is over', async () => {
    const { site, apps } = await start(1, { drain: '700ms' });
    const answers = await slowOnEach(site, apps, 20_000);
    const startedAt = performance.now();
    expect(await site.ctl('stop', 'web')).toMatchObject({ code: 0 });
    expect(performance.now() - startedAt).toBeGreaterThan(650);
    const [answer] = await answers();
    expect(answer).toMatch(/^502/);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });

  it('end before a smaller scale takes their process', async () => {
    const { site, apps } = await start(3);
    const pids = site.pidsOn(apps);
    const answers = await slowOnEach(site, apps, 2500);
    expect(await site.ctl('scale', 'web', '1')).toMatchObject({ code: 0 });
    expect(await answers()).toEqual(apps.map((port, i) => `200 ${port} ${pids[i]}`));
    await expect.poll(() => pids.map((pid) => isAlive(pid ?? 0))).toEqual([true, false, false]);
  });

  it('end on a process taken out by hand, which then serves nothing until it is taken back', async () => {
    const { site, apps } = await start(2);
    const pids = site.pidsOn(apps);
    const answers = await slowOnEach(site, apps, 2000);
    expect(await site.ctl('drain', 'web:web_00')).toMatchObject({ code: 0 });
    expect(await answers()).toEqual(apps.map((port, i) => `200 ${port} ${pids[i]}`));
    for (let i = 0; i < 6; i++) expect((await get(site.port)).body).toBe(`${apps[1]} ${pids[1]}`);
    expect(site.pidOn(apps[0])).toBe(pids[0]);
    expect(await site.ctl('undrain', 'web:web_00')).toMatchObject({ code: 0 });
    await site.serves(apps);
  });
});

it.skipIf(!hasTornado)('a WebSocket ends with the limit of drain, and the process then', async () => {
  const ports = await sitePorts(1);
  const web = { command: tornado(), first_port: ports[1], drain: '1500ms' };
  const site = await startSite(siteText(ports, { web }), { ports });
  await site.serves([ports[1]]);
  const socket = new WebSocket(`ws://127.0.0.1:${site.port}/ws`);
  const said: string[] = [];
  let closedAt = 0;
  socket.on('error', () => {});
  socket.on('close', () => (closedAt = performance.now()));
  socket.on('message', (data) => said.push(String(data)));
  await new Promise((resolve) => socket.once('open', resolve));
  const startedAt = performance.now();
  const restarted = site.ctl('restart', 'web');
  await pause(600);
  socket.send('still here');
  await until(() => said.length === 1, 2000, 'an echo');
  expect(await restarted).toMatchObject({ code: 0 });
  await until(() => closedAt > 0, 2000, 'the end of the WebSocket');
  expect(closedAt - startedAt).toBeGreaterThan(1450);
  expect(said).toEqual([`${ports[1]} still here`]);
  await site.serves([ports[1]]);
});
