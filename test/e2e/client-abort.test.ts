// Clients that leave, in every state of a connection: nothing is left open, and the next one is served.
import { describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { get, OK, observedPeer, pause, post, WAYS } from '../support/observed-peer.ts';
import type { RawClient } from '../support/raw-client.ts';

describe.each(WAYS)('over %s', (way) => {
  const peer = observedPeer(way);

  /** A state, how a client gets there, and how many peer connections are kept when it leaves. */
  const states: readonly (readonly [string, (client: RawClient) => Promise<void>, number])[] = [
    ['before its first byte', () => pause(20), 0],
    [
      'idle between requests',
      async (client) => {
        client.write(get('/ok'));
        await client.until((text) => text.endsWith('ok'));
      },
      1,
    ],
    [
      'in a head',
      async (client) => {
        client.write('GET /ok HTTP/1.1\r\nHo');
        await pause(20);
      },
      0,
    ],
    [
      'in a body with length',
      async (client) => {
        client.write(`${post('/up', 'Content-Length: 1000\r\n')}hello`);
        await peer.got('hello');
      },
      0,
    ],
    [
      'in a chunked body that is buffered',
      async (client) => {
        client.write(`${post('/up', 'Transfer-Encoding: chunked\r\n')}5\r\nhello\r\n`);
        await pause(20);
      },
      0,
    ],
    [
      'in a chunked body that is streamed',
      async (client) => {
        client.write(`${post('/up', 'Transfer-Encoding: chunked\r\n')}20000\r\n${'x'.repeat(0x20000)}\r\n`);
        await peer.got('xxxx');
      },
      0,
    ],
    [
      'waiting for a 100',
      async (client) => {
        client.write(post('/up', 'Expect: 100-continue\r\nContent-Length: 5\r\n'));
        await client.until((text) => text.includes('100 Continue'));
      },
      0,
    ],
    [
      'awaiting the answer',
      async (client) => {
        client.write(get('/silent'));
        await peer.got('/silent');
      },
      0,
    ],
    [
      'awaiting the answer, another request behind it',
      async (client) => {
        client.write(get('/silent') + get('/ok'));
        await peer.got('/silent');
      },
      0,
    ],
    [
      'in an answer with length',
      async (client) => {
        peer.serve = (side) => side.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello');
        client.write(get('/part'));
        await client.until((text) => text.endsWith('hello'));
      },
      0,
    ],
    [
      'in a chunked answer',
      async (client) => {
        peer.serve = (side) =>
          side.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
        client.write(get('/part'));
        await client.until((text) => text.includes('hello'));
      },
      0,
    ],
    [
      'in an answer that it does not read',
      async (client) => {
        peer.serve = (side) =>
          side.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n${'x'.repeat(20_000_000)}`);
        client.socket.pause();
        client.write(get('/part'));
        await peer.got('/part');
        await pause(100);
      },
      0,
    ],
  ];

  /** How a client says that it says no more; what comes last of TLS is not always said. */
  const finals: [string, (client: RawClient) => void][] = [['with a FIN', (client) => client.socket.end()]];
  if (way === 'TLS') finals.push(['with a FIN and no close_notify', (client) => client.wire.end()]);

  describe('a client that leaves', () => {
    for (const [where, reach, idle] of states) {
      it(`${where}, with a reset`, async () => {
        const proxy = await peer.proxyWith('', 'proxy_request_buffering off;');
        const client = peer.client(proxy);
        await reach(client);
        client.reset();
        await peer.expectNothingLeft(proxy, idle);
      });

      it(`${where}, by closing`, async () => {
        const proxy = await peer.proxyWith('', 'proxy_request_buffering off;');
        const client = peer.client(proxy);
        await reach(client);
        client.destroy();
        await peer.expectNothingLeft(proxy, idle);
      });

      // In an answer that the client does not read, the FIN stands behind bytes that nobody takes: that is send_timeout's.
      if (where === 'in an answer that it does not read') continue;
      it.each(finals)(`${where}, %s only`, async (_how, end) => {
        const proxy = await peer.proxyWith('', 'proxy_request_buffering off;');
        const client = peer.client(proxy);
        await reach(client);
        end(client);
        await client.closed();
        await peer.expectNothingLeft(proxy, idle);
        client.destroy();
      });
    }

    it('is not waited for, but the next one is served', async () => {
      const proxy = await peer.proxyWith();
      for (let i = 0; i < 20; i++) {
        const client = peer.client(proxy);
        client.write(get('/silent'));
        await expect.poll(() => peer.sides.length).toBe(i + 1);
        client.reset();
      }
      await peer.expectNothingLeft(proxy);
      const client = peer.client(proxy);
      client.write(get('/ok', 'Connection: close\r\n'));
      expect(await client.closed()).toContain('\r\n\r\nok');
      client.destroy();
    });

    it('with a FIN only gets its answer with proxy_ignore_client_abort', async () => {
      const proxy = await peer.proxyWith('', 'proxy_ignore_client_abort on;');
      peer.serve = (side) => void setTimeout(() => side.socket.write(OK), 50);
      const client = peer.client(proxy);
      client.socket.end(get('/ok'));
      const [answer] = readAnswers(await client.closed());
      expect([answer.body, answer.fields.get('connection')]).toEqual(['ok', 'close']);
      client.destroy();
      await peer.expectNothingLeft(proxy, 1);
    });
  });

  it('half-closes while its second request waits and lacks its body: the first is answered, and that is the end', async () => {
    const proxy = await peer.proxyWith('proxy_ignore_client_abort on;');
    let answer = (): void => {};
    peer.serve = (side) => {
      answer = () => side.socket.write(OK);
    };
    const client = peer.client(proxy);
    client.write(get('/first') + post('/second', 'Content-Length: 10\r\n'));
    await peer.got('/first');
    client.socket.end();
    await pause(50);
    answer();
    const text = await client.closed(3000);
    expect(readAnswers(text)).toHaveLength(1);
    await peer.expectNothingLeft(proxy, 1);
    client.destroy();
  });
});
