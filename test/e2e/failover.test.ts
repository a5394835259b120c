// proxy_next_upstream: what goes to another peer, what does not, and what the client gets then.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { blackHole, deadPort, startRawUpstream, startUpstream } from '../support/upstream.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

async function proxyTo(peers: readonly (string | { address: string })[], extra = ''): Promise<Proxy> {
  const servers = peers.map((p) => `server ${typeof p === 'string' ? p : p.address};`).join(' ');
  return own(
    await startProxy(`http { upstream u { ${servers} }
      server { listen 127.0.0.1:0; location / { proxy_pass http://u; ${extra} } } }`),
  );
}

const get = (proxy: Proxy, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${proxy.port}/`, init);

/** A peer that answers n-th requests by the n-th reply; the last one for all further. Counts requests. */
async function scripted(...replies: ((socket: Socket) => void)[]) {
  let requests = 0;
  const peer = own(
    await startRawUpstream((socket) => {
      socket.on('data', () => replies[Math.min(requests++, replies.length - 1)](socket));
    }),
  );
  return { address: peer.address, port: peer.port, requests: () => requests, peer };
}

const answer =
  (status: number, body: string, lines = '') =>
  (socket: Socket): void => {
    socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n${lines}\r\n${body}`);
  };
const reset = (socket: Socket): void => void socket.resetAndDestroy();
const silence = (): void => {};

describe('a peer that cannot be reached', () => {
  it('is passed over for every method, and left out for fail_timeout', async () => {
    const alive = await scripted(answer(200, 'alive'));
    const proxy = await proxyTo([`127.0.0.1:${await deadPort()}`, alive]);
    for (const method of ['GET', 'POST', 'DELETE', 'PATCH']) {
      const res = await get(proxy, { method, ...(method === 'GET' ? {} : { body: 'b' }) });
      expect(await res.text()).toBe('alive');
    }
    expect(proxy.log).toHaveLength(1);
    expect(proxy.log[0]).toMatch(/connect_refused/);
  });

  it('gives 502 when none is left, without naming anything, and every peer is tried again at the next request', async () => {
    const dead = [await deadPort(), await deadPort()];
    const proxy = await proxyTo(dead.map((port) => `127.0.0.1:${port}`));
    for (let i = 1; i <= 3; i++) {
      const res = await get(proxy);
      expect(res.status).toBe(502);
      const text = await res.text();
      expect(text).not.toContain('127.0.0.1');
      expect(text).not.toContain(String(dead[0]));
      expect(proxy.log).toHaveLength(2 * i);
    }
  });

  it('names upstream and cause with error_detail', async () => {
    const port = await deadPort();
    const proxy = await proxyTo([`127.0.0.1:${port}`], 'error_detail on;');
    const text = await (await get(proxy)).text();
    expect(text).toContain(`127.0.0.1:${port}`);
    expect(text).toMatch(/refused/);
  });
});

describe('a peer that closes before it answers', () => {
  it('is passed over for GET and PUT, and blamed', async () => {
    for (const method of ['GET', 'PUT']) {
      const bad = await scripted(reset);
      const good = await scripted(answer(200, 'good'));
      const proxy = await proxyTo([bad, good]);
      const res = await get(proxy, { method, ...(method === 'PUT' ? { body: 'x' } : {}) });
      expect(await res.text()).toBe('good');
      expect(bad.requests()).toBe(1);
    }
  });

  it('gives 502 to a POST, which reaches no second peer', async () => {
    const bad = await scripted(reset);
    const good = await scripted(answer(200, 'good'));
    const proxy = await proxyTo([bad, good]);
    const res = await get(proxy, { method: 'POST', body: 'pay' });
    expect(res.status).toBe(502);
    expect(bad.requests()).toBe(1);
    expect(good.requests()).toBe(0);
    expect(proxy.log[0]).toMatch(/method not idempotent/);
  });

  it('lets a POST go on with non_idempotent', async () => {
    const bad = await scripted(reset);
    const good = await scripted(answer(200, 'good'));
    const proxy = await proxyTo([bad, good], 'proxy_next_upstream error non_idempotent;');
    expect(await (await get(proxy, { method: 'POST', body: 'pay' })).text()).toBe('good');
  });

  it('is not passed over with "off"', async () => {
    const bad = await scripted(reset);
    const proxy = await proxyTo([bad, await scripted(answer(200, 'good'))], 'proxy_next_upstream off;');
    expect((await get(proxy)).status).toBe(502);
  });
});

