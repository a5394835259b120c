// Faults: their shares over thousands of draws, each kind against real clients, and what holds of them in a configuration.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Chance, type FaultPlace, MISSED } from '../../../src/features/faults/chance.ts';
import { createFaultStep } from '../../../src/features/faults/faults.ts';
import { type LiveFault, liveFaults } from '../../../src/features/faults/live-faults.ts';
import type { Fault } from '../../../src/features/faults/rows.ts';
import { anExchange } from '../../support/filter-run.ts';
import { type Proxy, readModel, startProxy } from '../../support/proxy.ts';

/** A sequence that is the same at every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** What a location of this text is to the faults. */
function placeOf(text: string, inspects = false): FaultPlace {
  const { model, remove } = readModel(
    `http { ${inspects ? 'inspector 1m;' : ''} server { listen 127.0.0.1:0; server_name one; location /a { ${text} } } }`,
  );
  remove();
  const { settings } = model.servers[0].locations[0];
  return { settings, lookup: () => (x) => x.method, server: 'one', location: '/a' };
}

const live = (more: Partial<LiveFault>): LiveFault => ({
  server: 'one',
  location: '/a',
  kind: 'abort',
  value: '503',
  low: 503,
  high: 503,
  share: 1,
  ...more,
});

afterEach(() => liveFaults.use([]));

describe('chance', () => {
  const counts = (chance: Chance, draws: number): Map<number, number> => {
    const found = new Map<number, number>();
    const x = anExchange();
    for (let i = 0; i < draws; i++) {
      const value = chance.draw(x);
      found.set(value, (found.get(value) ?? 0) + 1);
    }
    return found;
  };

  it.each([0.005, 0.1, 0.5, 0.99])('hits a share of %f', (share) => {
    const fault: Fault = { low: 503, high: 503, share, condition: null };
    const draws = 20_000;
    const hits = counts(new Chance('abort', [fault], placeOf(''), seeded(1)), draws).get(503) ?? 0;
    const deviation = Math.sqrt(draws * share * (1 - share));
    expect(Math.abs(hits - draws * share)).toBeLessThan(4 * deviation);
  });

  it('hits all with 100 %, and nobody where it is off', () => {
    const { settings } = placeOf('fault_abort 503;');
    expect(counts(new Chance('abort', settings.faultAborts, placeOf(''), seeded(2)), 5000)).toEqual(
      new Map([[503, 5000]]),
    );
    const off = new Chance('abort', placeOf('fault_abort off;').settings.faultAborts, placeOf(''));
    expect(off.isPossible).toBe(false);
  });

  it('gives each whole number of a range about as often', () => {
    const chance = new Chance(
      'delay',
      [{ low: 3, high: 7, share: 1, condition: null }],
      placeOf(''),
      seeded(3),
    );
    const found = counts(chance, 10_000);
    expect([...found.keys()].toSorted()).toEqual([3, 4, 5, 6, 7]);
    for (const count of found.values()) expect(Math.abs(count - 2000)).toBeLessThan(4 * Math.sqrt(1600));
  });

  it('takes the first that hits: each later one has a share of what is left', () => {
    const faults = placeOf('fault_abort 500 share=50%; fault_abort 502 share=50%; fault_abort reset;')
      .settings.faultAborts;
    const found = counts(new Chance('abort', faults, placeOf(''), seeded(4)), 20_000);
    expect([...found.keys()].toSorted((a, b) => a - b)).toEqual([0, 500, 502]);
    for (const [value, share] of [
      [500, 0.5],
      [502, 0.25],
      [0, 0.25],
    ])
      expect(Math.abs((found.get(value) ?? 0) - 20_000 * share)).toBeLessThan(
        4 * Math.sqrt(20_000 * share * (1 - share)),
      );
  });

  it('asks for a live one first, of its own place and kind alone', () => {
    const place = placeOf('', true);
    const chance = new Chance(
      'abort',
      [{ low: 500, high: 500, share: 1, condition: null }],
      place,
      seeded(5),
    );
    const x = anExchange();
    expect(chance.draw(x)).toBe(500);
    liveFaults.use([live({ location: '/b' }), live({ server: 'two' }), live({ kind: 'delay' })]);
    expect(chance.draw(x)).toBe(500);
    liveFaults.use([live({ share: 0.3 })]);
    const hits = counts(chance, 10_000).get(503) ?? 0;
    expect(Math.abs(hits - 3000)).toBeLessThan(4 * Math.sqrt(2100));
    liveFaults.use([]);
    expect(chance.draw(x)).toBe(500);
  });

  it('is not there without faults, unless some can be set live', () => {
    expect(createFaultStep(placeOf(''))).toBe(null);
    expect(createFaultStep(placeOf('', true))).not.toBe(null);
    liveFaults.use([live({})]);
    const chance = new Chance('abort', [], placeOf(''));
    expect([chance.isPossible, chance.draw(anExchange())]).toEqual([false, MISSED]);
  });
});

