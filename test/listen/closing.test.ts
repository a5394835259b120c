// A connection that closes and whose last bytes nobody takes: over TLS a close_notify can be all that waits, which no client can be made
// to bring about at will, so the socket is a played one.
import { afterEach, expect, it, vi } from 'vitest';
import { ClientConnection } from '../../src/listen/client-connection.ts';
import { wheel } from '../../src/shared/timer-wheel.ts';
import type { ByteSocket, SocketOwner } from '../../src/socket/byte-socket.ts';
import { get } from '../support/observed-peer.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';

let played: PlayedSocket;
vi.mock('../../src/socket/accepted.ts', async (original) => ({
  ...(await original<typeof import('../../src/socket/accepted.ts')>()),
  socketOf: (_accepted: unknown, owner: SocketOwner) => {
    played = new PlayedSocket(owner);
    return played;
  },
}));

/** Takes all that is written at once, and no close. */
class PlayedSocket implements ByteSocket {
  readonly owner: SocketOwner;
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 2;
  readonly pendingBytes = 0;
  readonly mustWait = false;
  closed = false;
  ended = false;
  text = '';
  closeAsked = false;

  constructor(owner: SocketOwner) {
    this.owner = owner;
  }

  writeText(text: string): void {
    this.text += text;
  }
  writeFramed(before: string, buf: Buffer, from: number, to: number, after: string): void {
    this.text += before + buf.latin1Slice(from, to) + after;
  }
  writeKept(buf: Buffer): void {
    this.text += buf.latin1Slice();
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  closeSoon(): void {
    this.closeAsked = true;
  }
  destroy(): void {
    this.closed = true;
    this.owner.onClosed(null);
  }
  reset(): void {
    this.destroy();
  }
}

let proxy: Proxy;
afterEach(() => proxy.close());

it('ends after send_timeout', async () => {
  proxy = await startProxy('http { send_timeout 200ms; server { listen 127.0.0.1:0; return 200 all; } }');
  const { front } = proxy.listeners[0];
  const closed = vi.fn();
  const connection = new ClientConnection({} as never, {} as never, {
    front,
    draining: false,
    onClosed: closed,
  });
  const request = Buffer.from(get('/', 'Connection: close\r\n'));
  played.owner.onBytes(request, request.length);
  expect(played.text).toMatch(/all$/);
  expect(played.closeAsked).toBe(true);
  const began = wheel.nowMs;
  await expect.poll(() => played.closed).toBe(true);
  expect(wheel.nowMs - began).toBeGreaterThanOrEqual(200);
  expect(closed).toHaveBeenCalledWith(connection);
});
