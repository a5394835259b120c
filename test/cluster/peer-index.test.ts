// Keys of peers: the same in all processes, another for each server line, and no more work for each where there are many.
import { expect, test } from 'vitest';
import type { Group } from '../../src/balance/group.ts';
import { PeerIndex } from '../../src/cluster/peer-index.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { readModel } from '../support/proxy.ts';

function groupOf(servers: readonly string[]): Group {
  const { model, remove } = readModel(
    `http { upstream u { ${servers.join(' ')} } server { listen 127.0.0.1:8080; location / { proxy_pass http://u; } } }`,
  );
  remove();
  return new UpstreamSet(model, NOTHING_DISCOVERED, null).of('u', '').group;
}

const keysOf = (group: Group): readonly string[] => {
  const index = new PeerIndex();
  index.add(group);
  return group.peers.map((peer) => index.keyOf(peer));
};

test('a peer has the same key in each process, another one in another group or for another line', () => {
  const servers = ['server 127.0.0.1:1;', 'server 127.0.0.1:2;', 'server 127.0.0.1:1;'];
  const keys = keysOf(groupOf(servers));
  expect(new Set(keys).size).toBe(3);
  expect(keysOf(groupOf(servers))).toEqual(keys);
  expect(keysOf(groupOf([...servers, 'server 127.0.0.1:3;']))).not.toContain(keys[0]);
});

test('20,000 peers have their keys in a moment: none is made of the whole list', () => {
  const servers = Array.from(
    { length: 20_000 },
    (_, i) => `server 127.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80;`,
  );
  // Of the list in each key a minute of CPU was made.
  expect(new Set(keysOf(groupOf(servers))).size).toBe(20_000);
}, 20_000);
