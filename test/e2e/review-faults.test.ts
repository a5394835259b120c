// An error of our own costs one exchange: its client is answered or cut off, and nothing hangs behind it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { Deadline, TimerWheel } from '../../src/shared/timer-wheel.ts';
import { get, observedPeer, post } from '../support/observed-peer.ts';
import type { Proxy } from '../support/proxy.ts';
import { rawClient } from '../support/raw-client.ts';

const peer = observedPeer();

/** What went to the process as uncaught, instead of to the test runner. */
let uncaught: unknown[] = [];
let others: NodeJS.UncaughtExceptionListener[] = [];
beforeEach(() => {
  uncaught = [];
  others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
});
afterEach(() => {
  process.removeAllListeners('uncaughtException');
  for (const listener of others) process.on('uncaughtException', listener);
});

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const bug = (): never => {
  throw new Error('a bug');
};

/** Breaks one part of the location that the proxy serves. */
const broken = (proxy: Proxy, breakIt: (x: Exchange) => void): void => {
  const [listener] = proxy.listeners;
  const { front } = listener;
  const server = front.defaultServer;
  const plan = [...proxy.runtime.listeners.values()][0];
  const dispatch = (x: Exchange): void => {
    breakIt(x);
    server.dispatch(x);
  };
  // Field by field: a server that is made later has none of its own.
  const { name, root, redirect, toNamed } = server;
  const wrapped = { name, root, redirect, toNamed, dispatch };
  listener.update({
    ...plan,
    front: { ...front, defaultServer: wrapped, serverBefore: () => wrapped, serverFor: () => wrapped },
  });
};

describe('a handler that throws', () => {
  it.each([
    ['without a body', get('/ok')],
    ['with a body to come', `${post('/ok', 'Content-Length: 100\r\n')}abc`],
  ])('is answered 500 and the connection ends (%s)', async (_what, request) => {
    const proxy = await peer.proxyWith();
    broken(proxy, bug);
    const client = rawClient(proxy.port);
    client.write(request);
    const seen = await client.until((text) => text.includes('</html>'));
    expect(seen).toMatch(/^HTTP\/1\.1 500 [\s\S]*Connection: close/);
    await client.closed();
    client.destroy();
    expect(uncaught.length).toBe(1);
    await peer.expectNothingLeft(proxy);
  });

  it('in the middle of an answer ends it without making it whole', async () => {
    const proxy = await peer.proxyWith();
    peer.serve = (side, text) => {
      if (text.startsWith('POST')) side.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
    };
    broken(proxy, (x) => {
      const sink = x.root as { write: unknown };
      sink.write = bug;
    });
    const client = rawClient(proxy.port);
    client.write(post('/x', 'Content-Length: 0\r\n'));
    await client.until((text) => text.endsWith('hello'));
    peer.sides[0].socket.write('world');
    expect(await client.closed()).toMatch(/hello$/);
    client.destroy();
    await peer.expectNothingLeft(proxy);
    expect(uncaught.length).toBeGreaterThan(0);
  });

  it('in its log hook leaves the connection as it is', async () => {
    const proxy = await peer.proxyWith();
    broken(proxy, (x) => {
      const set = (): void => {
        (x.location as Mutable<Exchange['location']>).log = bug;
      };
      set();
      queueMicrotask(set);
    });
    const client = rawClient(proxy.port);
    for (const n of [1, 2]) {
      client.write(get('/ok'));
      await client.until((text) => (text.match(/\r\n\r\nok/g)?.length ?? 0) === n);
    }
    expect(uncaught.length).toBe(2);
    client.destroy();
    await peer.expectNothingLeft(proxy, 1);
  });
});

describe('a time-out that throws', () => {
  it('takes none of the others with it', async () => {
    let now = 0;
    const wheel = new TimerWheel({ now: () => now });
    const fired: number[] = [];
    wheel.arm(new Deadline(bug), 100);
    wheel.arm(new Deadline(() => fired.push(1)), 100);
    wheel.arm(new Deadline(() => fired.push(2)), 100);
    now = 400;
    wheel.advance();
    expect(fired).toEqual([1, 2]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(uncaught.length).toBe(1);
  });
});
