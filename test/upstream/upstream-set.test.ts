// What a reload leaves behind of the upstreams before it: nothing.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { followedHosts } from '../../src/cluster/needs.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { NameLookups } from '../../src/upstream/name-lookups.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { readModel } from '../support/proxy.ts';

const ASKING = { secure: false, dns: null, timeoutMs: 1000 };

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const text = (servers: string): string =>
  `http { upstream u { ${servers} } server { listen 127.0.0.1:8080; location / { proxy_pass http://u; } } }`;

function next(servers: string, previous: UpstreamSet | null): UpstreamSet {
  const { model, remove } = readModel(text(servers));
  remove();
  const set = new UpstreamSet(model, NOTHING_DISCOVERED, previous);
  previous?.retire(set);
  return set;
}

describe('a set of upstreams', () => {
  it('takes over the groups that mean the same', () => {
    const first = next('server 127.0.0.1:1;', null);
    const second = next('server 127.0.0.1:1;', first);
    const third = next('server 127.0.0.1:2;', second);
    const group = (set: UpstreamSet) => set.of('u', '').group;
    expect(group(second)).toBe(group(first));
    expect(group(third)).not.toBe(group(second));
  });

  it('makes one group for all requests that wait for the same name', async () => {
    const { model, remove } = readModel(text('server 127.0.0.1:1;'));
    remove();
    const lookups = new NameLookups(async () => ['192.0.2.1', '192.0.2.2']);
    const set = new UpstreamSet(model, NOTHING_DISCOVERED, null, lookups);
    const groups = ['a.test:81', 'A.test:81', 'a.test:82'].map(
      (authority) =>
        new Promise((resolve) => set.ofRequest(authority, (upstream) => resolve(upstream?.group), ASKING)),
    );
    const [first, same, other] = await Promise.all(groups);
    expect(same).toBe(first);
    expect(first).toMatchObject({ peers: [{ name: '192.0.2.1:81' }, { name: '192.0.2.2:81' }] });
    expect(other).toMatchObject({ peers: [{ name: '192.0.2.1:82' }, { name: '192.0.2.2:82' }] });
    set.retire(null);
  });

  it('gives hosts the usual port of what they speak, and groups their own', async () => {
    const { model, remove } = readModel(text('server 127.0.0.1:1;'));
    remove();
    const set = new UpstreamSet(model, NOTHING_DISCOVERED, null);
    const name = (authority: string, secure: boolean): string =>
      set.of(authority, '', secure).group.peers[0].name;
    expect(name('192.0.2.1', false)).toBe('192.0.2.1:80');
    expect(name('192.0.2.1', true)).toBe('192.0.2.1:443');
    expect(name('[2001:db8::1]', true)).toBe('[2001:db8::1]:443');
    expect(name('192.0.2.1:8443', true)).toBe('192.0.2.1:8443');
    expect(name('unix:/tmp/x', true)).toBe('unix:/tmp/x');
    expect(set.of('192.0.2.1:443', '', true)).toBe(set.of('192.0.2.1', '', true));
    // A group is the same one, with the ports of its servers.
    expect(set.of('U', '', true)).toBe(set.of('u', '', false));
    const asked = new Promise((resolve) => set.ofRequest('192.0.2.1', resolve, { ...ASKING, secure: true }));
    expect(await asked).toBe(set.of('192.0.2.1', '', true));
    set.retire(null);
  });

  it('looks hosts up that only TLS leads to', () => {
    const { model, remove } = readModel(
      'http { server { listen 1; location / { proxy_pass https://a.test; } location /b { proxy_pass https://b.test:8443/x; } } }',
    );
    remove();
    expect(
      followedHosts(model)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['a.test', 'b.test']);
  });

  it('does not keep those before it', async () => {
    let set = next('server 127.0.0.1:1;', null);
    const first = new WeakRef(set);
    for (let i = 2; i < 6; i++) set = next(`server 127.0.0.1:${i};`, set);
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(set.of('u', '').group.peers[0].name).toBe('127.0.0.1:5');
    expect(first.deref()).toBeUndefined();
  });
});
