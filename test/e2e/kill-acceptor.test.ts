// Acceptors and the primary die: only requests in flight on the dead process are lost, nobody is refused, nobody is left behind.
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { type Crowd, get, pause, startCrowd, until } from '../support/http-client.ts';
import {
  childrenOf,
  connectionsOn,
  isAlive,
  type LbproxyProcess,
  startLbproxy,
} from '../support/lbproxy-process.ts';
import { PEER_PROGRAM, startPeers, waitingAt } from '../support/peer-process.ts';

const config = (address: string): string =>
  `worker_processes 2; http { server { listen 127.0.0.1:PORT1; location / { proxy_pass http://${address}; } } }`;

/** Clients that this acceptor serves, each on a connection that is kept: the others stand still while they come. */
async function crowdOn(lbproxy: LbproxyProcess, pid: number, clients: number): Promise<Crowd> {
  const others = lbproxy.acceptorPids().filter((other) => other !== pid);
  for (const other of others) process.kill(other, 'SIGSTOP');
  const crowd = startCrowd(lbproxy.port, { clients, keepAlive: true });
  await until(() => connectionsOn(pid, lbproxy.port) === clients, 4000, 'all clients in one acceptor');
  for (const other of others) process.kill(other, 'SIGCONT');
  return crowd;
}

describe('an acceptor that is killed under load', () => {
  it('takes only its own requests with it', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const [victim, other] = lbproxy.acceptorPids();
    const spared = await crowdOn(lbproxy, other, 20);
    const crowd = await crowdOn(lbproxy, victim, 20);
    const before = crowd.result.requests;
    await until(() => crowd.result.requests > before + 100, 20_000, 'load on the victim');
    process.kill(victim, 'SIGKILL');
    await lbproxy.acceptors(2, [victim]);
    const after = crowd.result.requests;
    await until(() => crowd.result.requests > after + 250, 20_000, 'load on the two that serve now');
    const { failures } = await crowd.stop();
    // At most one request on each of its connections, and no other kind of failure.
    expect((await spared.stop()).failures).toEqual([]);
    expect(failures.length).toBeLessThanOrEqual(20);
    expect(failures.filter((f) => f !== 'ECONNRESET' && f !== 'the answer is cut short')).toEqual([]);
  });

  it('is followed by one that starts within 100 ms, and serves', async () => {
    const [peer] = await startPeers(1);
    const startedAt = performance.now();
    const lbproxy = await startLbproxy(config(peer.address));
    // On a machine that is busy with other things a process needs as long as it needs.
    const limitMs = Math.max(4000, 3 * (performance.now() - startedAt));
    const first = lbproxy.acceptorPids();
    process.kill(first[0], 'SIGKILL');
    const killedAt = performance.now();
    await lbproxy.printed(`acceptor ${first[0]} exited on signal SIGKILL; a new one starts`);
    expect(lbproxy.stderr()).toMatch(/a new one starts (?:at once|in 100 ms)/);
    const [newcomer] = (await lbproxy.acceptors(2, [first[0]])).filter((pid) => !first.includes(pid));
    // With the other one stopped every connection is the newcomer's.
    process.kill(first[1], 'SIGSTOP');
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(lbproxy.port)));
    expect(performance.now() - killedAt).toBeLessThan(limitMs);
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    process.kill(first[1], 'SIGCONT');
    expect(isAlive(newcomer)).toBe(true);
  });
});

describe('all acceptors at once', () => {
  it('leave new connections waiting, not refused', async () => {
    const [peer] = await startPeers(1);
    const startedAt = performance.now();
    const lbproxy = await startLbproxy(config(peer.address));
    // As long as a start may take on a busy machine, and far from what a client has patience for.
    const limitMs = Math.max(8000, 4 * (performance.now() - startedAt));
    const crowd = startCrowd(lbproxy.port, { clients: 10, keepAlive: false, pauseMs: 5 });
    await pause(300);
    for (const pid of lbproxy.acceptorPids()) process.kill(pid, 'SIGKILL');
    await pause(20);
    expect((await get(lbproxy.port)).status).toBe(200);
    await pause(500);
    const { failures, slowestMs } = await crowd.stop();
    expect(failures.filter((failure) => failure === 'ECONNREFUSED')).toEqual([]);
    expect(failures.length).toBeLessThanOrEqual(10);
    expect(slowestMs).toBeLessThan(limitMs);
  });

  it('are started with growing pauses when they die again and again', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(
      config(peer.address).replace('worker_processes 2', 'worker_processes 1'),
    );
    const known: number[] = [];
    for (let i = 0; i < 4; i++) {
      const [pid] = await lbproxy.acceptors(1, known);
      known.push(pid);
      process.kill(pid, 'SIGKILL');
    }
    await lbproxy.printed('a new one starts in 800 ms');
    expect(lbproxy.stderr()).toMatch(/in 100 ms.*in 200 ms.*in 400 ms/s);
    expect((await get(lbproxy.port)).status).toBe(200);
  });
});

describe('an acceptor that stands still', () => {
  it('is killed and replaced after five seconds', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const [stuck] = lbproxy.acceptorPids();
    process.kill(stuck, 'SIGSTOP');
    const startedAt = performance.now();
    await lbproxy.printed(`acceptor ${stuck} has not answered for 5000 ms: killed`, 9000);
    expect(performance.now() - startedAt).toBeGreaterThan(4000);
    await lbproxy.acceptors(2, [stuck]);
    expect(isAlive(stuck)).toBe(false);
    for (let i = 0; i < 10; i++) expect((await get(lbproxy.port)).status).toBe(200);
  });
});

describe('the primary', () => {
  it('that is killed leaves acceptors that answer what they have and go', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const acceptors = lbproxy.acceptorPids();
    let answered = 0;
    const requests = Array.from({ length: 10 }, async () => {
      const { status } = await get(lbproxy.port, '/slow?ms=3500');
      answered++;
      return status;
    });
    await until(async () => (await waitingAt(peer.port)) === 10, 4000, 'all requests at the peer');
    lbproxy.signal('SIGKILL');
    await once(lbproxy.child, 'exit');
    await until(
      () =>
        get(lbproxy.port).then(
          () => false,
          (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
        ),
      3000,
      'new connections refused',
    );
    expect(answered).toBe(0);
    expect(await Promise.all(requests)).toEqual(new Array(10).fill(200));
    await until(() => acceptors.filter(isAlive).length === 0, 2000, 'the end of the acceptors');
  });

  it('that is killed takes acceptors and app processes with it', async () => {
    const [first] = await freePorts(2);
    const lbproxy = await startLbproxy(
      JSON.stringify({
        acceptors: 2,
        programs: {
          app: {
            command: `${process.execPath} ${PEER_PROGRAM} --port={port}`,
            numprocs: 2,
            first_port: first,
          },
        },
        upstreams: { app: { program: 'app' } },
        servers: [{ listen: '127.0.0.1:PORT1', locations: { '/': { proxy_pass: 'http://app' } } }],
      }),
    );
    expect((await get(lbproxy.port)).status).toBe(200);
    // Two acceptors, two app processes, the watchdog.
    await expect.poll(() => childrenOf(lbproxy.pid), { timeout: 5000 }).toHaveLength(5);
    const children = childrenOf(lbproxy.pid);
    lbproxy.signal('SIGKILL');
    await until(() => children.filter(isAlive).length === 0, 5000, 'the end of all children');
    await expect(get(lbproxy.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(get(first)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