describe('a status that proxy_next_upstream lists', () => {
  it('goes to the next peer', async () => {
    for (const status of [500, 502, 503, 504, 403, 404, 429]) {
      const bad = await scripted(answer(status, 'bad'));
      const good = await scripted(answer(200, 'good'));
      const proxy = await proxyTo([bad, good], `proxy_next_upstream http_${status};`);
      expect(await (await get(proxy)).text()).toBe('good');
    }
  });

  it('is passed through when it is not listed', async () => {
    const proxy = await proxyTo([
      await scripted(answer(503, 'own words')),
      await scripted(answer(200, 'good')),
    ]);
    const res = await get(proxy);
    expect([res.status, await res.text()]).toEqual([503, 'own words']);
  });

  it("leaves a POST with the peer's own answer instead of a page of ours", async () => {
    const proxy = await proxyTo(
      [await scripted(answer(503, 'own words')), await scripted(answer(200, 'good'))],
      'proxy_next_upstream http_503;',
    );
    const res = await get(proxy, { method: 'POST', body: 'x' });
    expect([res.status, await res.text()]).toEqual([503, 'own words']);
  });

  it('is what the client gets when the other peers are full', async () => {
    const busy = await scripted(silence);
    const first = await scripted(answer(503, 'own words'));
    const proxy = await proxyTo([`${busy.address} max_conns=1`, first], 'proxy_next_upstream http_503;');
    const hanging = new AbortController();
    const waiting = get(proxy, { signal: hanging.signal }).catch(() => {});
    await expect.poll(() => busy.requests()).toBe(1);
    const res = await get(proxy);
    expect([res.status, await res.text()]).toEqual([503, 'own words']);
    hanging.abort();
    await waiting;
  });

  it('is what the client gets when all peers give it', async () => {
    const proxy = await proxyTo(
      [await scripted(answer(503, 'first')), await scripted(answer(503, 'second'))],
      'proxy_next_upstream http_503;',
    );
    const res = await get(proxy);
    expect([res.status, await res.text()]).toEqual([503, 'second']);
  });

  it('404 moves on without blame', async () => {
    const first = await scripted(answer(404, 'no'));
    const proxy = await proxyTo(
      [first, await scripted(answer(200, 'good'))],
      'proxy_next_upstream http_404;',
    );
    for (let i = 0; i < 4; i++) expect(await (await get(proxy)).text()).toBe('good');
    expect(first.requests()).toBe(2);
  });
});

describe('time and tries', () => {
  it('goes on after proxy_connect_timeout, for every method, and answers 504 when nobody is left', async () => {
    const hole = own(await blackHole());
    const good = await scripted(answer(200, 'good'));
    const proxy = await proxyTo([hole, good], 'proxy_connect_timeout 200ms;');
    expect(await (await get(proxy, { method: 'POST', body: 'b' })).text()).toBe('good');
    expect(proxy.log[0]).toMatch(/connect_timeout/);
    const alone = await proxyTo([hole], 'proxy_connect_timeout 200ms;');
    expect((await get(alone)).status).toBe(504);
  });

  it('goes on after proxy_read_timeout, and answers 504 when nobody is left', async () => {
    const mute = await scripted(silence);
    const good = await scripted(answer(200, 'good'));
    const proxy = await proxyTo([mute, good], 'proxy_read_timeout 200ms;');
    expect(await (await get(proxy)).text()).toBe('good');
    const alone = await proxyTo([await scripted(silence)], 'proxy_read_timeout 200ms; error_detail on;');
    const res = await get(alone);
    expect(res.status).toBe(504);
    expect(await res.text()).toContain('proxy_read_timeout');
  });

  it('ends at proxy_next_upstream_tries', async () => {
    const ports = [await deadPort(), await deadPort(), await deadPort()];
    const proxy = await proxyTo(
      ports.map((p) => `127.0.0.1:${p}`),
      'proxy_next_upstream_tries 2;',
    );
    expect((await get(proxy)).status).toBe(502);
    expect(proxy.log).toHaveLength(2);
  });

  it('begins no attempt after proxy_next_upstream_timeout', async () => {
    // The first fails at once and the second after the time: a machine that stands still for a second does not make it fail sooner.
    const peers = [await scripted(reset), await scripted(silence), await scripted(silence)];
    const proxy = await proxyTo(peers, 'proxy_read_timeout 1600ms; proxy_next_upstream_timeout 1500ms;');
    expect((await get(proxy)).status).toBe(504);
    expect(peers.map((p) => p.requests())).toEqual([1, 1, 0]);
  });

  it('passes over an answer that is no HTTP only with invalid_header', async () => {
    const broken = (socket: Socket): void => void socket.end('hello\r\n\r\n');
    const plain = await proxyTo([await scripted(broken), await scripted(answer(200, 'good'))]);
    expect((await get(plain)).status).toBe(502);
    const listed = await proxyTo(
      [await scripted(broken), await scripted(answer(200, 'good'))],
      'proxy_next_upstream invalid_header;',
    );
    expect(await (await get(listed)).text()).toBe('good');
  });
});

