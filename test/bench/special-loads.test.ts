// The special loads of the benchmark, each against a tiny server of its own: right figures where all is right, a refusal where not.
import { constants } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  type Contender,
  PLAIN_SETUP,
  type Place,
  type Running,
  type Setup,
  startContender,
} from '../../bench/contenders/contender.ts';
import { handshakes } from '../../bench/load/handshakes.ts';
import { httpLoader } from '../../bench/load/http.ts';
import { idle } from '../../bench/load/idle.ts';
import { open } from '../../bench/load/open.ts';
import { pool } from '../../bench/load/pool.ts';
import { programsLoader } from '../../bench/load/programs.ts';
import { reload } from '../../bench/load/reload.ts';
import { reloads } from '../../bench/load/reloads.ts';
import { start } from '../../bench/load/start.ts';
import { websocket } from '../../bench/load/websocket.ts';
import { makeCertificate } from '../support/certificates.ts';
import { freePorts } from '../support/free-ports.ts';
import { MAIN } from '../support/main-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-bench-test-'));
const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const placeAt = (port: number): Place => ({
  port,
  upstreams: [],
  dir: mkdtempSync(join(dir, 'place-')),
  certificate: { certificate: '', key: '', both: '' },
  staticDir: dir,
});

function contenderOf(command: Contender['command']): Contender {
  return { name: 'tiny', install: '', version: () => '1', supports: () => true, command };
}

/** A program in place of a proxy: node PROGRAM PORT. */
const nodeProgram = (program: string): Contender =>
  contenderOf((_setup, place) => [process.execPath, path(program), String(place.port)]);

async function startTiny(contender: Contender, setup: Partial<Setup> = {}): Promise<Running> {
  const [port] = await freePorts(1);
  const place = placeAt(port);
  const running = await startContender(contender, { ...PLAIN_SETUP, ...setup, unpinned: true }, place);
  ends.push(running.stop);
  return running;
}

/** A server of this process in place of a proxy. */
async function listen(server: HttpServer, setup: Partial<Setup> = {}): Promise<Running> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const contender = contenderOf(() => []);
  const stop = async (): Promise<void> => {};
  return {
    ...{ contender, setup: { ...PLAIN_SETUP, ...setup }, place: placeAt(port) },
    ...{ pid: process.pid, pinned: false, stop },
  };
}

describe('the websocket load', () => {
  const load = { kind: 'websocket', connections: 4, bytes: 64 } as const;

  it('counts echoes', async () => {
    const running = await startTiny(nodeProgram('bench/websocket-upstream.ts'));
    await websocket.verify(running, load);
    const figures = await websocket.run(running, load, 1);
    expect(figures.failures).toBe(0);
    expect(figures.requestsPerSecond).toBeGreaterThan(10);
    expect(figures.p50Ms).toBeGreaterThan(0);
  });

  it('refuses a server that does not upgrade', async () => {
    const running = await listen(createServer((_req, res) => res.end('no')));
    await expect(websocket.verify(running, load)).rejects.toThrow('no echo through the proxy');
  });
});

describe('the handshakes load', () => {
  const files = makeCertificate(dir, 'localhost', 'localhost');
  const identity = { cert: readFileSync(files.certificate), key: readFileSync(files.key) };
  const start48 = (options: object): Promise<Running> =>
    listen(createTlsServer({ ...identity, ...options }, (_req, res) => res.end('x'.repeat(48))));
  const load = { kind: 'handshakes', version: 'TLSv1.3', resume: true, concurrency: 2 } as const;

  it('resumes sessions of both versions, and does full handshakes', async () => {
    const running = await start48({});
    for (const one of [load, { ...load, version: 'TLSv1.2' }, { ...load, resume: false }] as const) {
      await handshakes.verify(running, one);
      const figures = await handshakes.run(running, one, 1);
      expect(figures.failures).toBe(0);
      expect(figures.requestsPerSecond).toBeGreaterThan(5);
    }
  });

  it('refuses a server that does not resume', async () => {
    const running = await start48({ secureOptions: constants.SSL_OP_NO_TICKET, maxVersion: 'TLSv1.2' });
    const one = { ...load, version: 'TLSv1.2' } as const;
    await expect(handshakes.verify(running, one)).rejects.toThrow(/resume/);
    await handshakes.verify(running, { ...one, resume: false });
  });
});

describe('the idle load', () => {
  const load = { kind: 'idle', connections: 300, settleMs: 100 } as const;

  it.runIf(process.platform === 'linux')('finds the memory of open connections', async () => {
    const running = await startTiny(nodeProgram('bench/upstream-server.ts'));
    await idle.verify(running, load);
    const figures = await idle.run(running, load, 1);
    expect(figures.pssMb).toBeGreaterThan(5);
    expect(Math.abs(figures.bytesPerConnection)).toBeLessThan(1_000_000);
  });

  it('refuses a server that closes them', async () => {
    const server = createServer((req, res) => {
      res.end('x'.repeat(48));
      res.once('finish', () => setTimeout(() => req.socket.destroy(), 1));
    });
    const running = await listen(server);
    await expect(idle.verify(running, load)).rejects.toThrow('closed idle connections: of 200');
  });
});

