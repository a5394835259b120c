// Which peer gets a request: the same order as the data plane's, and what happens when peers are gone.
import { afterEach, describe, expect, it } from 'vitest';
import type { BalancerOptions } from '../../src/embed/index.ts';
import { startProxy } from '../support/proxy.ts';
import { deadPort, startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';
import { type App, ask, bodies, startApp, until } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const named = async (count: number): Promise<TestPeer[]> => {
  const peers: TestPeer[] = [];
  for (let i = 0; i < count; i++) {
    peers.push(own(await startUpstream((_req, res) => res.end('abcdefgh'[i]))));
  }
  return peers;
};
const appOf = async (upstream: BalancerOptions['upstream'], more: BalancerOptions = {}): Promise<App> =>
  own(await startApp({ upstream, ...more }));

describe('the order of peers', () => {
  it.each([
    ['round robin', [1, 1, 1]],
    ['weights', [5, 1, 1]],
    ['other weights', [3, 2, 4]],
  ])('equals the data plane: %s', async (_name, weights) => {
    const peers = await named(weights.length);
    const lines = peers.map((peer, i) => `server ${peer.address} weight=${weights[i]};`).join(' ');
    const proxy = own(
      await startProxy(
        `http { upstream u { ${lines} } server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`,
      ),
    );
    const app = await appOf({
      servers: peers.map((peer, i) => ({ address: peer.address, weight: weights[i] })),
    });
    const expected = await bodies(proxy.port, 21);
    expect(await bodies(app.port, 21)).toEqual(expected);
    expect(new Set(expected).size).toBe(weights.length);
  });

  it('is nginx’s smooth one for weights 5, 1, 1', async () => {
    const [a, b, c] = await named(3);
    const app = await appOf({ servers: [{ address: a.address, weight: 5 }, b.address, c.address] });
    expect((await bodies(app.port, 7)).join('')).toBe('aabacaa');
  });

  it('ip_hash keeps a client and separates networks, mapped IPv4 addresses included', async () => {
    const peers = await named(4);
    const lines = peers.map((peer) => `server ${peer.address};`).join(' ');
    const proxy = own(
      await startProxy(
        `http { upstream u { ip_hash; ${lines} } server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`,
      ),
    );
    // Listening on all of IPv6 shows clients as ::ffff:127.…
    const app = own(
      await startApp({ upstream: { method: 'ip_hash', servers: peers.map((p) => p.address) } }, '::'),
    );
    const chosen = new Set<string>();
    for (let i = 1; i <= 12; i++) {
      const localAddress = `127.0.${i}.1`;
      const [first, second] = await bodies(app.port, 2, { localAddress });
      expect(second).toBe(first);
      expect(first).toBe((await bodies(proxy.port, 1, { localAddress }))[0]);
      chosen.add(first);
    }
    expect(chosen.size).toBeGreaterThan(1);
  });

  it('least_conn and max_conns look at requests under way', async () => {
    const held: (() => void)[] = [];
    const slow = own(await startUpstream((_req, res) => held.push(() => res.end('slow'))));
    const [fast] = await named(1);
    const app = await appOf({ method: 'least_conn', servers: [slow.address, fast.address] });
    const first = ask(app.port);
    await until(() => held.length === 1, 'the slow request');
    expect(await bodies(app.port, 3)).toEqual(['a', 'a', 'a']);
    expect(app.balancer.upstream.peers.map((peer) => peer.active)).toEqual([1, 0]);
    held[0]();
    expect((await first).body).toBe('slow');
    await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');

    const limited = await appOf({ servers: [{ address: slow.address, max_conns: 1 }] });
    const second = ask(limited.port);
    await until(() => held.length === 2, 'the second slow request');
    expect((await ask(limited.port)).status).toBe(502);
    held[1]();
    expect((await second).status).toBe(200);
  });

  it('takes backups last and never a peer that is down', async () => {
    const [a, b, c] = await named(3);
    const app = await appOf({
      servers: [
        { address: a.address, down: true },
        { address: b.address, backup: true },
        { address: `127.0.0.1:${await deadPort()}` },
        { address: c.address },
      ],
    });
    expect(await bodies(app.port, 4)).toEqual(['c', 'c', 'c', 'c']);
    await c.close();
    open.splice(open.indexOf(c), 1);
    expect(await bodies(app.port, 3)).toEqual(['b', 'b', 'b']);
    expect(app.balancer.upstream.peers.map((peer) => peer.state)).toEqual([
      'down',
      'up',
      'failing',
      'failing',
    ]);
  });
});

describe('a peer that fails', () => {
  it('costs no request when it refuses, and is left alone for fail_timeout', async () => {
    const [a] = await named(1);
    const app = await appOf({
      servers: [{ address: `127.0.0.1:${await deadPort()}`, fail_timeout: '1h' }, a.address],
    });
    let attempts = 0;
    app.balancer.on('start', () => attempts++);
    for (const method of ['GET', 'POST', 'GET', 'PATCH']) {
      expect(await ask(app.port, { method, body: method === 'GET' ? '' : 'x' })).toMatchObject({
        status: 200,
      });
    }
    expect(attempts).toBe(5);
    expect(app.balancer.upstream.peers[0]).toMatchObject({ state: 'failing', fails: 1, active: 0 });
  });

  it('is tried again after fail_timeout', async () => {
    let good = false;
    const peer = own(
      await startUpstream((_req, res) => (good ? res.end('back') : void res.socket?.destroy())),
    );
    const [a] = await named(1);
    const app = await appOf({ servers: [{ address: peer.address, fail_timeout: 100 }, a.address] });
    expect(await bodies(app.port, 2)).toEqual(['a', 'a']);
    good = true;
    await new Promise((resolve) => setTimeout(resolve, 150));
    await until(() => app.balancer.upstream.peers[0].state === 'up', 'the end of the pause');
    // nginx lets its weight come back step by step.
    expect(await bodies(app.port, 4)).toContain('back');
  });

  it('moves a GET on when it closes before its answer', async () => {
    const raw = own(await startRawUpstream((socket) => socket.once('data', () => socket.destroy())));
    const [a] = await named(1);
    const app = await appOf({ servers: [raw.address, a.address] });
    expect(await bodies(app.port, 3)).toEqual(['a', 'a', 'a']);
    expect(app.balancer.upstream.peers[0].fails).toBe(1);
  });

  it('moves a GET on when it answers something that is no HTTP, with invalid_header', async () => {
    const raw = own(
      await startRawUpstream((socket) => socket.once('data', () => socket.end('220 mail ready\r\n\r\n'))),
    );
    const [a] = await named(1);
    const servers = [raw.address, a.address];
    const app = await appOf({ servers, next_upstream: ['error', 'invalid_header'] });
    expect(await bodies(app.port, 2)).toEqual(['a', 'a']);
    const strict = await appOf({ servers });
    expect((await ask(strict.port)).status).toBe(502);
  });

  it('moves a GET on when it does not answer in time', async () => {
    const silent = own(await startRawUpstream(() => {}));
    const [a] = await named(1);
    const servers = [silent.address, a.address];
    // The other one is to answer within it.
    const app = await appOf({ servers }, { proxyTimeout: 1500 });
    expect(await bodies(app.port, 2)).toEqual(['a', 'a']);
    const alone = await appOf({ servers: [silent.address] }, { proxyTimeout: 100 });
    expect(await ask(alone.port)).toMatchObject({ status: 504 });
  });
});

describe('statuses in next_upstream', () => {
  const answering = async (status: number, text: string): Promise<TestPeer> =>
    own(
      await startUpstream((_req, res) => {
        res.writeHead(status, { 'x-peer': text });
        res.end(text);
      }),
    );

  it('move the request on, and the last peer’s own answer passes through', async () => {
    const sick = await answering(502, 'sick');
    const ill = await answering(503, 'ill');
    const [a] = await named(1);
    const next_upstream = ['error', 'http_502', 'http_503'] as const;
    const app = await appOf({ servers: [sick.address, a.address], next_upstream });
    const answer = await ask(app.port);
    expect(answer).toMatchObject({ status: 200, body: 'a' });
    // Nothing of the answer that was passed over is left.
    expect(answer.headers['x-peer']).toBeUndefined();
    const both = await appOf({ servers: [sick.address, ill.address], next_upstream });
    expect(await ask(both.port)).toMatchObject({ status: 503, body: 'ill' });
    const unlisted = await appOf({ servers: [sick.address, a.address] });
    expect(await ask(unlisted.port)).toMatchObject({ status: 502, body: 'sick' });
  });

  it('do not blame the peer for a 404', async () => {
    const lost = await answering(404, 'lost');
    const [a] = await named(1);
    const app = await appOf({ servers: [lost.address, a.address], next_upstream: ['http_404'] });
    expect(await bodies(app.port, 4)).toEqual(['a', 'a', 'a', 'a']);
    expect(app.balancer.upstream.peers[0]).toMatchObject({ state: 'up', fails: 0 });
  });

  it('end with next_upstream_tries', async () => {
    const peers = [await answering(502, '1'), await answering(502, '2'), await answering(502, '3')];
    const app = await appOf({
      servers: peers.map((peer) => peer.address),
      next_upstream: ['http_502'],
      next_upstream_tries: 2,
    });
    expect(await ask(app.port)).toMatchObject({ status: 502, body: '2' });
  });
});
