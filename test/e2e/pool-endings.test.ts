// What lbproxy's own end does with its programs, what a process that gave up or restarts itself does to requests.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get, pause, startCrowd, until } from '../support/http-client.ts';
import { childrenOf, commandOf, isAlive } from '../support/lbproxy-process.ts';
import { hasTornado, quick, sitePorts, siteText, startSite, tornado } from '../support/pool-site.ts';

const STUBBORN = `/bin/sh -c 'trap "" TERM INT QUIT HUP; echo up; while :; do sleep 0.2; done'`;

describe('lbproxy with programs that ignore signals', () => {
  it.each(['SIGTERM', 'SIGQUIT', 'SIGINT'] as const)('ends within stopwaitsecs of %s', async (signal) => {
    const ports = await sitePorts(1);
    const programs = {
      web: { command: quick(), first_port: ports[1] },
      stubborn: { command: STUBBORN, numprocs: 3, stopwaitsecs: '2s' },
    };
    const site = await startSite(siteText(ports, programs), { ports });
    await site.serves([ports[1]]);
    await site.lbproxy.printed('] up', 10_000, 3);
    const children = childrenOf(site.lbproxy.pid);
    const startedAt = performance.now();
    site.lbproxy.signal(signal);
    expect(await site.lbproxy.exited).toEqual({ code: 0, signal: null });
    const ms = performance.now() - startedAt;
    // Side by side: one stopwaitsecs for the three of them.
    expect(ms).toBeGreaterThan(1950);
    expect(ms).toBeLessThan(5900);
    expect(children.filter(isAlive)).toEqual([]);
  });

  it('keeps them over HUP', async () => {
    const ports = await sitePorts(1);
    const programs = {
      web: { command: quick(), first_port: ports[1] },
      stubborn: { command: STUBBORN, stopwaitsecs: '500ms' },
    };
    const site = await startSite(siteText(ports, programs), { ports });
    await site.serves([ports[1]]);
    await site.lbproxy.printed('] up');
    const commands = (): string[] =>
      childrenOf(site.lbproxy.pid)
        .map((pid) => `${pid} ${commandOf(pid)}`)
        .toSorted();
    const before = commands();
    expect(await site.lbproxy.reload()).toBe('reloaded');
    await pause(300);
    expect(commands()).toEqual(before);
  });

  it('stops the highest priority first, and those of one side by side', async () => {
    const ports = await sitePorts(0);
    const job = (name: string, priority: number, work = 'sleep 0.7'): object => ({
      command: `/bin/sh -c 'trap "echo ${name} >>DIR/order; ${work}; echo ${name} end >>DIR/order; exit" TERM; echo up; while :; do sleep 0.1; done'`,
      priority,
    });
    /** Ends only when the other one has been told, too. */
    const meets = (other: string): string => `while ! grep -qx ${other} DIR/order; do sleep 0.05; done`;
    const text = JSON.stringify({
      acceptors: 1,
      programs: {
        db: job('db', 10),
        one: job('one', 20, meets('two')),
        two: job('two', 20, meets('one')),
        last: job('last', 30),
      },
      servers: [{ listen: `127.0.0.1:${ports[0]}`, locations: { '/': { return: '200 up' } } }],
    });
    const site = await startSite(text, { ports });
    await site.lbproxy.printed('] up', 10_000, 4);
    site.lbproxy.signal('SIGTERM');
    await site.lbproxy.exited;
    const order = readFileSync(join(site.lbproxy.dir, 'order'), 'utf8').trim().split('\n');
    expect(order.slice(0, 2)).toEqual(['last', 'last end']);
    expect(order.slice(2, 4).toSorted()).toEqual(['one', 'two']);
    expect(order.slice(4, 6).toSorted()).toEqual(['one end', 'two end']);
    expect(order.slice(6)).toEqual(['db', 'db end']);
  });
});

describe('the only process of a group', () => {
  it('that is FATAL gives a 502 at once, with its reason and its last lines', async () => {
    const ports = await sitePorts(1);
    const web = {
      command: `/bin/sh -c 'echo "KeyError: DATABASE_URL" >&2; exit 3'`,
      first_port: ports[1],
      startretries: 1,
      give_up: true,
    };
    const site = await startSite(siteText(ports, { web }, { more: { error_detail: 'on' } }), { ports });
    await until(async () => (await site.status())[0]?.state === 'FATAL', 10_000, 'FATAL');
    const startedAt = performance.now();
    const { status, body } = await get(site.port);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(status).toBe(502);
    expect(body).toContain('exited with status 3');
    expect(body).toContain('KeyError: DATABASE_URL');
  });

  it.skipIf(!hasTornado)('that loads its code anew by itself (debug=True) is waited for', async () => {
    const ports = await sitePorts(1);
    const web = { command: tornado('{port}', '--debug', '--import=DIR/code.py'), first_port: ports[1] };
    const code = (version: number): string => `print("code ${version} is in", flush=True)\n`;
    const site = await startSite(siteText(ports, { web }), { ports, files: { 'code.py': code(1) } });
    await site.serves([ports[1]]);
    const pid = site.pidOn(ports[1]);
    const crowd = startCrowd(site.port, { clients: 20, keepAlive: true, pauseMs: 30 });
    for (let version = 2; version <= 4; version++) {
      await until(() => crowd.result.requests > version * 200, 20_000, 'answers');
      // A Tornado that has just begun takes the file as it is then for the one that it has read.
      const isIn = async (): Promise<boolean> => {
        writeFileSync(join(site.lbproxy.dir, 'code.py'), `${code(version)}# ${performance.now()}\n`);
        await pause(1500);
        return site.lbproxy.stdout().includes(`code ${version} is in`);
      };
      await until(isIn, 20_000, 'the new code');
    }
    await site.serves([ports[1]]);
    const { failures, requests, slowestMs } = await crowd.stop();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(500);
    // It was away for a moment, and is the same process still.
    expect(slowestMs).toBeGreaterThan(100);
    expect(site.pidOn(ports[1])).toBe(pid);
  });
});
