// The balancer knows the state of every process that it feeds: requests wait for one that is on its way, within bounds, and what a crash
// or a restart leaves without an answer is asked again where that is harmless.
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePorts } from '../support/free-ports.ts';
import { get, pause, startCrowd, until } from '../support/http-client.ts';
import {
  childrenOf,
  commandOf,
  connectionsOn,
  type LbproxyProcess,
  spawnLbproxy,
} from '../support/lbproxy-process.ts';
import { PEER_PROGRAM, waitingAt } from '../support/peer-process.ts';

const processOn = (lbproxy: LbproxyProcess, port: number): number | undefined =>
  childrenOf(lbproxy.pid).find((pid) => commandOf(pid).includes(`--port=${port}`));

/** Waits before it listens: while there is a file DIR/held, and as long as the file DIR/late says in seconds, else not at all. */
const LATE = (dir: string): string =>
  `sh -c 'while [ -e ${dir}/held ]; do sleep 0.05; done; sleep $(cat ${dir}/late 2>/dev/null || echo 0); exec ${process.execPath} ${PEER_PROGRAM} --port={port}'`;

/** Its programs do not listen until they are let go, however long the rest of a start takes. */
const HELD = { held: '' };
const letGo = (lbproxy: LbproxyProcess): void => rmSync(join(lbproxy.dir, 'held'));

interface Own {
  readonly acceptors?: number;
  readonly numprocs?: number;
  readonly location?: object;
  readonly server?: object;
  readonly program?: object;
  readonly upstream?: object;
}

interface App {
  readonly lbproxy: LbproxyProcess;
  readonly first: number;
  /** Another configuration, as `own` says. */
  text(own: Own): string;
}

async function startApp(own: Own = {}, files: Readonly<Record<string, string>> = {}): Promise<App> {
  const ports = await freePorts(1 + (own.numprocs ?? 1));
  const text = (more: Own): string =>
    JSON.stringify({
      acceptors: more.acceptors ?? 1,
      error_detail: 'on',
      programs: {
        app: {
          command: LATE('DIR'),
          numprocs: more.numprocs ?? 1,
          first_port: ports[1],
          startsecs: 0,
          ...more.program,
        },
      },
      upstreams: { app: more.upstream ?? { program: 'app' } },
      servers: [
        {
          listen: `127.0.0.1:${ports[0]}`,
          ...more.server,
          locations: { '/up': { return: '200 up' }, '/': { proxy_pass: 'http://app', ...more.location } },
        },
      ],
    });
  const lbproxy = await spawnLbproxy(text(own), { ports, files });
  await takesRequests(lbproxy);
  return { lbproxy, first: ports[1], text };
}

/** It says that it is ready when its programs are, too. */
const takesRequests = (lbproxy: LbproxyProcess): Promise<void> =>
  until(
    async () => (await get(lbproxy.port, '/up').catch(() => null))?.status === 200,
    20_000,
    'lbproxy takes requests',
  );

/** Until the process on that port answers. */
async function serves(app: App, port = app.first): Promise<void> {
  await until(
    async () => (await get(app.lbproxy.port, '/').catch(() => null))?.body === `${port}\n`,
    30_000,
    `an answer of ${port}`,
  );
}

/** Ends the process; the next one listens so many seconds later. */
function crash(app: App, lateSeconds: number, port = app.first): void {
  writeFileSync(join(app.lbproxy.dir, 'late'), String(lateSeconds));
  const pid = processOn(app.lbproxy, port);
  if (pid === undefined) throw new Error(`nothing runs on ${port}`);
  process.kill(pid, 'SIGKILL');
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly ms: number;
}

function send(port: number, { method = 'GET', path = '/', headers, body }: Sent): Promise<Answered> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (res) => {
      let text = '';
      res.setEncoding('latin1').on('data', (part: string) => (text += part));
      res.on('error', reject);
      res.on('end', () => {
        const ms = performance.now() - startedAt;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text, ms });
      });
    });
    req.setTimeout(20_000, () => req.destroy(new Error('no answer for 20 s')));
    req.on('error', reject);
    req.end(body);
  });
}

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'sec-fetch-dest': 'document' };

