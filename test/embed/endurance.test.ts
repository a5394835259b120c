// Under load: a peer killed and started again costs no GET, and nothing is left behind by thousands of requests.
import { type ChildProcess, spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { freePorts } from '../support/free-ports.ts';
import { deadPort, startRawUpstream, startUpstream } from '../support/upstream.ts';
import { ask, startApp, until } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const script = fileURLToPath(new URL('peer-process.mjs', import.meta.url));

interface PeerProcess {
  readonly port: number;
  kill(): Promise<void>;
  close(): Promise<void>;
}

async function startPeer(port: number, text: string): Promise<PeerProcess> {
  const child: ChildProcess = spawn(process.execPath, [script, `${port}`, text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const bound = await new Promise<number>((resolve, reject) => {
    child.stdout?.once('data', (data) => resolve(Number(data)));
    child.once('exit', () => reject(new Error('the peer did not start')));
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return { port: bound, kill, close: kill };
}

describe('a peer that is killed and comes back', () => {
  it('costs none of 500 GETs', async () => {
    const steady = own(await startPeer(0, 'steady'));
    // One that nobody else is given while its process is away.
    const [port] = await freePorts(1);
    let shaky = own(await startPeer(port, 'shaky'));
    const app = own(
      await startApp({
        upstream: {
          servers: [
            { address: `127.0.0.1:${steady.port}`, fail_timeout: '100ms' },
            { address: `127.0.0.1:${port}`, fail_timeout: '100ms' },
          ],
        },
      }),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    const answers: string[] = [];
    let asked = 0;
    const client = async (): Promise<void> => {
      while (asked < 500) {
        asked++;
        const answer = await ask(app.port, { agent }).catch((error: Error) => ({
          status: 0,
          body: error.message,
        }));
        answers.push(`${answer.status} ${answer.body}`);
      }
    };
    const clients = Array.from({ length: 20 }, client);
    for (const milestone of [100, 200, 300]) {
      await until(() => asked >= milestone, `request ${milestone}`);
      await shaky.kill();
      shaky = own(await startPeer(port, 'shaky'));
    }
    await Promise.all(clients);
    agent.destroy();
    expect(answers).toHaveLength(500);
    expect(answers.filter((answer) => !['200 steady', '200 shaky'].includes(answer))).toEqual([]);
    expect(new Set(answers).size).toBe(2);
  });
});

describe('a connection that the peer closes as it is used again', () => {
  const closingSecond = () =>
    startRawUpstream((socket) => {
      let requests = 0;
      socket.on('data', () => {
        if (++requests > 1) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });

  it('is replaced once for a GET, with one peer only and without blame', async () => {
    const raw = own(await closingSecond());
    const app = own(await startApp({ upstream: { servers: [raw.address] } }));
    for (let i = 0; i < 6; i++) expect(await ask(app.port)).toMatchObject({ status: 200, body: 'ok' });
    expect(raw.connections).toBeGreaterThan(1);
    expect(app.balancer.upstream.peers[0]).toMatchObject({ fails: 0, active: 0 });
  });

  it('fails a POST, which may have been done', async () => {
    const raw = own(await closingSecond());
    const app = own(await startApp({ upstream: { servers: [raw.address] } }));
    await ask(app.port);
    expect((await ask(app.port, { method: 'POST', body: 'x' })).status).toBe(502);
  });
});

describe('nothing is left behind', () => {
  it('by requests, failures and attempts beyond the limit of listeners', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`);
    process.on('warning', onWarning);
    const connections = new Set<unknown>();
    const peer = own(await startUpstream((_req, res) => res.end('ok')));
    peer.server.on('connection', (socket) => {
      connections.add(socket);
      socket.on('close', () => connections.delete(socket));
    });
    // Fourteen attempts of one request: more than the ten listeners that an emitter takes without a warning.
    const dead = await Promise.all(Array.from({ length: 13 }, async () => `127.0.0.1:${await deadPort()}`));
    const servers = [...dead.map((address) => ({ address, max_fails: 0 })), peer.address];
    const app = own(await startApp({ upstream: { servers } }));
    const listeners = new Set<number>();
    app.server.on('request', (req, res) => {
      const count = (): void => {
        const emitters = [req, res, req.socket];
        listeners.add(
          Math.max(...emitters.flatMap((e) => e.eventNames().map((name) => e.listenerCount(name)))),
        );
      };
      setImmediate(count);
      res.on('close', count);
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 5 });
    const burst = async (): Promise<void> => {
      await Promise.all(Array.from({ length: 50 }, () => ask(app.port, { agent, method: 'PUT', body: 'x' })));
    };
    for (let i = 0; i < 6; i++) await burst();
    agent.destroy();
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(Math.max(...listeners)).toBeLessThan(6);
    expect(app.balancer.upstream.peers.map((p) => p.active)).toEqual(servers.map(() => 0));
    expect(connections.size).toBeLessThanOrEqual(50);
    // Idle connections end by themselves, before the peer would end them.
    await until(() => connections.size === 0, 'the end of idle connections', 4000);
  });

  it('on a connection to a peer that serves many requests', async () => {
    const peer = own(await startUpstream((_req, res) => res.end('ok')));
    const app = own(await startApp({ upstream: { servers: [peer.address] }, proxyTimeout: 5000 }));
    const counts: number[] = [];
    let sockets = 0;
    peer.server.on('connection', () => sockets++);
    app.balancer.on('proxyReq', (_proxyReq, _req, _res, _options, socket) => {
      counts.push(socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0));
    });
    for (let i = 0; i < 200; i++) await ask(app.port);
    expect(sockets).toBe(1);
    expect(Math.max(...counts.slice(150))).toBeLessThanOrEqual(Math.max(...counts.slice(1, 50)));
  });

  it('by WebSockets', async () => {
    const child = own(await startPeer(0, 'echo'));
    const app = own(
      await startApp({ upstream: { servers: [`127.0.0.1:${await deadPort()}`, `127.0.0.1:${child.port}`] } }),
    );
    const sockets = new Set<unknown>();
    app.server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    const one = (i: number): Promise<string> =>
      new Promise((resolve, reject) => {
        const client = new WebSocket(`ws://127.0.0.1:${app.port}/`);
        client.on('error', reject);
        client.on('open', () => client.send(`${i}`));
        client.on('message', (data) => {
          client.close();
          resolve(String(data));
        });
      });
    for (let i = 0; i < 50; i++) expect(await one(i)).toBe(`echo ${i}`);
    await until(() => sockets.size === 0, 'the end of all sockets');
    expect(app.balancer.upstream.peers[1].active).toBe(0);
  });

  it('close() lets idle connections go and requests under way finish', async () => {
    let finish: (() => void) | null = null;
    const connections = new Set<unknown>();
    const peer = own(
      await startUpstream((req, res) => {
        if (req.url === '/slow') finish = () => void res.end('slow');
        else res.end('ok');
      }),
    );
    peer.server.on('connection', (socket) => {
      connections.add(socket);
      socket.on('close', () => connections.delete(socket));
    });
    const app = own(await startApp({ upstream: { servers: [peer.address] } }));
    const slow = ask(app.port, { path: '/slow' });
    await until(() => finish !== null, 'the slow request');
    await ask(app.port);
    await until(() => connections.size === 2, 'both connections');
    app.balancer.close();
    await until(() => connections.size === 1, 'the end of the idle connection', 10_000);
    (finish as unknown as () => void)();
    expect((await slow).body).toBe('slow');
    await until(() => connections.size === 0, 'the end of the other', 10_000);
  });
});