describe('the body of a request that is tried again', () => {
  const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

  /** Resets each connection once it has seen `bytes` of a request. */
  const resetAfter = async (bytes: number) => {
    let seen = 0;
    return own(
      await startRawUpstream((socket) => {
        socket.on('data', (chunk) => {
          seen += chunk.length;
          if (seen >= bytes) socket.resetAndDestroy();
        });
      }),
    );
  };

  it('arrives whole at the second peer while it fits the buffer', async () => {
    const body = Buffer.alloc(60_000, 'abc');
    for (const chunked of [false, true]) {
      const good = own(
        await startUpstream((req, res) => {
          const chunks: Buffer[] = [];
          req.on('data', (c) => chunks.push(c));
          req.on('end', () => res.end(`${hash(Buffer.concat(chunks))} ${req.headers['content-length']}`));
        }),
      );
      const proxy = await proxyTo([await resetAfter(20_000), good]);
      const res = await get(proxy, {
        method: 'PUT',
        body: chunked ? new Blob([body]).stream() : body,
        duplex: 'half',
      } as RequestInit);
      expect(await res.text()).toBe(`${hash(body)} ${body.length}`);
    }
  });

  it('is not sent again beyond the buffer while it still comes', async () => {
    const good = await scripted(answer(200, 'good'));
    const proxy = await proxyTo(
      [await resetAfter(600_000), good],
      'client_max_body_size 0; proxy_request_buffering off;',
    );
    const res = await get(proxy, { method: 'PUT', body: Buffer.alloc(3_000_000, 'x') }).catch(
      (e: Error) => e,
    );
    if (res instanceof Response) expect(res.status).toBe(502);
    expect(good.requests()).toBe(0);
    expect(proxy.log[0]).toMatch(/body not replayable/);
  });
});

describe('a kept-alive connection that the peer closes as it is used', () => {
  /** Answers the first request of a connection, resets at the second. */
  const oneRequestEach = async () => {
    let requests = 0;
    const peer = own(
      await startRawUpstream((socket) => {
        let first = true;
        socket.on('data', () => {
          requests++;
          if (first) answer(200, 'ok')(socket);
          else socket.resetAndDestroy();
          first = false;
        });
      }),
    );
    return { address: peer.address, requests: () => requests, peer };
  };

  it('costs a GET one free retry on a fresh connection, also with one peer only', async () => {
    const peer = await oneRequestEach();
    const proxy = await proxyTo([peer]);
    for (let i = 0; i < 6; i++) expect((await get(proxy)).status).toBe(200);
    expect(proxy.log).toEqual([]);
    expect(peer.peer.connections).toBe(6);
  });

  it('never repeats a POST, and does not blame the peer', async () => {
    const peer = await oneRequestEach();
    const other = await scripted(answer(200, 'other'));
    const proxy = await proxyTo([peer]);
    expect((await get(proxy, { method: 'POST', body: 'a' })).status).toBe(200);
    expect((await get(proxy, { method: 'POST', body: 'b' })).status).toBe(502);
    expect(peer.requests()).toBe(2);
    expect((await get(proxy, { method: 'POST', body: 'c' })).status).toBe(200);
    expect(other.requests()).toBe(0);
  });

  it('is not used again after the time that its Keep-Alive field names', async () => {
    const peer = await scripted(answer(200, 'ok', 'Keep-Alive: timeout=1\r\n'));
    const proxy = await proxyTo([peer]);
    await (await get(proxy)).text();
    await new Promise((r) => setTimeout(r, 1000));
    await (await get(proxy)).text();
    expect(peer.peer.connections).toBe(2);
  });
});

it('max_conns keeps further requests from a busy peer', async () => {
  const waiting: (() => void)[] = [];
  let arrived = 0;
  /** The slow one answers when all six have come to a peer, so that nobody finds it free again. */
  const arrive = (): void => {
    if (++arrived === 6) for (const answer of waiting) answer();
  };
  const slow = own(
    await startUpstream((_req, res) => {
      waiting.push(() => void res.end('slow'));
      arrive();
    }),
  );
  const quick = own(
    await startUpstream((_req, res) => {
      res.end('quick');
      arrive();
    }),
  );
  const proxy = await proxyTo([`${slow.address} max_conns=1`, quick]);
  const answers = await Promise.all(Array.from({ length: 6 }, async () => (await get(proxy)).text()));
  expect(answers.filter((text) => text === 'slow')).toHaveLength(1);
});
