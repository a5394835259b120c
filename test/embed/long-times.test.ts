// A connectTimeout beyond what Node's timers count to is kept by requests and WebSockets alike; it must not become 1 ms.
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { startUpstream } from '../support/upstream.ts';
import { ask, startApp } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

it.each([25, 36_500])('of %s days', async (days) => {
  const warnings: string[] = [];
  const warn = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', warn);
  try {
    const peer = own(await startUpstream((_req, res) => res.end('fine')));
    const app = own(
      await startApp({ upstream: { servers: [peer.address] }, connectTimeout: days * 24 * 3600_000 }),
    );
    expect(await ask(app.port)).toMatchObject({ status: 200, body: 'fine' });
    const socket = connect(app.port, '127.0.0.1', () => socket.write(HANDSHAKE));
    // The peer knows no WebSockets; that it was reached is enough.
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(warnings).toEqual([]);
  } finally {
    process.off('warning', warn);
  }
});
