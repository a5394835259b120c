// `hash` and `hash … consistent` choose what nginx chooses, also among weights, for keys that are empty, and when a chosen peer fails.
// `random` is a matter of luck: of it the shares are counted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { deadPort, startUpstream, type TestPeer } from '../support/upstream.ts';
import { exchangeOnce, field } from '../support/wire.ts';
import { type Pair, request, startPair } from './pair.ts';

const GROUPS = ['plain', 'weights', 'failing', 'names', 'single'];
const METHODS = ['hash', 'consistent'];
const KEYS = ['', '0', 'a', 'some/longer/key', '%C3%A9'].concat(
  Array.from({ length: 60 }, (_, i) => `key-${i * 7919}`),
);

describe.skipIf(nginxVersion === '')('balancers by key', () => {
  const peers: TestPeer[] = [];
  let pair: Pair;
  beforeAll(async () => {
    for (let i = 0; i < 4; i++) peers.push(await startUpstream((_req, res) => res.end('x')));
    pair = await startPair(
      configuration(
        peers.map(({ port }) => port),
        await deadPort(),
      ),
    );
  });
  afterAll(async () => {
    await pair?.close();
    await Promise.all(peers.map((peer) => peer.close()));
  });

  const addresses = async (port: number, path: string, keys: readonly string[]): Promise<string[]> => {
    const answers = await Promise.all(
      keys.map((key) => exchangeOnce(port, request('GET', `${path}?k=${key}`))),
    );
    return answers.map((answer) => field(answer, 'x-peer').replace('localhost', '127.0.0.1'));
  };

  it.each(METHODS.flatMap((method) => GROUPS.map((group) => `/${method}-${group}`)))('%s', async (path) => {
    // Without a key the peers take turns, which depends on who came first.
    const keys = KEYS.filter((key) => key !== '');
    const [theirs, ours] = await Promise.all([
      addresses(pair.nginx.port, path, keys),
      addresses(pair.lbproxy.port, path, keys),
    ]);
    expect(ours).toEqual(theirs);
    expect(ours.every((one) => one !== '')).toBe(true);
  });

  it('without a key the peers take turns', async () => {
    for (const { port } of [pair.nginx, pair.lbproxy]) {
      const seen: string[] = [];
      for (let i = 0; i < 4; i++) seen.push(...(await addresses(port, '/hash-plain', [''])));
      expect(new Set(seen).size).toBe(4);
    }
  });

  it.each(['/random', '/two'])('%s reaches every peer by its weight', async (path) => {
    for (const { port } of [pair.nginx, pair.lbproxy]) {
      const seen = await addresses(
        port,
        path,
        Array.from({ length: 400 }, (_, i) => String(i)),
      );
      const share = (peer: TestPeer): number => seen.filter((one) => one === `127.0.0.1:${peer.port}`).length;
      const counts = peers.slice(0, 3).map(share);
      expect(counts[0] + counts[1] + counts[2]).toBe(400);
      // Weights 6, 1, 1: of `random` 300, 50 and 50 are to be expected; the sixth standard deviation is 52 and 40.
      if (path === '/random') {
        expect(counts[0]).toBeGreaterThan(240);
        expect(counts[0]).toBeLessThan(360);
      }
      expect(Math.min(...counts)).toBeGreaterThan(5);
    }
  });
});

function configuration(ports: readonly number[], dead: number): string {
  const server = (port: number, more = ''): string => `server 127.0.0.1:${port} max_fails=0 ${more};`;
  const [a, b, c, d] = ports;
  const groups: Readonly<Record<string, string>> = {
    plain: ports.map((port) => server(port)).join(' '),
    weights: `${server(a, 'weight=5')} ${server(b)} ${server(c, 'weight=3')} ${server(d, 'down')}`,
    failing: `${server(a)} ${server(dead, 'weight=2')} ${server(c)} ${server(d)}`,
    names: `server localhost:${a}; server 127.0.0.1:${b}; server 127.0.0.1:${c};`,
    single: server(a),
  };
  const method = (name: string): string => `hash "$arg_k"${name === 'consistent' ? ' consistent' : ''};`;
  const upstreams = METHODS.flatMap((name) =>
    Object.entries(groups).map(
      ([group, servers]) => `upstream ${name}-${group} { ${method(name)} ${servers} }`,
    ),
  );
  const locations = METHODS.flatMap((name) =>
    Object.keys(groups).map((group) => `location /${name}-${group} { proxy_pass http://${name}-${group}; }`),
  );
  const weighted = `${server(a, 'weight=6')} ${server(b)} ${server(c)}`;
  return `${upstreams.join('\n')}
  upstream random { zone r 64k; random; ${weighted} }
  upstream two { zone t 64k; random two least_conn; ${weighted} }
  server { listen {port}; add_header X-Peer $upstream_addr always;
    ${locations.join('\n')}
    location /random { proxy_pass http://random; }
    location /two { proxy_pass http://two; }
  }`;
}