describe('a fault in a configuration', () => {
  it.each([
    ['fault_delay 1s 200ms;', /the longest delay, 200ms, is shorter than 1s: swap them/],
    ['fault_delay soon;', /"soon" is not a time such as 200ms or 2s/],
    ['fault_delay 2h;', /longer than an hour/],
    ['fault_delay share=10%;', /"" is not a time/],
    ['fault_abort 200;', /"200" is neither a status from 400 to 599 nor "reset"/],
    ['fault_abort 503 504;', /"504" is one word too many/],
    ['fault_abort 503 share=10;', /the share "10" is not a percentage/],
    ['fault_abort 503 share=0%;', /the share "0%" is not a percentage above 0%/],
    ['fault_abort 503 share=101%;', /the share "101%"/],
    ['fault_abort 503 if=$nothing_like_it;', /nothing_like_it/],
    ['fault_cut big;', /"big" is not a size/],
    ['fault_rate 0;', /"0" is not a number of bytes a second/],
    ['fault_abort off; fault_abort 503;', /fault_abort/],
  ])('is refused with its reason: %s', (text, why) => {
    expect(() => placeOf(text)).toThrow(why);
    expect(() => placeOf(text)).toThrow(/nginx\.conf:1:\d+/);
  });

  it('is inherited, and put off below', () => {
    const { model, remove } = readModel(
      'http { fault_delay 1s 2s share=0.5%; server { listen 127.0.0.1:0; location /a { } location /b { fault_delay off; } } }',
    );
    remove();
    const [a, b] = model.servers[0].locations;
    expect(a.settings.faultDelays).toEqual([{ low: 1000, high: 2000, share: 0.005, condition: null }]);
    expect(b.settings.faultDelays).toEqual([{ low: 0, high: 0, share: 0, condition: null }]);
  });
});

interface Seen {
  /** As it came, latin1. */
  readonly text: string;
  readonly body: string;
  readonly error: string;
  readonly ms: number;
}

/** Sends a request, and reads until the connection ends. */
function send(port: number, path: string, { method = 'GET', minor = 1 } = {}): Promise<Seen> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    let text = '';
    let error = '';
    const socket = createConnection(port, '127.0.0.1', () =>
      socket.write(`${method} ${path} HTTP/1.${minor}\r\nHost: a\r\nConnection: close\r\n\r\n`),
    );
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      error = code ?? '';
    });
    socket.on('close', () => {
      const body = text.slice(text.indexOf('\r\n\r\n') + 4);
      resolve({ text, body, error, ms: performance.now() - startedAt });
    });
  });
}

const BIG = 'x'.repeat(3000);
const CONFIG = (dir: string): string => `http { error_log stderr;
  server { listen 127.0.0.1:0; server_name one;
    location /delay { fault_delay 150ms 160ms; empty_gif; }
    location /abort { fault_abort 503; empty_gif; }
    location /reset { fault_abort reset; empty_gif; }
    location /cut { fault_cut 1k; root ${dir}; }
    location /none { fault_cut 0; root ${dir}; }
    location /uncut { fault_cut 3000; root ${dir}; }
    location /chunked { fault_cut 1k; proxy_pass http://127.0.0.1:PEER; }
    location /wide { fault_cut 300000; proxy_pass http://127.0.0.1:PEER; }
    location /rate { fault_rate 3000; fault_cut 8000; proxy_pass http://127.0.0.1:PEER; }
    location /some { fault_abort 503 if=$arg_bad; fault_abort 502 if=$arg_worse; empty_gif; }
    location /instead { fault_abort 503; error_page 503 /page; empty_gif; }
    location /page { empty_gif; }
    location /told { error_detail on; fault_delay 1ms; fault_rate 1m; fault_cut 1g; root ${dir}; }
    location /toldabort { error_detail on; fault_delay 1ms; fault_abort 500; empty_gif; }
    location /index/ { fault_abort 503 if=$arg_bad; fault_delay 1ms; error_detail on; alias ${dir}/; index told; }
    location / { empty_gif; }
  } }`;

