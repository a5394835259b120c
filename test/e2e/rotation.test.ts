// One rotation over all acceptors: requests that come one after the other find the peers in turn, whichever process took them.
import { Agent } from 'node:http';
import { describe, expect, it } from 'vitest';
import { get, pause, startCrowd, until } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { type PeerProcess, startPeers } from '../support/peer-process.ts';

const config = (servers: readonly string[], acceptors: string): string =>
  `worker_processes ${acceptors};
  http {
    upstream u { ${servers.map((server) => `server ${server};`).join(' ')} }
    server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } }
  }`;

const addresses = (peers: readonly PeerProcess[]): string[] => peers.map((peer) => peer.address);

/** Which peer answered each of `n` requests, one after the other, by its place in the list. */
async function order(
  lbproxy: LbproxyProcess,
  peers: readonly PeerProcess[],
  n: number,
  agents: Agent[] = [],
) {
  const seen: number[] = [];
  for (let i = 0; i < n; i++) {
    const { body } = await get(lbproxy.port, '/', { agent: agents[i % agents.length] });
    seen.push(peers.findIndex((peer) => peer.port === Number(body)));
  }
  return seen;
}

/** Requests that did not follow from the one before. */
const breaks = (seen: readonly number[], n: number): number[] =>
  seen.flatMap((at, i) => (i > 0 && at !== (seen[i - 1] + 1) % n ? [i] : []));

describe('the rotation', () => {
  for (const acceptors of ['2', 'auto', '5']) {
    it(`gives eight requests each peer in turn, twice (acceptors: ${acceptors})`, async () => {
      const peers = await startPeers(4);
      const lbproxy = await startLbproxy(config(addresses(peers), acceptors));
      expect(await order(lbproxy, peers, 8)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    });
  }

  it('stays strict over 1,000 new connections, and over kept ones that take turns', async () => {
    const peers = await startPeers(4);
    const lbproxy = await startLbproxy(config(addresses(peers), '4'));
    const fresh = await order(lbproxy, peers, 1000);
    expect(breaks(fresh, 4)).toEqual([]);
    const agents = Array.from({ length: 7 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const kept = await order(lbproxy, peers, 1000, agents);
    for (const agent of agents) agent.destroy();
    expect(breaks(kept, 4)).toEqual([]);
  }, 120_000);

  it('is strict again after load, failures and the death of an acceptor', async () => {
    const peers = await startPeers(4);
    const servers = addresses(peers).map((address) => `${address} fail_timeout=1s`);
    const lbproxy = await startLbproxy(config(servers, '3'));
    const crowd = startCrowd(lbproxy.port, { clients: 32, keepAlive: true });
    await pause(500);
    await peers[1].kill();
    process.kill(lbproxy.acceptorPids()[0], 'SIGKILL');
    await pause(700);
    await peers[1].restart();
    await pause(1500);
    await crowd.stop();
    await lbproxy.acceptors(3);
    // All failure marks have to be gone: each acceptor gives the peer its chance.
    await pause(1100);
    await startCrowd(lbproxy.port, { clients: 16, keepAlive: false, requests: 400 }).stop();
    // A peer that was out comes back at another place of the turn, but there is one turn, and it holds.
    const isInTurn = (seen: readonly number[]): boolean =>
      new Set(seen.slice(0, 4)).size === 4 && seen.every((at, i) => i < 4 || at === seen[i - 4]);
    await until(async () => isInTurn(await order(lbproxy, peers, 8)), 10_000, 'a turn of all four');
    const seen = await order(lbproxy, peers, 400);
    expect(new Set(seen.slice(0, 4)).size).toBe(4);
    expect(seen.flatMap((at, i) => (i >= 4 && at !== seen[i - 4] ? [i] : []))).toEqual([]);
  }, 120_000);

  it('begins when a reload gives the only acceptor company', async () => {
    const peers = await startPeers(3);
    const lbproxy = await startLbproxy(config(addresses(peers), '1'));
    await order(lbproxy, peers, 3);
    expect(await lbproxy.reload(config(addresses(peers), '3'))).toBe('reloaded');
    await lbproxy.acceptors(3);
    await pause(500);
    expect(breaks(await order(lbproxy, peers, 300), 3)).toEqual([]);
  });

  it('follows weights in the order of nginx: a a b a c a a', async () => {
    const peers = await startPeers(3);
    const [a, b, c] = addresses(peers);
    const lbproxy = await startLbproxy(config([`${a} weight=5`, b, c], '2'));
    const seen = await order(lbproxy, peers, 70);
    expect(seen).toEqual(Array.from({ length: 10 }, () => [0, 0, 1, 0, 2, 0, 0]).flat());
  });

  it('gives each peer its share under load, within 1 %', async () => {
    const peers = await startPeers(3);
    const [a, b, c] = addresses(peers);
    const lbproxy = await startLbproxy(config([`${a} weight=3`, `${b} weight=2`, c], '2'));
    const { bodies, failures } = await startCrowd(lbproxy.port, {
      clients: 64,
      keepAlive: true,
      requests: 20_000,
    }).stop();
    expect(failures).toEqual([]);
    const shares = peers.map((peer) => (bodies.get(`${peer.port}\n`) ?? 0) / 20_000);
    for (const [i, weight] of [3, 2, 1].entries())
      expect(Math.abs(shares[i] / (weight / 6) - 1)).toBeLessThan(0.01);
  }, 120_000);
});

describe('a failure', () => {
  it('that one acceptor saw keeps all of them off the peer within 50 ms', async () => {
    const peers = await startPeers(2);
    const [a, b] = addresses(peers);
    const lbproxy = await startLbproxy(config([`${a} fail_timeout=30s`, `${b} fail_timeout=30s`], '4'));
    await peers[1].kill();
    // The first to meet the dead peer tells the others.
    while (!lbproxy.stderr().includes(`peer ${b} failed`)) await get(lbproxy.port);
    await pause(50);
    for (let i = 0; i < 100; i++) expect((await get(lbproxy.port)).status).toBe(200);
    await pause(100);
    expect(lbproxy.stderr().split(`peer ${b} failed`).length - 1).toBe(1);
  }, 120_000);
});
