// Request bodies: replayed whole while they fit the buffer, streamed beyond, never sent twice where that could do harm.
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { rawClient } from '../support/raw-client.ts';
import { deadPort, startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';
import { ask, settled, startApp, until } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};
const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** Answers with the length and hash of the body. */
const hashing = async (status = 200): Promise<TestPeer & { requests: number }> => {
  const peer = await startUpstream((req, res) => {
    counted.requests++;
    const hash = createHash('sha256');
    req.on('data', (chunk) => hash.update(chunk));
    req.on('end', () => {
      res.statusCode = status;
      res.end(hash.digest('hex'));
    });
  });
  const counted = own({ ...peer, requests: 0 });
  return counted;
};

/** Reads the head and some of the body, then cuts the connection. */
const cutting = async (): Promise<TestPeer & { requests: number }> => {
  const peer = await startRawUpstream((socket) => {
    socket.once('data', () => {
      counted.requests++;
      socket.destroy();
    });
  });
  const counted = own({ ...peer, requests: 0 });
  return counted;
};

describe('a body', () => {
  it.each([['length'], ['chunked']])('is replayed whole after a refused connection (%s)', async (framing) => {
    const peer = await hashing();
    const app = own(
      await startApp({ upstream: { servers: [`127.0.0.1:${await deadPort()}`, peer.address] } }),
    );
    const body = randomBytes(40_000);
    const headers: Record<string, string> = framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : {};
    const answer = await ask(app.port, { method: 'POST', body, headers });
    expect(answer).toMatchObject({ status: 200, body: sha(body) });
    expect(app.balancer.upstream.peers[0].fails).toBe(1);
  });

  it('larger than the buffer goes on after a refused connection, for nothing of it was sent', async () => {
    const peer = await hashing();
    const app = own(
      await startApp({
        upstream: { servers: [`127.0.0.1:${await deadPort()}`, peer.address], body_buffer: '4k' },
      }),
    );
    const body = randomBytes(3_000_000);
    expect(await ask(app.port, { method: 'POST', body })).toMatchObject({ status: 200, body: sha(body) });
    expect(app.balancer.upstream.peers[0].fails).toBe(1);
  });

  it('is replayed whole after a 502 with http_502 and non_idempotent', async () => {
    const sick = await hashing(502);
    const peer = await hashing();
    const servers = [sick.address, peer.address];
    const body = randomBytes(50_000);
    const app = own(
      await startApp({ upstream: { servers, next_upstream: ['error', 'http_502', 'non_idempotent'] } }),
    );
    expect(await ask(app.port, { method: 'POST', body })).toMatchObject({ status: 200, body: sha(body) });
    expect([sick.requests, peer.requests]).toEqual([1, 1]);
  });

  it('of a POST is not sent twice: the peer’s own 502 passes through', async () => {
    const sick = await hashing(502);
    const peer = await hashing();
    const app = own(
      await startApp({
        upstream: { servers: [sick.address, peer.address], next_upstream: ['error', 'http_502'] },
      }),
    );
    expect(await ask(app.port, { method: 'POST', body: 'x' })).toMatchObject({
      status: 502,
      body: sha(Buffer.from('x')),
    });
    expect([sick.requests, peer.requests]).toEqual([1, 0]);
  });

  it('of a POST is not sent twice after the connection broke; that of a PUT is', async () => {
    const broken = await cutting();
    const peer = await hashing();
    const servers = [{ address: broken.address, max_fails: 0 }, peer.address];
    const app = own(await startApp({ upstream: { servers } }));
    const answer = await ask(app.port, { method: 'POST', body: 'x' });
    expect(answer.status).toBe(502);
    expect(answer.body).toMatch(/^502 Bad Gateway: the peer closed the connection/);
    expect([broken.requests, peer.requests]).toEqual([1, 0]);
    await ask(app.port);
    const body = randomBytes(30_000);
    expect(await ask(app.port, { method: 'PUT', body })).toMatchObject({ status: 200, body: sha(body) });
    expect([broken.requests, peer.requests]).toEqual([2, 2]);
  });

  it('that outgrew the buffer is not replayed once sent', async () => {
    let received = 0;
    const broken = own(
      await startRawUpstream((socket) => {
        socket.on('data', (chunk) => {
          received += chunk.length;
          if (received > 500_000) socket.destroy();
        });
      }),
    );
    const peer = await hashing();
    const app = own(
      await startApp({ upstream: { servers: [broken.address, peer.address], body_buffer: 16_384 } }),
    );
    const answer = await ask(app.port, { method: 'PUT', body: randomBytes(2_000_000) }).catch(
      (e: Error) => e,
    );
    expect(peer.requests).toBe(0);
    expect(answer).toMatchObject({ status: 502 });
  });

  it('streams: the peer sees its beginning before its end, and a slow peer holds the client', async () => {
    let received = 0;
    let reading = true;
    let resume = (): void => {};
    const peer = own(
      await startRawUpstream((socket) => {
        socket.on('data', (chunk) => {
          received += chunk.length;
          if (received > 100_000 && reading) {
            reading = false;
            socket.pause();
            resume = () => socket.resume();
          }
        });
      }),
    );
    const app = own(await startApp({ upstream: { servers: [peer.address], body_buffer: '8k' } }));
    const client = connect({ port: app.port, host: '127.0.0.1' });
    client.on('error', () => {});
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n');
    let written = 0;
    const chunk = Buffer.alloc(65_536);
    const pump = (): void => {
      while (written < 1e9) {
        written += chunk.length;
        if (!client.write(chunk)) return;
      }
    };
    client.on('drain', pump);
    pump();
    await until(() => !reading, 'the beginning of the body');
    // Socket buffers of the system are all that fills: several megabytes, never the gigabyte.
    expect(await settled(() => written)).toBeLessThan(60_000_000);
    client.destroy();
    // Behind unread bytes nobody sees that the client has gone.
    resume();
    await until(() => app.balancer.upstream.peers[0].active === 0, 'the release');
  });

  it('arrives intact through a tiny buffer', async () => {
    const peer = await hashing();
    const app = own(await startApp({ upstream: { servers: [peer.address], body_buffer: 0 } }));
    const body = randomBytes(1_000_000);
    expect(await ask(app.port, { method: 'POST', body })).toMatchObject({ status: 200, body: sha(body) });
  });

  it('may be given as options.buffer, and is asked for when it was read before', async () => {
    const peer = await hashing();
    const app = own(await startApp({ upstream: { servers: [peer.address] } }));
    const body = randomBytes(10_000);
    let give = true;
    app.server.removeAllListeners('request');
    app.server.on('request', (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk) => chunks.push(chunk));
      req.on('end', () => {
        const buffer = new PassThrough();
        buffer.end(Buffer.concat(chunks));
        app.balancer.web(req, res, give ? { buffer } : {});
      });
    });
    expect(await ask(app.port, { method: 'POST', body })).toMatchObject({ status: 200, body: sha(body) });
    give = false;
    expect((await ask(app.port, { method: 'POST', body })).status).toBe(500);
    let message = '';
    app.balancer.on('error', (error, _req, res) => {
      message = error.message;
      res.end();
    });
    await ask(app.port, { method: 'POST', body });
    expect(message).toContain('options.buffer');
  });

  it('left unread because no peer took it does not keep the client’s connection from its next request', async () => {
    const app = own(
      await startApp({ upstream: { servers: [`127.0.0.1:${await deadPort()}`], body_buffer: '4k' } }),
    );
    const client = rawClient(app.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
    await client.until((text) => text.includes('HTTP/1.1 502'));
    client.write(Buffer.alloc(1_000_000));
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const text = await client.until((t) => t.split('HTTP/1.1 502').length === 3);
    client.destroy();
    expect(text.split('HTTP/1.1 502').length).toBe(3);
  });

  it('left unread by an early answer does not keep the client’s connection from its next request', async () => {
    const peer = own(await startUpstream((_req, res) => res.writeHead(413).end('too large')));
    const app = own(await startApp({ upstream: { servers: [peer.address], body_buffer: '4k' } }));
    const client = rawClient(app.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n');
    client.write(Buffer.alloc(100_000));
    await client.until((text) => text.includes('too large'));
    client.write(Buffer.alloc(200_000));
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.split('HTTP/1.1 413').length === 3);
    client.destroy();
    expect(client.received().split('HTTP/1.1 413').length).toBe(3);
  });
});

