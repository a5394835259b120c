// What a client can make the proxy hold is bounded by the buffers, however it cuts its bytes.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { observedPeer, pause, post, WAYS } from '../support/observed-peer.ts';

describe.each(WAYS)('over %s', (way) => {
  const peer = observedPeer(way);

  it('a body in single bytes is held in little more than its size', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const proxy = await peer.proxyWith('proxy_request_buffering off;');
    peer.serve = () => {};
    const client = peer.client(proxy);
    client.socket.setNoDelay(true);
    const bytes = 20_000;
    client.write(post('/up', `Content-Length: ${bytes + 1}\r\n`));
    await peer.got('/up');
    let reached = 0;
    // The test itself must not hold what it counts.
    peer.serve = (side, text) => {
      reached += text.length;
      side.received = '';
    };
    collect();
    const used = (): number => {
      const m = process.memoryUsage();
      return m.heapUsed + m.external;
    };
    await pause(50);
    collect();
    const before = used();
    for (let i = 0; i < bytes; i++) {
      client.write('x');
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => reached, { timeout: 10_000 }).toBe(bytes);
    collect();
    expect(used() - before).toBeLessThan(60 * bytes);
    client.destroy();
  });
});
