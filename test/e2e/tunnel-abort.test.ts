// Tunnels end for both sides, whichever leaves and however.
import { describe, expect, it } from 'vitest';
import { get, observedPeer, pause, WAYS } from '../support/observed-peer.ts';
import type { Proxy } from '../support/proxy.ts';
import type { RawClient } from '../support/raw-client.ts';

describe.each(WAYS)('over %s', (way) => {
  const peer = observedPeer(way);

  const UPGRADE = get('/tunnel', 'Connection: upgrade\r\nUpgrade: websocket\r\n');
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

  describe('a connection that became a tunnel', () => {
    const tunnel = async (proxy: Proxy): Promise<RawClient> => {
      const open = peer.serve;
      peer.serve = (side, text) => {
        if (!text.startsWith('GET /tunnel')) return open(side, text);
        side.socket.write(`${SWITCH}hello`);
      };
      const client = peer.client(proxy);
      client.write(`${UPGRADE}early`);
      await client.until((text) => text.endsWith('hello'));
      await peer.got('early');
      return client;
    };

    it('ends for both when the client resets it', async () => {
      const proxy = await peer.proxyWith();
      const client = await tunnel(proxy);
      client.reset();
      await peer.expectNothingLeft(proxy);
      await expect.poll(() => peer.sides[0].closed).toBe(true);
    });

    it('ends for both when the peer resets it', async () => {
      const proxy = await peer.proxyWith();
      const client = await tunnel(proxy);
      peer.sides[0].socket.resetAndDestroy();
      await client.closed();
      client.destroy();
      await peer.expectNothingLeft(proxy);
    });

    it('ends one way after the other', async () => {
      const proxy = await peer.proxyWith();
      const client = await tunnel(proxy);
      peer.sides[0].socket.removeAllListeners('end');
      client.socket.end('last words');
      await peer.got('last words');
      await pause(30);
      peer.sides[0].socket.end('and mine');
      expect(await client.closed()).toMatch(/helloand mine$/);
      client.destroy();
      await peer.expectNothingLeft(proxy);
    });

    it('ends when nothing passes for proxy_read_timeout', async () => {
      const proxy = await peer.proxyWith('', 'proxy_read_timeout 1500ms;');
      const client = await tunnel(proxy);
      // Together longer than the time-out; each may come much later on a busy machine.
      for (let i = 0; i < 4; i++) {
        await pause(400);
        client.write('.');
      }
      await peer.got('early....');
      await client.closed(8000);
      client.destroy();
      await peer.expectNothingLeft(proxy);
    });

    it('ends for both when the client leaves and the peer does not read', async () => {
      const proxy = await peer.proxyWith('', 'proxy_send_timeout 300ms;');
      const client = await tunnel(proxy);
      peer.sides[0].socket.pause();
      client.write(Buffer.alloc(20_000_000));
      await pause(100);
      client.reset();
      await peer.expectNothingLeft(proxy);
    });

    /** Each side may read, and says a byte now and then for as long as the tunnel stands. */
    const talk = async (proxy: Proxy, reads: { client: boolean; peer: boolean }): Promise<RawClient> => {
      const client = await tunnel(proxy);
      const [side] = peer.sides;
      if (!reads.client) client.socket.pause();
      if (!reads.peer) side.socket.pause();
      const talking = setInterval(() => {
        if (client.socket.writable) client.write('.');
        if (side.socket.writable) side.socket.write('.');
      }, 50);
      client.socket.on('close', () => clearInterval(talking));
      side.socket.on('close', () => clearInterval(talking));
      if (!reads.client) side.socket.write(Buffer.alloc(20_000_000));
      if (!reads.peer) client.write(Buffer.alloc(20_000_000));
      return client;
    };

    it.each([
      ['the client takes nothing', { client: false, peer: true }],
      ['the peer takes nothing', { client: true, peer: false }],
      ['neither takes anything', { client: false, peer: false }],
    ])('ends when %s, whatever it goes on to say', async (_who, reads) => {
      const proxy = await peer.proxyWith('send_timeout 300ms;', 'proxy_send_timeout 300ms;');
      const began = performance.now();
      const client = await talk(proxy, reads);
      await peer.expectNothingLeft(proxy);
      expect(performance.now() - began).toBeGreaterThan(290);
      client.destroy();
    });

    it('stays while the client takes a little again and again', async () => {
      const sendTimeoutMs = 1000;
      const proxy = await peer.proxyWith(`send_timeout ${sendTimeoutMs}ms;`);
      const client = await tunnel(proxy);
      const began = performance.now();
      let size = 0;
      let pausesAt = 0;
      client.socket.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size < pausesAt) return;
        pausesAt = size + 400_000;
        client.socket.pause();
        // Each pause is short, all together are longer than the time-out.
        setTimeout(() => client.socket.resume(), 50);
      });
      peer.sides[0].socket.end(Buffer.alloc(14_000_000));
      await expect.poll(() => size, { timeout: 20_000 }).toBe(14_000_000);
      expect(performance.now() - began).toBeGreaterThan(sendTimeoutMs);
      client.destroy();
      await peer.expectNothingLeft(proxy);
    });

    it('takes a long speech that came before the 101', async () => {
      const proxy = await peer.proxyWith();
      const speech = 'x'.repeat(300_000);
      peer.serve = (side, text) => {
        if (text.startsWith('GET /tunnel')) setTimeout(() => side.socket.write(SWITCH), 100);
      };
      const client = peer.client(proxy);
      client.write(`${UPGRADE}${speech}`);
      await expect.poll(() => peer.sides[0]?.received.endsWith(speech), { timeout: 3000 }).toBe(true);
      client.destroy();
      await peer.expectNothingLeft(proxy);
    });
  });
});