describe('a request whose group has no process that serves', () => {
  it('waits for the one that is starting', async () => {
    const app = await startApp({}, HELD);
    const asked = send(app.lbproxy.port, {});
    await pause(400);
    letGo(app.lbproxy);
    const { status, body, ms } = await asked;
    expect({ status, body }).toEqual({ status: 200, body: `${app.first}\n` });
    expect(ms).toBeGreaterThan(300);
  });

  it('waits for the one that crashed, though it learns of that by its own broken connection', async () => {
    const app = await startApp();
    await serves(app);
    const slow = send(app.lbproxy.port, { path: '/slow?ms=600' });
    await pause(200);
    crash(app, 1);
    expect(await slow).toMatchObject({ status: 200, body: `${app.first}\n` });
  });

  it('is sent again when it is a GET, and not when it is a POST whose bytes had gone', async () => {
    const app = await startApp();
    await serves(app);
    const post = send(app.lbproxy.port, {
      method: 'POST',
      path: '/late-sink?ms=5000',
      body: Buffer.from('x'),
    });
    await until(async () => (await waitingAt(app.first)) === 1, 4000, 'the POST at the process');
    crash(app, 1);
    expect(await post).toMatchObject({ status: 502 });
    // The system closes what a killed process had open one after the other: a POST on another connection of it could be lost as well.
    await pause(300);
    const unsent = await send(app.lbproxy.port, {
      method: 'POST',
      path: '/echo',
      body: Buffer.from('unsent'),
    });
    expect(unsent).toMatchObject({ status: 200, body: 'unsent' });
  });

  it('gets its 504 when proxy_hold is over, and its 502 at once where it is 0', async () => {
    const app = await startApp({ location: { proxy_hold: '500ms' } }, { late: '9' });
    const late = await send(app.lbproxy.port, {});
    expect(late.status).toBe(504);
    expect(late.ms).toBeGreaterThan(450);
    expect(late.ms).toBeLessThan(8000);
    expect(late.body).toContain('no process of the group was ready within proxy_hold (500 ms)');
    expect(late.body).toContain(`app (port ${app.first}): starting`);
    expect(await app.lbproxy.reload(app.text({ upstream: { program: 'app', hold: '0' } }))).toBe('reloaded');
    const none = await send(app.lbproxy.port, {});
    expect(none.status).toBe(502);
    expect(none.ms).toBeLessThan(8000);
  });

  it('gets its 502 as soon as nothing is on its way any more', async () => {
    const app = await startApp({
      program: { command: `sh -c 'sleep 1; exit 3'`, give_up: true, startretries: 0 },
    });
    const { status, body, ms } = await send(app.lbproxy.port, {});
    expect(status).toBe(502);
    expect(ms).toBeLessThan(5000);
    expect(body).toContain('no peer of the group is available');
    await app.lbproxy.printed('no peer of the group is available', 3000);
  });

  it('does not wait when as many wait as may', async () => {
    const app = await startApp({ location: { proxy_hold_requests: 2 } }, HELD);
    const statuses: number[] = [];
    const all = Array.from({ length: 5 }, async () =>
      statuses.push((await send(app.lbproxy.port, {})).status),
    );
    await until(() => statuses.length === 3, 10_000, 'the answers of those who may not wait');
    expect(statuses).toEqual([502, 502, 502]);
    letGo(app.lbproxy);
    await Promise.all(all);
    expect(statuses.slice(3)).toEqual([200, 200]);
  });

  it('leaves its place when its client leaves', async () => {
    const app = await startApp({ location: { proxy_hold_requests: 1 } }, HELD);
    const leaver = connect(app.lbproxy.port, '127.0.0.1');
    leaver.on('error', () => {});
    leaver.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await pause(300);
    expect((await send(app.lbproxy.port, {})).status).toBe(502);
    leaver.destroy();
    await pause(200);
    const next = send(app.lbproxy.port, {});
    await pause(200);
    letGo(app.lbproxy);
    expect((await next).status).toBe(200);
  });

  it('keeps a body of 1 MB waiting, with its client held back, and sends it whole', async () => {
    const app = await startApp({ server: { client_max_body_size: '2m' } }, { late: '1' });
    const body = Buffer.alloc(1 << 20, 'held back ');
    const { status, body: text } = await send(app.lbproxy.port, { method: 'PUT', path: '/hash', body });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      bytes: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
    });
  });

  it('waits as a chunked one that comes to be known whole, too', async () => {
    const app = await startApp({}, { late: '1' });
    const { status, body } = await send(app.lbproxy.port, {
      method: 'PUT',
      path: '/echo',
      headers: { 'transfer-encoding': 'chunked' },
      body: Buffer.from('in pieces'),
    });
    expect({ status, body }).toEqual({ status: 200, body: 'in pieces' });
  });

  it('waits as a WebSocket, too', async () => {
    const app = await startApp({}, { late: '1' });
    const socket = new WebSocket(`ws://127.0.0.1:${app.lbproxy.port}/`);
    const answer = await new Promise<string>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (data) => resolve(String(data)));
    });
    socket.terminate();
    expect(answer).toBe(`${app.first} hello`);
  });

  it('goes on waiting over a reload, also where its group is another one then', async () => {
    const app = await startApp({}, { late: '2' });
    const waiting = send(app.lbproxy.port, {});
    await pause(300);
    const other = { program: 'app', keepalive: 7 };
    expect(await app.lbproxy.reload(app.text({ upstream: other }))).toBe('reloaded');
    expect(await waiting).toMatchObject({ status: 200, body: `${app.first}\n` });
  });

  it('waits in each of two acceptors, of which one may die', async () => {
    const app = await startApp({ acceptors: 2 }, HELD);
    const { lbproxy } = app;
    const pids = await lbproxy.acceptors(2);
    // Which of them takes a connection is the kernel's choice.
    const all: Promise<{ status: number }>[] = [];
    await until(
      () => {
        for (let i = 0; i < 4; i++) all.push(send(lbproxy.port, {}).catch(() => ({ status: 0 })));
        return all.length > 4 && pids.every((pid) => connectionsOn(pid, lbproxy.port) > 0);
      },
      15_000,
      'requests in both acceptors',
    );
    const [victim] = pids;
    process.kill(victim, 'SIGKILL');
    letGo(lbproxy);
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    // Those of the dead one are lost with their connections, the others have their answer.
    expect(new Set(statuses)).toEqual(new Set([0, 200]));
    await app.lbproxy.acceptors(2, [victim]);
    expect((await send(app.lbproxy.port, {})).status).toBe(200);
  });
});

