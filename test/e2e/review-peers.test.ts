// Peers that come and go, and configurations that do: nothing of the former stays behind.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Group } from '../../src/balance/group.ts';
import type { PeerConfig } from '../../src/balance/peer.ts';
import { createHostTable } from '../../src/route/hosts.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { readModel } from '../support/proxy.ts';
import { startUpstream } from '../support/upstream.ts';

const config = (port: number, down = false): PeerConfig => ({
  address: { kind: 'tcp', host: '127.0.0.1', port },
  name: `127.0.0.1:${port}`,
  weight: 1,
  maxFails: 1,
  failTimeoutMs: 10_000,
  backup: false,
  down,
  maxConns: 0,
});
const key = { remoteAddress: '127.0.0.1' };
const nothing = {
  onPeerConnect() {},
  onPeerData() {},
  onPeerEnd() {},
  onPeerClosed() {},
  onPeerDrain() {},
  onPeerTimeout() {},
  onBug() {},
};

describe('a group whose list of peers changes', () => {
  it('keeps the state of a peer that came up meanwhile', () => {
    const group = new Group({ name: 'g', id: 'g', method: 'round_robin', peers: [config(1, true)] });
    group.setDown(group.peers[0], false);
    const peer = group.pick(key, [], 1);
    expect(peer?.active).toBe(1);
    group.setPeers([config(1), config(2, true)]);
    expect(group.peers[0]).toBe(peer);
    expect(group.peers.map((p) => p.down)).toEqual([false, true]);
    group.setPeers([config(1, true), config(2)]);
    expect(group.peers.map((p) => p.down)).toEqual([true, false]);
  });

  it('keeps no connection of a peer that left it', async () => {
    const server = await startUpstream((_q, s) => s.end('ok'));
    const group = new Group({ name: 'g', id: 'g', method: 'round_robin', peers: [config(server.port)] });
    const upstream = new Upstream(group, { max: 8, timeoutMs: 60_000, requests: 100, timeMs: 60_000 });
    const [peer] = group.peers;
    const connection = upstream.acquire(peer, nothing, false);
    await expect.poll(() => connection.usable).toBe(true);
    group.setPeers([config(server.port === 1 ? 2 : 1)]);
    upstream.closeIdle(peer);
    upstream.release(connection, 0);
    expect(connection.usable).toBe(false);
    await server.close();
  });
});

describe('a set of upstreams', () => {
  it('does not hold on to those of all configurations before it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { model, remove } = readModel(
      'http { upstream u { server 127.0.0.1:1; } server { listen 127.0.0.1:0; } }',
    );
    const refs: WeakRef<UpstreamSet>[] = [];
    let current = new UpstreamSet(model, NOTHING_DISCOVERED, null);
    for (let i = 0; i < 5; i++) {
      const next = new UpstreamSet({ ...model }, NOTHING_DISCOVERED, current);
      refs.push(new WeakRef(current));
      current.retire(next);
      current = next;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
    expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(2);
    expect([...current.all].length).toBe(1);
    remove();
  });
});

describe('server_name ""', () => {
  it('is the server of a request without Host from the first one on', () => {
    const table = createHostTable(
      [
        { names: ['a'], value: 1 },
        { names: [''], value: 2 },
      ],
      1,
    );
    expect(table.find('')).toBe(2);
    expect(table.find('a')).toBe(1);
    expect(table.find('')).toBe(2);
  });
});
