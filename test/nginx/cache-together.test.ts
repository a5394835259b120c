// Several requests at once for one entry of a cache, beside nginx: who fetches it, who waits, who gets what is old, and that an answer is
// stored also when nobody is left to take it. The peer answers when it is told, so nothing hangs on time.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';
import { exchangeOnce, field } from '../support/wire.ts';
import { type Pair, request, type Side, startPair } from './pair.ts';

describe.skipIf(nginxVersion === '')('a cache that several ask at once', () => {
  const peers: Record<Side['name'], HeldPeer> = { nginx: heldPeer(), lbproxy: heldPeer() };
  let pair: Pair;
  beforeAll(async () => {
    const [theirs, ours] = [await peers.nginx.start(), await peers.lbproxy.start()];
    pair = await startPair(CONFIGURATION, [theirs.address, ours.address]);
  });
  afterAll(async () => {
    await pair?.close();
    await Promise.all(Object.values(peers).map((peer) => peer.stop()));
  });

  const get = async ({ port }: Side, path: string, fields: readonly string[] = []): Promise<string> => {
    const answer = await exchangeOnce(port, request('GET', path, fields));
    return `${answer.status} ${field(answer, 'x-cache')} ${answer.body}`;
  };
  const both = async (work: (side: Side, peer: HeldPeer) => Promise<unknown>): Promise<void> => {
    const [theirs, ours] = await Promise.all(
      [pair.nginx, pair.lbproxy].map((side) => work(side, peers[side.name])),
    );
    expect(ours).toEqual(theirs);
  };

  it('with proxy_cache_lock one fetches, and the others wait', () =>
    both(async (side, peer) => {
      const asked = Array.from({ length: 5 }, () => get(side, '/lock/a'));
      await peer.reached('/lock/a');
      const seen = peer.count('/lock/a');
      peer.release('/lock/a');
      return { answers: (await Promise.all(asked)).sort(), seen, count: peer.count('/lock/a') };
    }));

  it('without it each fetches', () =>
    both(async (side, peer) => {
      const asked = Array.from({ length: 3 }, () => get(side, '/free/a'));
      await peer.reached('/free/a', 3);
      peer.release('/free/a');
      return {
        states: (await Promise.all(asked)).map((text) => text.slice(0, 8)),
        after: (await get(side, '/free/a')).slice(0, 8),
      };
    }));

  it('after proxy_cache_lock_timeout they go themselves, and nothing is stored of that', () =>
    both(async (side, peer) => {
      const first = get(side, '/short/a');
      await peer.reached('/short/a');
      const second = get(side, '/short/a');
      await peer.reached('/short/a', 2);
      peer.release('/short/a');
      return [
        (await first).slice(0, 8),
        (await second).slice(0, 8),
        (await get(side, '/short/a')).slice(0, 8),
      ];
    }));

  it('what is old serves while it is fetched anew', () =>
    both(async (side, peer) => {
      peer.release('/upd/a');
      const stored = await get(side, '/upd/a', ['X-Old: 1']);
      peer.hold('/upd/a');
      const first = get(side, '/upd/a');
      await peer.reached('/upd/a', 2);
      const meanwhile = await get(side, '/upd/a');
      peer.release('/upd/a');
      return [stored, await first, meanwhile, await get(side, '/upd/a')];
    }));

  // nginx lets go of it where the client leaves before the head.
  it('an answer is stored when its client has left', async () => {
    const [side, peer] = [pair.lbproxy, peers.lbproxy];
    const socket = connect(side.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(request('GET', '/free/left'));
    await peer.reached('/free/left');
    socket.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
    peer.release('/free/left');
    await expect.poll(() => existsSync(fileOf(side, peer, '/free/left')), { timeout: 10_000 }).toBe(true);
    expect([await get(side, '/free/left'), peer.count('/free/left')]).toEqual(['200 HIT answer 1', 1]);
  });

  it('files stand where nginx has them, too', () =>
    both(async (side, peer) => {
      peer.release('/free/there');
      await get(side, '/free/there');
      await expect.poll(() => existsSync(fileOf(side, peer, '/free/there'))).toBe(true);
    }));
});

/** By the levels, and the digest of the usual key. */
function fileOf({ dir }: Side, { address }: HeldPeer, path: string): string {
  const digest = createHash('md5').update(`http://${address}${path}`).digest('hex');
  return `${dir}/cache/${digest.slice(-1)}/${digest.slice(-3, -1)}/${digest}`;
}

const CONFIGURATION = `proxy_cache_path {dir}/cache levels=1:2 keys_zone=one:1m;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache one; proxy_cache_valid any 5m;
  server { listen {port};
    add_header X-Cache $upstream_cache_status always;
    location /free/ { proxy_pass http://{peer}; }
    location /lock/ { proxy_cache_lock on; proxy_cache_lock_age 60s; proxy_cache_lock_timeout 60s; proxy_pass http://{peer}; }
    location /short/ { proxy_cache_lock on; proxy_cache_lock_age 60s; proxy_cache_lock_timeout 200ms; proxy_pass http://{peer}; }
    location /upd/ { proxy_cache_use_stale updating; proxy_pass http://{peer}; }
  }`;

interface HeldPeer {
  readonly address: string;
  start(): Promise<TestPeer>;
  stop(): Promise<void>;
  /** So many requests for the path have come. */
  reached(path: string, count?: number): Promise<void>;
  count(path: string): number;
  /** From now on requests for the path are answered, also those that wait. */
  release(path: string): void;
  hold(path: string): void;
}

function heldPeer(): HeldPeer {
  const counts = new Map<string, number>();
  const open = new Set<string>();
  const waiting = new Map<string, (() => void)[]>();
  let peer: TestPeer | null = null;
  return {
    get address() {
      return peer?.address ?? '';
    },
    async start() {
      peer = await startUpstream((req, res) => {
        const path = req.url ?? '';
        const count = (counts.get(path) ?? 0) + 1;
        counts.set(path, count);
        res.shouldKeepAlive = false;
        if (req.headers['x-old'] !== undefined) res.setHeader('X-Accel-Expires', '@1');
        const answer = (): void => void res.end(`answer ${count}`);
        if (open.has(path)) answer();
        else waiting.set(path, [...(waiting.get(path) ?? []), answer]);
      });
      return peer;
    },
    async stop() {
      await peer?.close();
    },
    async reached(path, count = 1) {
      await expect.poll(() => counts.get(path) ?? 0, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);
    },
    count: (path) => counts.get(path) ?? 0,
    release(path) {
      open.add(path);
      for (const answer of waiting.get(path)?.splice(0) ?? []) answer();
    },
    hold(path) {
      open.delete(path);
    },
  };
}
