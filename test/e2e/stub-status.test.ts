// stub_status and $connections_…: of all acceptors, whichever answers, and also when one was killed.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { get, until } from '../support/http-client.ts';
import { connectionsOn, startLbproxy } from '../support/lbproxy-process.ts';

const CONFIG = `worker_processes 2;
  http {
    keepalive_timeout 60s;
    server {
      listen 127.0.0.1:PORT1;
      location = /status { stub_status; }
      location = /active { return 200 $connections_active; }
      location / { return 200 x; }
    }
  }`;

/** At once: otherwise one acceptor may take them all. */
function clients(port: number, count: number): Promise<Socket[]> {
  const client = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    return socket;
  };
  return Promise.all(Array.from({ length: count }, client));
}

async function numbers(port: number): Promise<number[]> {
  const { body } = await get(port, '/status');
  return (String(body).match(/\d+/g) ?? []).map(Number);
}

describe('stub_status with two acceptors', () => {
  it('has the numbers of both', async () => {
    const lbproxy = await startLbproxy(CONFIG);
    const { port } = lbproxy;
    const pids = lbproxy.acceptorPids();
    const idle: Socket[] = [];
    // Both have some: who takes a connection is the kernel's choice.
    while (pids.some((pid) => connectionsOn(pid, port) < 3)) idle.push(...(await clients(port, 4)));
    const count = idle.length;
    // The one that asks is there too, writing.
    await until(async () => (await numbers(port))[0] === count + 1, 10_000, 'all clients are seen');
    for (let i = 0; i < 10; i++) {
      const [active, accepted, handled, requests, , , waiting] = await numbers(port);
      // A moment passes until those that asked before are told of as gone.
      expect(active).toBeGreaterThanOrEqual(count + 1);
      expect(accepted).toBeGreaterThan(count);
      expect(handled).toBe(accepted);
      expect(requests).toBeGreaterThan(count);
      expect(waiting).toBeGreaterThanOrEqual(count);
    }
    await until(
      async () => String((await get(port, '/active')).body) === String(count + 1),
      10_000,
      '$connections_active has all',
    );
    // Those that asked are gone from the processes, too.
    const connections = (): number[] => pids.map((pid) => connectionsOn(pid, port));
    await until(() => connections().reduce((sum, n) => sum + n) === count, 10_000, 'only clients are left');
    const [lost] = connections();
    process.kill(pids[0], 'SIGKILL');
    await lbproxy.acceptors(2, [pids[0]]);
    await until(
      async () => (await numbers(port))[0] === count - lost + 1,
      10_000,
      'the dead one’s clients are gone',
    );
    // What it had served stays counted.
    expect((await numbers(port))[1]).toBeGreaterThan(count);
    for (const socket of idle) socket.destroy();
    await until(async () => (await numbers(port))[0] === 1, 10_000, 'nobody is left but who asks');
  }, 40_000);
});