describe('a request that is hit', () => {
  let proxy: Proxy;
  let dir: string;
  let peer: Server;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lbproxy-faults-'));
    for (const name of ['cut', 'none', 'uncut', 'told']) writeFileSync(`${dir}/${name}`, BIG);
    peer = createServer((request, response) => {
      // In pieces, so chunked.
      const size = request.url?.startsWith('/wide') ? 2_000_000 : 9000;
      response.write('y'.repeat(size / 2));
      response.end('z'.repeat(size / 2));
    });
    await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
    const { port } = peer.address() as { port: number };
    proxy = await startProxy(CONFIG(dir).replaceAll('PEER', String(port)));
  });
  afterAll(async () => {
    await proxy?.close();
    peer?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('waits', async () => {
    const { text, ms } = await send(proxy.port, '/delay');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(ms).toBeGreaterThanOrEqual(149);
  });

  it('and whose client leaves while it waits is over', async () => {
    const socket = createConnection(proxy.port, '127.0.0.1', () => {
      socket.write('GET /delay HTTP/1.1\r\nHost: a\r\n\r\n');
      setTimeout(() => socket.destroy(), 20);
    });
    await new Promise((resolve) => socket.on('close', resolve));
    expect((await send(proxy.port, '/delay')).text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('is answered with the status, as if the location had failed', async () => {
    const { text } = await send(proxy.port, '/abort');
    expect(text).toMatch(/^HTTP\/1\.1 503 Service Temporarily Unavailable\r\n/);
    expect(text).not.toMatch(/fault/i);
    expect((await send(proxy.port, '/instead')).text).toMatch(/^HTTP\/1\.1 503 .*\r\n[\s\S]*image\/gif/);
  });

  it('has its connection reset', async () => {
    expect(await send(proxy.port, '/reset')).toMatchObject({ text: '', error: 'ECONNRESET' });
    expect(await send(proxy.port, '/reset', { method: 'POST' })).toMatchObject({ text: '' });
  });

  it('gets a body that ends early, and sees that', async () => {
    const cut = await send(proxy.port, '/cut');
    expect(cut.text).toContain('\r\nContent-Length: 3000\r\n');
    expect(cut.body).toBe(BIG.slice(0, 1024));
    const none = await send(proxy.port, '/none');
    expect(none.text).toContain('\r\nContent-Length: 3000\r\n');
    expect(none.body).toBe('');
    const chunked = await send(proxy.port, '/chunked');
    expect(chunked.text).toContain('\r\nTransfer-Encoding: chunked\r\n');
    expect(chunked.body).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(chunked.body.match(/y+/g)?.join('')).toHaveLength(1024);
    // Without a framing only a reset shows it.
    const old = await send(proxy.port, '/chunked', { minor: 0 });
    expect(old.error).toBe('ECONNRESET');
    const wide = await send(proxy.port, '/wide');
    expect(wide.body.match(/y+/g)?.join('')).toHaveLength(300_000);
    expect(wide.body).not.toMatch(/\r\n0\r\n\r\n$/);
  });

  it('gets a body that is short enough, and heads, as they are', async () => {
    expect((await send(proxy.port, '/uncut')).body).toBe(BIG);
    const head = await send(proxy.port, '/cut', { method: 'HEAD' });
    expect(head.text).toMatch(/\r\nContent-Length: 3000\r\n[\s\S]*\r\n\r\n$/);
  });

  it('gets its body slowly, and cut behind that', async () => {
    const { body, ms } = await send(proxy.port, '/rate');
    expect(body.match(/[yz]+/g)?.join('')).toHaveLength(8000);
    // Two seconds of 3000 bytes each may go within one millisecond; the third may not.
    expect(ms).toBeGreaterThanOrEqual(900);
  });

  it('is one that the condition names', async () => {
    const statusOf = async (path: string) => (await send(proxy.port, path)).text.slice(9, 12);
    expect(await statusOf('/some')).toBe('200');
    expect(await statusOf('/some?bad=0')).toBe('200');
    expect(await statusOf('/some?bad=1')).toBe('503');
    expect(await statusOf('/some?worse=1')).toBe('502');
    expect(await statusOf('/some?bad=1&worse=1')).toBe('503');
  });

  it('leaves a trace only with error_detail', async () => {
    expect((await send(proxy.port, '/told')).text).toContain(
      `\r\nX-Lbproxy-Fault: delay 1ms, rate ${1024 * 1024}, cut ${1024 ** 3}\r\n`,
    );
    const { text } = await send(proxy.port, '/toldabort');
    expect(text.match(/X-Lbproxy-Fault: .*\r\n/g)).toEqual(['X-Lbproxy-Fault: delay 1ms, abort 500\r\n']);
    expect(text).toContain('fault_abort answers 500');
    expect((await send(proxy.port, '/delay')).text).not.toMatch(/fault/i);
    // Once, though it comes there a second time by its index.
    expect((await send(proxy.port, '/index/')).text).toContain('\r\nX-Lbproxy-Fault: delay 1ms\r\n');
  });
});
