// Clients beyond worker_connections are told of in the error log: at once, then once a second, and none is left out of the count.
import { expect, it } from 'vitest';
import { pause } from '../support/http-client.ts';
import { startProxy } from '../support/proxy.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';

it('tells of every client that was turned away, once a second at most', async () => {
  const proxy = await startProxy(
    'events { worker_connections 2; } http { server { listen 127.0.0.1:0; location / { return 204; } } }',
  );
  const clients: RawClient[] = [];
  const come = async (count: number): Promise<void> => {
    const others = Array.from({ length: count }, () => rawClient(proxy.port));
    clients.push(...others);
    await Promise.all(others.map((client) => client.until((text) => text.includes('503'))));
  };
  for (let i = 0; i < 2; i++) clients.push(rawClient(proxy.port));
  await expect.poll(() => proxy.listeners[0].connections).toBe(2);
  await come(7);
  expect(proxy.log).toHaveLength(1);
  await expect.poll(() => proxy.log.length, { timeout: 2000 }).toBe(2);
  // Nobody came meanwhile: nothing is said.
  await pause(1200);
  expect(proxy.log).toHaveLength(2);
  await come(1);
  const counts = proxy.log.map((line) => Number(/since the last such line: (\d+)$/.exec(line)?.[1]));
  expect(counts).toEqual([1, 6, 1]);
  expect(proxy.log[0]).toMatch(/^worker_connections 2 are in use: raise it, or let clients go sooner/);
  for (const client of clients) client.destroy();
  await proxy.close();
});