describe('the open load', () => {
  it('asks every connection in its turn', async () => {
    const asked = new Map<unknown, number>();
    const server = createServer((req, res) => {
      asked.set(req.socket, (asked.get(req.socket) ?? 0) + 1);
      res.end('x'.repeat(48));
    });
    // A second's worth of connections: a shorter pause leaves every request one that is idle, so that it has to wait for none.
    const load = { kind: 'open', connections: 40, rate: 40 } as const;
    const figures = await open.run(await listen(server), load, 2.5);
    expect(figures.failures).toBe(0);
    const times = [...asked.values()];
    expect(times).toHaveLength(40);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
  });
});

describe('the start load', () => {
  it('waits for the first right answer', async () => {
    const running = await startTiny(nodeProgram('bench/upstream-server.ts'));
    const figures = await start.run(running, { kind: 'start' }, 0.1);
    expect(figures.starts).toBeGreaterThanOrEqual(1);
    expect(figures.firstAnswerMs).toBeGreaterThan(5);
    expect(figures.firstAnswerMs).toBeLessThan(10_000);
  });
});

/** Tells the generation of its file as of the last SIGHUP; closes all connections then if it is told to. */
const RELOADER = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const [file, port, rude] = process.argv.slice(2);
let generation = readFileSync(file, 'utf8');
const server = createServer((req, res) => {
  if (req.url === '/generation') return res.end(generation);
  setTimeout(() => res.end('x'.repeat(48)), 20);
}).listen(Number(port), '127.0.0.1');
process.on('SIGHUP', () => setTimeout(() => {
  generation = readFileSync(file, 'utf8');
  if (rude) server.closeAllConnections();
}, 30));
`;

const reloader = (rude: boolean): Contender =>
  contenderOf((setup, place) => {
    const [program, file] = [join(place.dir, 'reloader.mjs'), join(place.dir, 'generation')];
    writeFileSync(program, RELOADER);
    writeFileSync(file, String(setup.generation));
    return [process.execPath, program, file, String(place.port), ...(rude ? ['rude'] : [])];
  });

describe('the reload load', () => {
  const load = { kind: 'reload', perSecond: 200, connections: 4, freshEvery: 10, everyMs: 150 } as const;

  it('times reloads while requests go on', async () => {
    const running = await startTiny(reloader(false), { generation: 1 });
    await reload.verify(running, load);
    const figures = await reload.run(running, load, 3);
    expect(figures.lostRequests).toBe(0);
    expect(figures.reloads).toBeGreaterThanOrEqual(2);
    expect(figures.reloadMs).toBeGreaterThanOrEqual(29);
    expect(figures.reloadMs).toBeLessThan(2000);
  });

  it('counts the requests that a reload loses', async () => {
    const running = await startTiny(reloader(true), { generation: 1 });
    const figures = await reload.run(running, load, 1);
    expect(figures.lostRequests).toBeGreaterThan(0);
  });
});

describe('the reloads load', () => {
  it('compares what comes before the reloads with what comes behind', async () => {
    const load = {
      kind: 'reloads',
      reloads: 3,
      everyMs: 50,
      perSecond: 100,
      measuredPerSecond: 200,
    } as const;
    const running = await startTiny(reloader(false), { generation: 1 });
    const figures = await reloads.run(running, { ...load, warmSeconds: 0.1, settleMs: 10 }, 0.3);
    expect(figures).toMatchObject({ reloads: 3, lostRequests: 0, failures: 0 });
    if (process.platform !== 'linux') return;
    expect(Math.abs(figures.descriptorsPerReload)).toBeLessThan(20);
    expect(figures.primaryKb).not.toBeNaN();
  });
});

describe('the pool load', () => {
  it('measures lbproxy with programs that do nothing', { timeout: 60_000 }, async () => {
    const contender = contenderOf((_setup, place) => [process.execPath, MAIN, '--config', place.dir]);
    const running = await listen(createServer());
    const load = { kind: 'pool', programs: 4, told: 400, settleMs: 100 } as const;
    const figures = await pool.run({ ...running, contender }, load, 0.2);
    expect(figures.failures).toBe(0);
    if (process.platform === 'linux') expect(figures.kbPerProgram).not.toBeNaN();
  });
});

describe('the programs load', () => {
  it('measures lbproxy with its processes', { timeout: 60_000 }, async () => {
    const contender = contenderOf((_setup, place) => [process.execPath, MAIN, '--config', place.dir]);
    const running = await listen(createServer());
    const load = { kind: 'programs', app: 'node', perCore: 1, connections: 4 } as const;
    const programs = programsLoader(httpLoader('autocannon'));
    const figures = await programs.run({ ...running, contender }, load, 1);
    expect(figures.failures).toBe(0);
    expect(figures.requestsPerSecond).toBeGreaterThan(10);
    // lbproxy's own processes and those of the app.
    if (process.platform === 'linux') expect(figures.pssMb).toBeGreaterThan(20 * availableParallelism());
  });
});
