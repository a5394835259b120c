// max_conns counts over all acceptors, and what dies or leaves gives its place back.
import { describe, expect, it } from 'vitest';
import { get, pause } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers } from '../support/peer-process.ts';
import { rawClient } from '../support/raw-client.ts';

const LIMIT = 6;

/** Requests that begin one after the other and last: how many are answered, how many find no place. */
async function statuses(lbproxy: LbproxyProcess, n: number): Promise<{ served: number; refused: number }> {
  const requests: Promise<number>[] = [];
  for (let i = 0; i < n; i++) {
    requests.push(get(lbproxy.port, '/slow?ms=1200').then((answer) => answer.status));
    // Longer than the acceptors need to tell each other.
    await pause(40);
  }
  const all = await Promise.all(requests);
  return { served: all.filter((s) => s === 200).length, refused: all.filter((s) => s === 502).length };
}

/** Requests that are under way at the peer when their client goes. */
async function abandon(lbproxy: LbproxyProcess, n: number): Promise<void> {
  const clients = Array.from({ length: n }, () => rawClient(lbproxy.port));
  for (const client of clients) client.write('GET /slow?ms=5000 HTTP/1.1\r\nHost: a\r\n\r\n');
  await pause(60);
  for (const client of clients) client.destroy();
  await pause(60);
}

describe('max_conns', () => {
  it('holds over all acceptors, also after clients left, an acceptor was killed and a reload', async () => {
    const peers = await startPeers(2);
    const text = `worker_processes 3; http {
         upstream u { ${peers.map((peer) => `server ${peer.address} max_conns=${LIMIT / 2};`).join(' ')} }
         server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } } }`;
    const lbproxy = await startLbproxy(text);
    expect(await statuses(lbproxy, LIMIT + 3)).toEqual({ served: LIMIT, refused: 3 });
    for (let i = 0; i < 10; i++) await abandon(lbproxy, LIMIT);
    expect(await statuses(lbproxy, LIMIT + 3)).toEqual({ served: LIMIT, refused: 3 });

    const lost = Array.from({ length: LIMIT }, () => get(lbproxy.port, '/slow?ms=3000').catch(() => null));
    await pause(100);
    const victims = lbproxy.acceptorPids();
    process.kill(victims[0], 'SIGKILL');
    process.kill(victims[1], 'SIGKILL');
    await lbproxy.acceptors(3, victims.slice(0, 2));
    await Promise.all(lost);
    await pause(300);
    expect(await statuses(lbproxy, LIMIT + 3)).toEqual({ served: LIMIT, refused: 3 });

    const during = statuses(lbproxy, LIMIT + 3);
    await pause(150);
    await lbproxy.reload(text);
    expect(await during).toEqual({ served: LIMIT, refused: 3 });
    await pause(100);
    expect(await statuses(lbproxy, LIMIT + 3)).toEqual({ served: LIMIT, refused: 3 });
  });
});
