// What an acceptor says of the ports of processes, and what the pool makes of it.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { AcceptorPool, type PoolHome } from '../../src/cluster/acceptor-pool.ts';
import type { FromAcceptor } from '../../src/cluster/messages.ts';
import { PeerDrain } from '../../src/cluster/peer-drain.ts';
import { FACES } from '../../src/face/face.ts';
import type { Log } from '../../src/observe/error-log.ts';
import { get, pause, until } from '../support/http-client.ts';
import { startProxy } from '../support/proxy.ts';
import { startUpstream } from '../support/upstream.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('an acceptor', () => {
  async function open() {
    const held: (() => void)[] = [];
    const peer = await startUpstream((_req, res) => void held.push(() => res.end('done')));
    cleanups.push(() => peer.close());
    const sockets = new WebSocketServer({ server: peer.server });
    cleanups.push(() => sockets.close());
    const proxy = await startProxy(
      `http { server { listen 127.0.0.1:0; location / { proxy_pass http://${peer.address}; } } }`,
    );
    cleanups.push(() => proxy.close());
    const said: FromAcceptor[] = [];
    const drain = new PeerDrain(
      (see) => {
        for (const listener of proxy.listeners) listener.eachExchange(see);
      },
      (message) => said.push(message),
    );
    return { held, peer, proxy, said, drain, port: Number(peer.address.split(':')[1]) };
  }

  it('says that a port is idle at once, or when the last exchange there has ended', async () => {
    const { held, proxy, said, drain, port } = await open();
    drain.take({ type: 'drain-peer', id: 1, ports: [port] });
    expect(said).toEqual([{ type: 'peer-idle', id: 1 }]);
    const answers = [get(proxy.port), get(proxy.port)];
    await until(() => held.length === 2, 5000, 'two requests at the peer');
    drain.take({ type: 'drain-peer', id: 2, ports: [port] });
    drain.take({ type: 'drain-peer', id: 3, ports: [1, port] });
    drain.take({ type: 'drain-peer', id: 4, ports: [1] });
    drain.take({ type: 'drain-stop', id: 3 });
    drain.take({ type: 'count', id: 5 });
    const ports = { [port]: { exchanges: 2, tunnels: 0 } };
    expect(said.slice(1)).toEqual([
      { type: 'peer-idle', id: 4 },
      { type: 'counts', id: 5, ports },
    ]);
    for (const end of held) end();
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(['done', 'done']);
    await until(() => said.length > 3, 2000, 'the word');
    expect(said.at(-1)).toEqual({ type: 'peer-idle', id: 2 });
    // And no more than that.
    await pause(150);
    expect(said).toHaveLength(4);
  });

  it('tells tunnels apart', async () => {
    const { proxy, said, drain, port } = await open();
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`);
    await once(socket, 'open');
    drain.take({ type: 'count', id: 1 });
    drain.take({ type: 'drain-peer', id: 2, ports: [port] });
    expect(said).toEqual([{ type: 'counts', id: 1, ports: { [port]: { exchanges: 0, tunnels: 1 } } }]);
    socket.close();
    await until(() => said.length === 2, 3000, 'the word');
    expect(said[1]).toEqual({ type: 'peer-idle', id: 2 });
  });
});

describe('the pool', () => {
  /** Acceptors that answer as `answer` says; it is the text of a function of the message. */
  async function pool(wanted: number, answer: string): Promise<AcceptorPool> {
    const dir = mkdtempSync(join(tmpdir(), 'lbproxy-pool-'));
    const exec = join(dir, 'answers.cjs');
    writeFileSync(
      exec,
      `const answer = ${answer};
       process.on('message', (m) => {
         if (m.type === 'commit') process.send({ type: 'committed', generation: m.generation, problem: null });
         else answer(m);
       });
       process.send({ type: 'ready' }); setInterval(() => process.send({ type: 'alive' }), 200);`,
    );
    cluster.setupPrimary({ exec, args: [], serialization: 'json' });
    const note = (): void => {};
    const log: Log = {
      debug: note,
      info: note,
      notice: note,
      warn: note,
      error: note,
      crit: note,
      alert: note,
      emerg: note,
    };
    const state = { groups: [], zones: [], log: { segment: 0, offset: 0 } };
    const home: PoolHome = {
      log,
      face: FACES.lbproxy,
      wanted,
      bringUp: async (slot) => {
        await slot.commit({ type: 'commit', generation: slot.id, state });
        return null;
      },
      onProblem: note,
      onLog: note,
      findLeaf: () => Promise.resolve(null),
      onTraffic: note,
      onGone: note,
    };
    const acceptors = new AcceptorPool(home);
    cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
    cleanups.push(() => {
      acceptors.stop();
      for (const slot of acceptors.all) slot.kill();
      return acceptors.gone(1);
    });
    await acceptors.start();
    return acceptors;
  }

  const IDLE = `(m) => m.type === 'drain-peer' && setTimeout(() => process.send({ type: 'peer-idle', id: m.id }), 50)`;

  it('is idle when all say so', async () => {
    const acceptors = await pool(2, IDLE);
    expect(await acceptors.idle([8001], 5000)).toBe(true);
    expect(await acceptors.idle([8001], 0)).toBe(false);
  });

  it('is not when one does not say so within the limit, and tells it to stop', async () => {
    const acceptors = await pool(2, `(m) => m.type === 'drain-stop' && process.exit(0)`);
    const startedAt = performance.now();
    const [one, two] = acceptors.all.map(({ worker }) => once(worker, 'exit'));
    expect(await acceptors.idle([8001], 200)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await Promise.all([one, two]);
  });

  it('takes one that dies for idle', async () => {
    const acceptors = await pool(2, `(m) => m.type === 'drain-peer' && process.kill(process.pid, 'SIGKILL')`);
    expect(await acceptors.idle([8001], 10_000)).toBe(true);
  });

  it('adds up what is under way, without those that do not say', async () => {
    const acceptors = await pool(
      3,
      `(m) => m.type === 'count' && process.env.NODE_UNIQUE_ID !== '1' &&
        process.send({ type: 'counts', id: m.id, ports: { 8001: { exchanges: 2, tunnels: 1 } } })`,
    );
    const silent = acceptors.all.some((slot) => slot.id === 1) ? 1 : 0;
    const n = 3 - silent;
    // Nor those that do not say it in time.
    const counts = () => acceptors.inFlight();
    await expect.poll(counts, { timeout: 20_000 }).toEqual({ 8001: { exchanges: 2 * n, tunnels: n } });
  });
});
