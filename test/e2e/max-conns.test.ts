// max_conns counts over all acceptors, and what dies or leaves gives its place back.
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { get, until } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { rawClient } from '../support/raw-client.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';

const LIMIT = 6;

const peers: TestPeer[] = [];
/** The requests that are at a peer: each stays until it is answered here or its connection ends. */
const held = new Set<ServerResponse>();

afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
});

async function startHolding(): Promise<TestPeer> {
  const peer = await startUpstream((_req, res) => {
    held.add(res);
    res.once('close', () => held.delete(res));
  });
  peers.push(peer);
  return peer;
}

const nobodyWaits = (): Promise<void> => until(() => held.size === 0, 10_000, 'no request at a peer');

/** Requests that come one after the other and last: how many are answered, how many find no place. `amid` is done behind some of them. */
async function statuses(
  lbproxy: LbproxyProcess,
  n: number,
  amid: () => Promise<void> = async () => {},
): Promise<{ served: number; refused: number }> {
  await nobodyWaits();
  const requests: Promise<void>[] = [];
  const seen: number[] = [];
  for (let i = 0; i < n; i++) {
    requests.push(get(lbproxy.port).then(({ status }) => void seen.push(status)));
    await until(() => held.size + seen.length > i, 10_000, `request ${i} at a peer or refused`);
    if (i === LIMIT / 2) await amid();
  }
  for (const response of held) response.end();
  await Promise.all(requests);
  return { served: seen.filter((s) => s === 200).length, refused: seen.filter((s) => s === 502).length };
}

/** Requests that are under way at the peer, or refused, when their client goes. */
async function abandon(lbproxy: LbproxyProcess, n: number): Promise<void> {
  const clients = Array.from({ length: n }, () => rawClient(lbproxy.port));
  for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const refused = (): number => clients.filter((client) => client.received() !== '').length;
  await until(() => held.size + refused() === n, 10_000, 'all requests at a peer or refused');
  for (const client of clients) client.destroy();
  await nobodyWaits();
}

describe('max_conns', () => {
  it('holds over all acceptors, also after clients left, an acceptor was killed and a reload', async () => {
    const servers = [await startHolding(), await startHolding()].map(
      (peer) => `server ${peer.address} max_conns=${LIMIT / 2};`,
    );
    const text = `worker_processes 3; http {
         upstream u { ${servers.join(' ')} }
         server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } } }`;
    const lbproxy = await startLbproxy(text);
    expect(await statuses(lbproxy, LIMIT + 3)).toEqual({ served: LIMIT, refused: 3 });
    for (let i = 0; i < 10; i++) await abandon(lbproxy, LIMIT);
    expect(await statuses(lbproxy, LIMIT + 3)).toEqual({ served: LIMIT, refused: 3 });

    let ended = 0;
    const lost = Array.from({ length: LIMIT }, () =>
      get(lbproxy.port)
        .catch(() => null)
        .finally(() => ended++),
    );
    await until(() => held.size + ended === LIMIT, 10_000, 'all requests at a peer or refused');
    const victims = lbproxy.acceptorPids();
    process.kill(victims[0], 'SIGKILL');
    process.kill(victims[1], 'SIGKILL');
    await lbproxy.acceptors(3, victims.slice(0, 2));
    for (const response of held) response.end();
    await Promise.all(lost);
    expect(await statuses(lbproxy, LIMIT + 3)).toEqual({ served: LIMIT, refused: 3 });

    const reload = async (): Promise<void> => expect(await lbproxy.reload(text)).toBe('reloaded');
    expect(await statuses(lbproxy, LIMIT + 3, reload)).toEqual({ served: LIMIT, refused: 3 });
    expect(await statuses(lbproxy, LIMIT + 3)).toEqual({ served: LIMIT, refused: 3 });
  });
});
