// Servers that are written as addresses, and are supervised processes: they follow those, and all others are left alone.
import { afterEach, describe, expect, it } from 'vitest';
import type { ProcessPort } from '../../src/balance/process-port.ts';
import type { Discovery } from '../../src/upstream/discovery.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { processPort } from '../support/process-port.ts';
import { readModel } from '../support/proxy.ts';

const ASKING = { secure: false, dns: null, timeoutMs: 1000 };

const sets: UpstreamSet[] = [];
afterEach(() => {
  for (const set of sets.splice(0)) set.retire(null);
});

const found = (...processes: readonly ProcessPort[]): Discovery => ({
  hosts: {},
  programs: { web: processes },
});

function setOf(servers: string, discovery: Discovery, previous: UpstreamSet | null = null): UpstreamSet {
  const { model, remove } = readModel(
    `http { upstream u { ${servers} } server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`,
  );
  remove();
  const set = new UpstreamSet(model, discovery, previous);
  previous?.retire(set);
  sets.push(set);
  return set;
}

const DOWN = { up: false, coming: true };

describe('a server on the port of a supervised process', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0'])('%s is down while that does not serve', (host) => {
    const set = setOf(`server ${host}:8001 weight=3; server ${host}:9000;`, found(processPort(8001, DOWN)));
    const [linked, other] = set.of('u', '').group.peers;
    expect(linked).toMatchObject({ down: true, weight: 3, process: { name: 'web:web8001', coming: true } });
    expect(other).toMatchObject({ down: false, process: null });
    set.discover(found(processPort(8001, {})));
    expect(linked).toMatchObject({ down: false, process: { up: true } });
    expect(set.of('u', '').group.peers).toEqual([linked, other]);
  });

  it('is linked to the one of several that serves or is about to', () => {
    const blue = processPort(8001, { up: false, name: 'blue' });
    const green = processPort(8001, { ...DOWN, name: 'green' });
    for (const order of [
      [blue, green],
      [green, blue],
    ])
      expect(setOf('server 127.0.0.1:8001;', found(...order)).of('u', '').group.peers[0].process?.name).toBe(
        'green',
      );
  });

  it('stays down where the configuration says so, and elsewhere in the network as it is', () => {
    const discovery = found(processPort(8001, DOWN), processPort(8002, {}));
    const { peers } = setOf('server 192.0.2.1:8001; server 127.0.0.1:8002 down;', discovery).of(
      'u',
      '',
    ).group;
    expect(peers.map(({ down, process }) => [down, process])).toEqual([
      [false, null],
      [true, null],
    ]);
  });

  it('is linked without an upstream, too: as text, and as the value of a variable', async () => {
    const set = setOf('server 127.0.0.1:1;', found(processPort(8001, DOWN)));
    const named = set.of('127.0.0.1:8001', '').group;
    const asked = await new Promise<typeof named | undefined>((resolve) =>
      set.ofRequest('localhost:8001', (upstream) => resolve(upstream?.group), ASKING),
    );
    expect([named.peers[0].down, asked?.peers[0].down]).toEqual([true, true]);
    set.discover(found(processPort(8001, {})));
    expect([named.peers[0].down, asked?.peers[0].down]).toEqual([false, false]);
  });

  it('keeps what is known of it over a reload and over each change of its process', () => {
    const first = setOf('server 127.0.0.1:8001; server 127.0.0.1:8002;', found(processPort(8001, {})));
    const { group } = first.of('u', '');
    const peer = group.pick({ remoteAddress: '' }, [], 1000);
    expect(peer?.active).toBe(1);
    const second = setOf(
      'server 127.0.0.1:8001; server 127.0.0.1:8002;',
      found(processPort(8001, {})),
      first,
    );
    second.discover(found(processPort(8001, DOWN), processPort(8002, {})));
    expect(second.of('u', '').group).toBe(group);
    expect(group.peers[0]).toBe(peer);
    expect(peer?.active).toBe(1);
  });

  it('starts anew with another process, though it was never seen down', () => {
    const set = setOf(
      'server 127.0.0.1:8001; server 127.0.0.1:8002;',
      found(processPort(8001, { upSinceMs: 5 })),
    );
    const { group } = set.of('u', '');
    const [peer] = group.peers;
    group.release(peer, 'failed', 1000);
    set.discover(found(processPort(8001, { upSinceMs: 5 })));
    expect(peer.fails).toBe(1);
    set.discover(found(processPort(8001, { upSinceMs: 6 })));
    expect(peer.fails).toBe(0);
  });
});
