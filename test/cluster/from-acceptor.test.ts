// What an acceptor may say to the primary, and what becomes of one that says anything else.
import cluster from 'node:cluster';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { AcceptorSlot, type SlotEvents } from '../../src/cluster/acceptor-slot.ts';
import { readFromAcceptor } from '../../src/cluster/from-acceptor.ts';
import type { FromAcceptor } from '../../src/cluster/messages.ts';
import { NO_NUMBERS } from '../../src/observe/traffic/delta.ts';

const GOOD: readonly FromAcceptor[] = [
  { type: 'ready' },
  { type: 'alive' },
  { type: 'prepared', generation: 3, problem: null },
  { type: 'prepared', generation: 3, problem: { at: 'nginx.conf:1:2', message: 'no' } },
  { type: 'committed', generation: 0, problem: null },
  { type: 'committed', generation: 0, problem: 'no' },
  { type: 'log-full', segment: 7 },
  { type: 'log-switched', segment: 7 },
  { type: 'reopened', generation: 4, problems: [] },
  { type: 'reopened', generation: 4, problems: ['no'] },
  { type: 'draining', waits: { exchanges: 0, tunnels: 5 } },
  { type: 'traffic', id: 0, locations: [], peers: [], own: NO_NUMBERS, now: null },
  {
    type: 'traffic',
    id: 7,
    locations: [['a.test', '/', [0, 120, 2, 0.25, 6, 1]]],
    peers: [['app', '127.0.0.1:8001', [3, 1], 1, 1000]],
    own: { ...NO_NUMBERS, heapBytes: 4096, loopMaxMs: 1.5 },
    now: [['app', '127.0.0.1:8001', 5, 2, 1, 0]],
  },
  { type: 'scrape', id: 2, openMetrics: true },
  { type: 'peer-idle', id: 3 },
  { type: 'counts', id: 3, ports: {} },
  { type: 'leaf', id: 1, wanted: 'app.localhost' },
  {
    type: 'counts',
    id: 4,
    ports: { 8001: { exchanges: 2, tunnels: 0 }, 65535: { exchanges: 0, tunnels: 1 } },
  },
];

const TRAFFIC = ['locations', 'peers', 'own', 'now', 'openMetrics'];

/** A good message with one thing in it replaced, or anything. */
const DAMAGED = fc.oneof(
  fc.anything({ withNullPrototype: true }),
  fc.jsonValue(),
  fc
    .tuple(
      fc.constantFrom(...GOOD),
      fc.constantFrom(
        'type',
        'generation',
        'problem',
        'problems',
        'segment',
        'waits',
        'id',
        'ports',
        'wanted',
        ...TRAFFIC,
      ),
      fc.jsonValue(),
    )
    .map(([message, key, value]) => ({ ...message, [key]: value })),
  fc
    .constantFrom(...GOOD)
    .map((message) => JSON.parse(JSON.stringify(message).replace('"type"', '"__proto__"')) as unknown),
);

describe('readFromAcceptor', () => {
  it.each(GOOD)('reads %j', (message) => {
    expect(readFromAcceptor(JSON.parse(JSON.stringify(message)))).toEqual(message);
  });

  it('never throws, and gives nothing but messages', () => {
    fc.assert(
      fc.property(DAMAGED, (sent) => {
        const message = readFromAcceptor(sent);
        if (message === null) return;
        // As it arrives: -0 is 0 there.
        const arrived: unknown = JSON.parse(JSON.stringify(message));
        expect(readFromAcceptor(arrived)).toEqual(arrived);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    'null',
    '1',
    '"ready"',
    '[]',
    '{}',
    '{"type":"toString"}',
    '{"type":["ready"]}',
    '{"__proto__":{"type":"ready"}}',
    '{"type":"committed","generation":-1,"problem":null}',
    '{"type":"committed","generation":1}',
    '{"type":"committed","generation":1e99,"problem":null}',
    '{"type":"prepared","generation":1,"problem":"no"}',
    '{"type":"reopened","generation":1,"problems":[1]}',
    '{"type":"draining","waits":{"exchanges":1}}',
    '{"type":"log-full","segment":"1"}',
    '{"type":"peer-idle"}',
    '{"type":"counts","id":1,"ports":[]}',
    '{"type":"counts","id":1,"ports":{"8001":1}}',
    '{"type":"counts","id":1,"ports":{"8001":{"exchanges":1}}}',
    '{"type":"counts","id":1,"ports":{"65536":{"exchanges":1,"tunnels":0}}}',
    '{"type":"counts","id":1,"ports":{"__proto__":{"exchanges":1,"tunnels":0}}}',
  ])('refuses %s', (text) => {
    expect(readFromAcceptor(JSON.parse(text))).toBeNull();
  });
});

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** A real acceptor's process that says nothing by itself, and what its slot tells. */
function silentAcceptor() {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-slot-'));
  const exec = join(dir, 'silent.cjs');
  writeFileSync(exec, 'setInterval(() => {}, 1000);');
  cluster.setupPrimary({ exec, args: [], serialization: 'json' });
  const told: string[] = [];
  const events: SlotEvents = {
    onReady: () => void told.push('ready'),
    onLog: (_, { type }) => void told.push(type),
    onLeafWish: (_, { wanted }) => void told.push(`wants ${wanted}`),
    onTraffic: (_, { type }) => void told.push(type),
    onOffence: (_, what) => void told.push(`offence: ${what}`),
    onExit: (_, code, signal) => void told.push(`exit ${code ?? signal}`),
  };
  const slot = new AcceptorSlot(events);
  cleanups.push(
    () => rmSync(dir, { recursive: true, force: true }),
    () => slot.kill(),
  );
  return { slot, told };
}

describe('AcceptorSlot', () => {
  it('throws at no message, and kills whoever sends what is none', async () => {
    let { slot, told } = silentAcceptor();
    fc.assert(
      fc.property(DAMAGED, (sent) => {
        const before = told.length;
        slot.worker.emit('message', sent);
        const message = readFromAcceptor(sent);
        const offence = told.slice(before).some((text) => text.startsWith('offence'));
        expect(offence).toBe(message === null);
        if (message === null || message.type === 'ready') ({ slot, told } = silentAcceptor());
      }),
      { numRuns: 30 },
    );
    slot.worker.emit('message', null);
    await expect.poll(() => told.at(-1), { timeout: 20_000 }).toBe('exit SIGKILL');
  });

  it('hears once that it is ready', async () => {
    const { slot, told } = silentAcceptor();
    slot.worker.emit('message', { type: 'ready' });
    slot.worker.emit('message', { type: 'ready' });
    slot.worker.emit('message', { type: 'log-full', segment: 1 });
    expect(told).toEqual(['ready', expect.stringContaining('offence')]);
    await expect.poll(() => told.at(-1), { timeout: 20_000 }).toBe('exit SIGKILL');
  });

  it('drops what is sent to one that is gone, and answers at once for it', async () => {
    const { slot, told } = silentAcceptor();
    slot.kill();
    slot.send({ type: 'log-sealed' });
    expect(await slot.reopen(1)).toEqual([]);
    await expect.poll(() => told, { timeout: 20_000 }).toEqual(['exit SIGKILL']);
    slot.send({ type: 'log-sealed' });
    expect(
      await slot.commit({
        type: 'commit',
        generation: 1,
        state: { groups: [], zones: [], log: { segment: 0, offset: 0 } },
      }),
    ).toBeNull();
  });
});
