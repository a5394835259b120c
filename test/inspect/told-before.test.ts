// What becomes of a request that was told while it lasted, when nothing of its end can be told: it was evicted, cut off, forgotten, or too large.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Inspector } from '../../src/inspect/inspector.ts';
import { type Answer, answerTo, type Question } from '../../src/inspect/questions.ts';
import { get, until } from '../support/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';

const RING_BYTES = 20_000;

let peer: http.Server;
let proxy: Proxy;
const held = new Map<string, http.ServerResponse>();

beforeAll(async () => {
  peer = http.createServer((request, response) => {
    held.set(request.url ?? '', response.writeHead(200, { 'Content-Length': 2 }));
    response.flushHeaders();
  });
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  const { port } = peer.address() as AddressInfo;
  proxy = await startProxy(`worker_processes 1; inspector 64m;
    http { server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:${port}; } location /many { return 204; } } }`);
  inspector().ring.resize(RING_BYTES);
});

afterEach(async () => {
  for (const response of held.values()) response.end('ok');
  held.clear();
  await until(() => inspector().open().length === 0, 5000, 'the end of all');
});

afterAll(async () => {
  await proxy.close();
  peer.closeAllConnections();
  peer.close();
});

function inspector(): Inspector {
  if (proxy.inspector === null) throw new Error('nobody looks on');
  return proxy.inspector;
}

async function list(
  wish: Partial<Extract<Question, { ask: 'list' }>>,
): Promise<Extract<Answer, { list: unknown }>> {
  const found = await answerTo(inspector(), [], { ask: 'list', filter: '', after: 0, limit: 1000, ...wish });
  if (!('list' in found)) throw new Error(JSON.stringify(found));
  return found;
}

/** Begins one that lasts until its answer in `held` ends. */
async function begin(path: string): Promise<{ readonly id: number; end(): Promise<void> }> {
  void get(proxy.port, path).catch(() => undefined);
  const find = () =>
    inspector()
      .open()
      .find(({ target, status }) => target === path && status === 200);
  await until(() => find() !== undefined, 5000, path);
  const id = find()?.id ?? 0;
  return {
    id,
    async end() {
      held.get(path)?.end('ok');
      await until(
        () =>
          inspector()
            .open()
            .every((one) => one.id !== id),
        5000,
        `the end of ${path}`,
      );
    },
  };
}

async function evictAll(): Promise<void> {
  for (let i = 0; i < 60; i++) await get(proxy.port, `/many/${i}`);
}

it('says nothing of those that last while all that changed is told', async () => {
  await begin('/lasts');
  const { version } = await list({});
  await get(proxy.port, '/many/x');
  expect((await list({ after: version })).running).toBe(null);
});

it('tells which of those that were told still last, once one is evicted that changed since', async () => {
  const [one, two] = [await begin('/one'), await begin('/two')];
  const { version } = await list({});
  const later = await begin('/later');
  await one.end();
  await evictAll();
  const found = await list({ after: version });
  expect(found.list.map(({ id }) => id)).not.toContain(one.id);
  expect(found.running).toEqual([two.id]);
  expect(found.list.map(({ id }) => id)).toContain(later.id);
  // Of what was evicted before, whoever asks was told already.
  expect((await list({ after: found.version })).running).toBe(null);
});

it('does so where the list is cut', async () => {
  const [one, two] = [await begin('/one'), await begin('/two')];
  const { version } = await list({});
  await one.end();
  for (const path of ['/many/a', '/many/b', '/many/c']) await get(proxy.port, path);
  const found = await list({ after: version, limit: 3 });
  expect(found.list.map(({ target }) => target)).toEqual(['/many/a', '/many/b', '/many/c']);
  expect(found.running).toEqual([two.id]);
  expect((await list({ after: version, limit: 4 })).running).toBe(null);
});

it('does so where one that leaves the list lies behind the cut', async () => {
  const one = await begin('/one');
  const { version } = await list({ filter: 'method=GET status=200' });
  await one.end();
  for (const path of ['/many/a', '/many/b', '/many/c']) await get(proxy.port, path);
  const found = await list({ filter: 'status=204', after: version, limit: 2 });
  expect(found.running).toEqual([]);
});

it.each([
  ['all was cleared', async () => void (await answerTo(inspector(), [], { ask: 'clear' }))],
  [
    'the ring was made smaller',
    async () => {
      inspector().ring.resize(400);
      inspector().ring.resize(RING_BYTES);
    },
  ],
])('does so where %s', async (_what, lose) => {
  const one = await begin('/one');
  const { version } = await list({});
  await one.end();
  await lose();
  const found = await list({ after: version });
  expect(found.list.map(({ id }) => id)).not.toContain(one.id);
  expect(found.running).toEqual([]);
});

it('does so where one is larger than all that may be kept', async () => {
  const one = await begin(`/one?${'x'.repeat(RING_BYTES)}`.slice(0, 7000));
  const { version } = await list({});
  inspector().ring.resize(5000);
  await one.end();
  expect((await list({ after: version })).running).toEqual([]);
  inspector().ring.resize(RING_BYTES);
});