describe('a browser', () => {
  it('gets a page after 2 s that asks again, others wait on', async () => {
    const app = await startApp({}, HELD);
    const asked = send(app.lbproxy.port, { headers: { ...BROWSER, 'sec-fetch-dest': 'empty' } });
    const page = await send(app.lbproxy.port, { headers: BROWSER });
    letGo(app.lbproxy);
    const other = await asked;
    expect(page.status).toBe(503);
    expect(page.ms).toBeGreaterThan(1900);
    expect(page.ms).toBeLessThan(8000);
    expect(page.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect(page.body).toContain('<meta http-equiv="refresh" content="1">');
    expect(page.body).toContain(`starting app (port ${app.first}): starting`);
    expect(other).toMatchObject({ status: 200, body: `${app.first}\n` });
  });
});

describe('under load', () => {
  it('processes that are killed one after the other cost no GET', async () => {
    const app = await startApp({ acceptors: 2, numprocs: 4 });
    await serves(app);
    const crowd = startCrowd(app.lbproxy.port, { clients: 100, keepAlive: true, pauseMs: 20 });
    for (let i = 0; i < 26; i++) {
      await pause(300);
      const port = app.first + ((i * 7) % 4);
      // One that ends before it serves has failed to start, which is another story; on a busy machine that takes its time.
      await serves(app, port);
      const pid = processOn(app.lbproxy, port);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    }
    const result = await crowd.stop();
    expect(result.failures).toEqual([]);
    expect(result.requests).toBeGreaterThan(200);
  });

  it('the only process of a group is restarted without a failure', async () => {
    const app = await startApp({ acceptors: 2 });
    await serves(app);
    const crowd = startCrowd(app.lbproxy.port, { clients: 50, keepAlive: true, pauseMs: 20 });
    for (const round of [1, 2, 3]) {
      await pause(500);
      const program = { environment: { ROUND: String(round) } };
      expect(await app.lbproxy.reload(app.text({ acceptors: 2, program }))).toBe('reloaded');
      await pause(700);
    }
    const result = await crowd.stop();
    expect(result.failures).toEqual([]);
    expect(result.requests).toBeGreaterThan(100);
  });
});

describe('a plain server whose port is that of a process', () => {
  it.each(['127.0.0.1', 'localhost'])('%s follows it, in an upstream and without one', async (host) => {
    const ports = await freePorts(2);
    const lbproxy = await spawnLbproxy(
      JSON.stringify({
        acceptors: 1,
        programs: { app: { command: LATE('DIR'), first_port: ports[1], startsecs: 0 } },
        upstreams: { group: { servers: [{ address: `${host}:${ports[1]}`, weight: 3 }] } },
        servers: [
          {
            listen: `127.0.0.1:${ports[0]}`,
            locations: {
              '/up': { return: '200 up' },
              '/': { proxy_pass: `http://${host}:${ports[1]}` },
              '/slow': { proxy_pass: 'http://group' },
              '/echo': { set: `$to ${host}:${ports[1]}`, proxy_pass: 'http://$to' },
            },
          },
        ],
      }),
      { ports, files: HELD },
    );
    await takesRequests(lbproxy);
    const paths = ['/', '/slow?ms=1', '/echo'];
    const asked = paths.map((path) => send(lbproxy.port, { path }));
    await pause(400);
    letGo(lbproxy);
    const all = await Promise.all(asked);
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(all[0].ms).toBeGreaterThan(300);
    expect(lbproxy.stderr()).not.toContain('failed');
  });
});