describe('framing towards the peer', () => {
  const smuggled = 'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n';
  const chunked = (method: string): string =>
    `${method} /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n` +
    `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;

  it.each(['DELETE', 'OPTIONS', 'GET', 'POST'])('a chunked %s stays one request', async (method) => {
    for (const direct of [false, true]) {
      const seen: string[] = [];
      const peer = own(
        await startUpstream((req, res) => {
          let body = '';
          req.on('data', (chunk) => {
            body += chunk;
          });
          req.on('end', () => {
            seen.push(`${req.method} ${req.url} ${body === smuggled}`);
            res.end('ok');
          });
        }),
      );
      const app = own(
        await startApp(
          direct ? { target: `http://${peer.address}` } : { upstream: { servers: [peer.address] } },
        ),
      );
      const client = rawClient(app.port);
      client.write(chunked(method));
      await client.until((text) => text.includes('ok'));
      client.destroy();
      expect(seen).toEqual([`${method} /a true`]);
    }
  });

  it('fields of the client’s connection do not reach the peer, and the peer’s do not reach the client', async () => {
    let got: Record<string, unknown> = {};
    const peer = own(
      await startUpstream((req, res) => {
        got = req.headers;
        res.writeHead(200, { connection: 'close', 'x-own': '1' });
        res.end('ok');
      }),
    );
    const app = own(await startApp({ upstream: { servers: [peer.address] }, xfwd: true }));
    const client = rawClient(app.port);
    client.write(
      'GET / HTTP/1.1\r\nHost: h\r\nConnection: close, x-hop, host\r\nX-Hop: 1\r\nX-End: 2\r\nTE: trailers\r\n' +
        'Expect: 100-continue\r\n\r\n',
    );
    const text = await client.closed();
    client.destroy();
    expect(got).toMatchObject({
      host: 'h',
      'x-end': '2',
      connection: 'keep-alive',
      'x-forwarded-for': '127.0.0.1',
    });
    for (const name of ['x-hop', 'te', 'expect']) expect(got[name]).toBeUndefined();
    expect(text).toMatch(/x-own: 1/i);
    const again = rawClient(app.port);
    again.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    expect(await again.until((t) => t.includes('ok'))).toMatch(/connection: keep-alive/i);
    again.destroy();
  });

  it('X-Forwarded-For is written once, however many attempts there were', async () => {
    let forwarded: unknown;
    const peer = own(
      await startUpstream((req, res) => {
        forwarded = req.headers['x-forwarded-for'];
        res.end();
      }),
    );
    const servers = [`127.0.0.1:${await deadPort()}`, `127.0.0.1:${await deadPort()}`, peer.address];
    const app = own(await startApp({ upstream: { servers }, xfwd: true }));
    await ask(app.port);
    expect(forwarded).toBe('127.0.0.1');
  });
});
