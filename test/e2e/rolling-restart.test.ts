// A rolling restart costs nobody a request, GET or POST: one process after the other leaves the balancer, finishes what is under way, and is
// back before the next one goes. A release that does not start stops it, with the others serving on.
import { expect, it } from 'vitest';
import { p99, startCrowd } from '../support/http-client.ts';
import { hasTornado, sitePorts, siteText, startSite, tornado } from '../support/pool-site.ts';

/** Each is about 3 s. By hand: ROUNDS=50. */
const ROUNDS = Number(process.env.ROUNDS ?? 5);

it.skipIf(!hasTornado)(
  'rolling restarts of four Tornado processes under 100 clients fail no request',
  async () => {
    const ports = await sitePorts(4);
    const programs = { web: { command: tornado(), numprocs: 4, first_port: ports[1] } };
    const startedAt = performance.now();
    const site = await startSite(siteText(ports, programs), { ports });
    await site.serves(ports.slice(1));
    const startMs = performance.now() - startedAt;
    const before = site.pidsOn(ports.slice(1));
    const crowd = startCrowd(site.port, { clients: 100, keepAlive: true, pauseMs: 50, echoPath: '/' });
    for (let round = 0; round < ROUNDS; round++) {
      const { code, text } = await site.ctl('restart', 'web:*');
      expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('started') });
    }
    const { failures, requests, timesMs } = await crowd.stop();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(ROUNDS * 500);
    // About what the app itself takes to start, on a busy machine too.
    expect(p99(timesMs)).toBeLessThan(Math.max(500, startMs));
    const after = site.pidsOn(ports.slice(1));
    expect(after.filter((pid) => pid === undefined || before.includes(pid))).toEqual([]);
  },
  120_000 + ROUNDS * 30_000,
);
