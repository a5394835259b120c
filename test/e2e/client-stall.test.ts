// Clients that stall: everything that is awaited of a client has an end.
import { describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { get, OK, observedPeer, pause, post, WAYS } from '../support/observed-peer.ts';

describe.each(WAYS)('over %s', (way) => {
  const peer = observedPeer(way);

  describe('a client that stalls', () => {
    it('without a byte is closed without a word after client_header_timeout', async () => {
      const proxy = await peer.proxyWith('client_header_timeout 200ms;');
      const client = peer.client(proxy);
      expect(await client.closed(1500)).toBe('');
      client.destroy();
      await peer.expectNothingLeft(proxy);
    });

    it.each([
      ['in its first head', ''],
      ['in a later head', get('/ok')],
      ['in empty lines', '\r\n'],
    ])('%s gets 408 after client_header_timeout, however it drips', async (_where, before) => {
      const proxy = await peer.proxyWith('client_header_timeout 300ms;');
      const client = peer.client(proxy);
      client.write(before);
      if (before.startsWith('GET')) await client.until((text) => text.endsWith('ok'));
      const began = performance.now();
      // From now on, not from the first tick on: one who has said nothing by then is closed without a word.
      client.write('G');
      const dripping = setInterval(() => client.write('G'), 40);
      const seen = await client.until((text) => text.includes(' 408 '), 10_000);
      clearInterval(dripping);
      expect(performance.now() - began).toBeLessThan(8000);
      const answers = readAnswers(seen);
      expect(answers.at(-1)?.status).toBe(408);
      expect(answers.at(-1)?.fields.get('connection')).toBe('close');
      await client.closed();
      client.destroy();
      await peer.expectNothingLeft(proxy, before.startsWith('GET') ? 1 : 0);
    });

    it.each([
      ['a body with length', 'Content-Length: 1000\r\n', 'hello'],
      ['a chunked body', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n5'],
      ['a body that did not begin', 'Content-Length: 5\r\n', ''],
      ['a body that it wanted a 100 for', 'Expect: 100-continue\r\nContent-Length: 5\r\n', ''],
    ])('in %s gets 408 after client_body_timeout', async (_what, fields, part) => {
      const proxy = await peer.proxyWith('client_body_timeout 200ms;');
      const client = peer.client(proxy);
      client.write(post('/up', fields) + part);
      const answers = readAnswers(await client.closed(2000)).filter((answer) => answer.status >= 200);
      expect(answers.map((answer) => answer.status)).toEqual([408]);
      client.destroy();
      await peer.expectNothingLeft(proxy);
    });

    it('but not for client_body_timeout gets its answer', async () => {
      const proxy = await peer.proxyWith('client_body_timeout 1s;');
      peer.serve = (side) => {
        if (side.received.endsWith('xxxxxxxx')) side.socket.write(OK);
      };
      const client = peer.client(proxy);
      client.write(post('/up', 'Connection: close\r\nContent-Length: 8\r\n'));
      for (let i = 0; i < 8; i++) {
        await pause(150);
        client.write('x');
      }
      expect(await client.closed()).toMatch(/^HTTP\/1\.1 200 /);
      client.destroy();
    });

    it('after its body is complete may wait longer than client_body_timeout', async () => {
      const proxy = await peer.proxyWith('client_body_timeout 700ms;');
      for (const framed of [
        'Content-Length: 5\r\n\r\nhello',
        'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      ]) {
        peer.serve = (side, text) => {
          if (!text.endsWith('hello')) return;
          setTimeout(() => side.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbe'), 1000);
          setTimeout(() => side.socket.write('gi'), 1200);
          setTimeout(() => side.socket.write('n!'), 1400);
        };
        const client = peer.client(proxy);
        const request = `POST /up HTTP/1.1\r\nHost: a\r\n${framed.slice(0, framed.indexOf('\r\n\r\n') + 4)}`;
        client.write(request);
        await pause(20);
        client.write(framed.slice(framed.indexOf('\r\n\r\n') + 4));
        const [answer] = readAnswers(await client.until((text) => text.endsWith('begin!')));
        expect([answer.status, answer.fields.get('connection'), answer.body]).toEqual([
          200,
          'keep-alive',
          'begin!',
        ]);
        client.destroy();
      }
    });

    it('between requests is closed after keepalive_timeout', async () => {
      const proxy = await peer.proxyWith('keepalive_timeout 200ms;');
      const client = peer.client(proxy);
      client.write(get('/ok'));
      const began = performance.now();
      expect(readAnswers(await client.closed(2000)).map((answer) => answer.status)).toEqual([200]);
      expect(performance.now() - began).toBeGreaterThan(180);
      client.destroy();
      await peer.expectNothingLeft(proxy, 1);
    });

    it('behind a refused request is let go, however long it sends', async () => {
      const proxy = await peer.proxyWith();
      const client = peer.client(proxy);
      client.write('GET / HTTP/9.9\r\n\r\n');
      await client.closed();
      const sending = setInterval(() => client.write('x'), 20);
      await pause(100);
      client.socket.end();
      clearInterval(sending);
      await peer.expectNothingLeft(proxy);
      client.destroy();
    });
  });
});
