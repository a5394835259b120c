// Clients that do not read: what waits for them is bounded, in size and in time.
import { describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { get, OK, observedPeer, pause, post, type Serve, WAYS } from '../support/observed-peer.ts';
import type { RawClient } from '../support/raw-client.ts';

describe.each(WAYS)('over %s', (way) => {
  const peer = observedPeer(way);

  describe('a client that does not read', () => {
    const BIG = 60_000_000;
    const BETWEEN_BYTES = 200_000;

    /** Writes as fast as the proxy takes it, and counts. */
    const stream = (counter: { bytes: number }): Serve => {
      const piece = Buffer.alloc(64_000, 'x');
      return (side) => {
        side.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n`);
        const more = (): void => {
          while (counter.bytes < BIG && !side.socket.destroyed) {
            counter.bytes += piece.length;
            if (!side.socket.write(piece)) return;
          }
        };
        side.socket.on('drain', more);
        more();
      };
    };

    it('is closed after send_timeout, and the peer was held until then', async () => {
      const proxy = await peer.proxyWith('send_timeout 300ms; proxy_buffering off;');
      const counter = { bytes: 0 };
      peer.serve = stream(counter);
      const client = peer.client(proxy);
      client.socket.pause();
      const began = performance.now();
      client.write(get('/big'));
      await peer.got('/big');
      await peer.expectNothingLeft(proxy);
      expect(performance.now() - began).toBeGreaterThan(290);
      expect(counter.bytes).toBeLessThan(BIG / 2);
      client.destroy();
    });

    it('but goes on in time gets all of it', async () => {
      const sendTimeoutMs = 2000;
      const proxy = await peer.proxyWith(`send_timeout ${sendTimeoutMs}ms; keepalive_timeout 50ms;`);
      peer.serve = (side) =>
        side.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 12000000\r\n\r\n${'x'.repeat(12_000_000)}`);
      const client = peer.client(proxy);
      let size = 0;
      let pauses = 0;
      client.socket.on('data', (chunk: Buffer) => {
        size += chunk.length;
        // The kernel wants some room before the proxy may write again: a client that reads less than that in the time is as good as none.
        if (size < (pauses + 1) * BETWEEN_BYTES) return;
        pauses++;
        client.socket.pause();
        // Each pause is short, all together are longer than the time-out.
        setTimeout(() => client.socket.resume(), 50);
      });
      const began = performance.now();
      client.write(get('/big'));
      await client.closed(25_000);
      expect(size).toBeGreaterThan(12_000_000);
      expect(performance.now() - began).toBeGreaterThan(sendTimeoutMs);
      client.destroy();
    });

    /** Sends requests without reading, until the proxy takes no more of them; gives how many it passed on. */
    const pipeline = async (client: RawClient, count: number, served: () => number): Promise<number> => {
      client.socket.pause();
      client.write(get('/ok').repeat(count));
      let before = 0;
      // A busy machine may take its time for the next ones.
      for (let still = 0; still < 4; still++) {
        await pause(100);
        if (before !== served() || before === 0) still = -1;
        before = served();
      }
      return before;
    };

    it('is not served more of its pipelined requests than it takes, and gets all answers when it reads', async () => {
      const proxy = await peer.proxyWith(
        'keepalive_requests 100000; keepalive_timeout 100ms; send_timeout 60s;',
      );
      const body = 'x'.repeat(50_000);
      let served = 0;
      peer.serve = (side) => {
        served++;
        side.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      };
      const whole = async (client: RawClient, count: number): Promise<void> => {
        client.socket.resume();
        expect(readAnswers(await client.closed(20_000))).toHaveLength(count);
        client.destroy();
      };
      const count = 900;
      const client = peer.client(proxy);
      const taken = await pipeline(client, count, () => served);
      // Some megabytes are the kernel's; the other requests wait.
      expect(taken).toBeLessThan(count / 2);
      await whole(client, count);
      // About as many as that: with one of these counts the last answer waits in the proxy, longer than keepalive_timeout, and no
      // request behind it.
      await Promise.all(
        Array.from({ length: 14 }, async (_, i) => {
          const few = taken - 11 + i;
          const other = peer.client(proxy);
          other.socket.pause();
          other.write(get('/ok').repeat(few));
          await pause(900);
          await whole(other, few);
        }),
      );
    }, 120_000);

    it('and pipelines what is answered here does not fill memory', async () => {
      const proxy = await peer.proxyWith('keepalive_requests 10000000;', '} location /page { return 404;');
      const client = peer.client(proxy);
      client.socket.pause();
      const requests = get('/page').repeat(10_000);
      const blocked = new Promise<boolean>((resolve) => {
        setTimeout(() => resolve(true), 1500);
        for (let i = 0; i < 100; i++) client.socket.write(requests, () => i === 99 && resolve(false));
      });
      expect(await blocked).toBe(true);
      client.destroy();
      await peer.expectNothingLeft(proxy);
    });
  });

  describe('a long life of one connection', () => {
    it('gathers no listeners', async () => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error): number => warnings.push(warning);
      process.on('warning', onWarning);
      const proxy = await peer.proxyWith();
      peer.serve = (side) => side.socket.write(OK);
      const client = peer.client(proxy);
      for (let i = 1; i <= 200; i++) {
        client.write(i % 2 === 0 ? get('/ok') : `${post('/ok', 'Content-Length: 5\r\n')}hello`);
        await client.until((text) => text.split('HTTP/1.1 200').length === i + 1 && text.endsWith('ok'));
      }
      expect(peer.sides).toHaveLength(1);
      client.destroy();
      await peer.expectNothingLeft(proxy, 1);
      process.off('warning', onWarning);
      expect(warnings).toEqual([]);
    });
  });
});
