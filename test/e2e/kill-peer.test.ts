// A peer that dies under load costs no GET: its requests go to another one, and it gets its share again when it is back.
import { describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { type CrowdResult, pause, startCrowd, until } from '../support/http-client.ts';
import { childrenOf, commandOf, type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { PEER_PROGRAM, startPeers } from '../support/peer-process.ts';

const CLIENTS = 200;

const answersOf = (result: CrowdResult, port: number): number => result.bodies.get(`${port}\n`) ?? 0;

describe('killing a peer under load', () => {
  it('fails no GET, and the restarted peer takes requests again', async () => {
    const peers = await startPeers(4);
    const servers = peers.map((peer) => `server ${peer.address} fail_timeout=1s;`).join(' ');
    const lbproxy = await startLbproxy(
      `worker_processes 2; http { upstream u { ${servers} }
         server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } } }`,
    );
    const crowd = startCrowd(lbproxy.port, { clients: CLIENTS, keepAlive: true });
    await pause(700);
    await peers[2].kill();
    await pause(1500);
    const whileDead = answersOf(crowd.result, peers[2].port);
    await peers[2].restart();
    await until(
      () => answersOf(crowd.result, peers[2].port) > whileDead + 50,
      8000,
      'requests to the restarted peer',
    );
    await until(() => crowd.result.requests > 2000, 20_000, 'load');
    const result = await crowd.stop();
    expect(result.failures).toEqual([]);
    expect(lbproxy.stderr()).toContain(`peer ${peers[2].address} failed`);
  });

  it('fails no GET when the peers come and go one after the other', async () => {
    const peers = await startPeers(4);
    const servers = peers.map((peer) => `server ${peer.address} fail_timeout=1s;`).join(' ');
    const lbproxy = await startLbproxy(
      `worker_processes 2; http { upstream u { ${servers} }
         server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } } }`,
    );
    const crowd = startCrowd(lbproxy.port, { clients: 64, keepAlive: false });
    for (const peer of peers) {
      await peer.kill();
      await pause(300);
      await peer.restart();
      await pause(600);
    }
    await until(() => crowd.result.requests > 500, 20_000, 'load');
    const result = await crowd.stop();
    expect(result.failures).toEqual([]);
  });
});

describe('killing a supervised process under load', () => {
  const processOn = (lbproxy: LbproxyProcess, port: number): number | undefined =>
    childrenOf(lbproxy.pid).find((pid) => commandOf(pid).includes(`--port=${port}`));

  it('fails no GET, and a new process takes its place', async () => {
    const [first] = await freePorts(4);
    const lbproxy = await startLbproxy(
      JSON.stringify({
        acceptors: 2,
        programs: {
          app: {
            command: `${process.execPath} ${PEER_PROGRAM} --port={port}`,
            numprocs: 4,
            first_port: first,
          },
        },
        upstreams: { app: { program: 'app' } },
        servers: [{ listen: '127.0.0.1:PORT1', locations: { '/': { proxy_pass: 'http://app' } } }],
      }),
    );
    const victim = first + 1;
    const crowd = startCrowd(lbproxy.port, { clients: CLIENTS, keepAlive: true });
    await until(() => answersOf(crowd.result, victim) > 0, 5000, 'an answer of the victim');
    const pid = processOn(lbproxy, victim);
    if (pid === undefined) throw new Error('the victim does not run');
    process.kill(pid, 'SIGKILL');
    await until(() => (processOn(lbproxy, victim) ?? pid) !== pid, 5000, 'a new process');
    const before = answersOf(crowd.result, victim);
    await until(() => answersOf(crowd.result, victim) > before + 50, 8000, 'requests to the new process');
    await until(() => crowd.result.requests > 200, 20_000, 'load');
    const result = await crowd.stop();
    expect(result.failures).toEqual([]);
  });
});
