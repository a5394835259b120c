// The bodies of gzip and gunzip: whatever the split and wherever the sink is full, the content is the same; nothing is left behind.
import { randomBytes } from 'node:crypto';
import { deflateRawSync, type Gzip, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerSink, Exchange, Link } from '../../../src/exchange/exchange.ts';
import { ENOUGH, FLUSH, LAST } from '../../../src/exchange/flow.ts';
import { CodecLink, openCodecs } from '../../../src/features/gzip/codec-link.ts';
import { gunzipCodec } from '../../../src/features/gzip/gunzip.ts';
import { GzipLink } from '../../../src/features/gzip/gzip-link.ts';
import { OneCallGzip, oneCallGzip } from '../../../src/features/gzip/one-call.ts';
import { connect, type Piece, runToEnd } from './link-kit.ts';

const MEMORY = { level: 1, windowBits: 15, memLevel: 8 };
const gzip = (x: Exchange, next: AnswerSink): Link => new GzipLink(x, next, MEMORY, oneCallGzip(MEMORY));
const reports: string[] = [];
const codec = gunzipCodec((_, message) => reports.push(message));
const gunzip = (x: Exchange, next: AnswerSink): Link => new CodecLink(x, next, codec);

/** Cut at these places; the last piece has LAST or stands before an empty one that has it. */
function cut(bytes: Buffer, places: readonly number[], flags: number, emptyLast: boolean): Piece[] {
  const at = [...new Set(places.map((p) => p % (bytes.length + 1)))].sort((a, b) => a - b);
  const ends = [...at, bytes.length];
  const pieces = ends.map((end, i) => ({ bytes: bytes.subarray(i === 0 ? 0 : ends[i - 1], end), flags }));
  if (emptyLast) return [...pieces, { bytes: Buffer.alloc(0), flags: LAST }];
  return [...pieces.slice(0, -1), { ...pieces[pieces.length - 1], flags: LAST }];
}

const text = fc
  .tuple(fc.string({ maxLength: 200 }), fc.integer({ min: 0, max: 2000 }), fc.uint8Array({ maxLength: 300 }))
  .map(([line, times, noise]) => Buffer.concat([Buffer.from(line.repeat(times)), noise]));

const splits = fc.record({
  places: fc.array(fc.nat(400_000), { maxLength: 12 }),
  flush: fc.boolean(),
  emptyLast: fc.boolean(),
  waits: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
});

const inTurn = (list: readonly boolean[]) => {
  let i = 0;
  return () => list[i++ % list.length];
};

describe('gzip', () => {
  it('is undone by gunzip, however it was cut and wherever it had to wait', async () => {
    await fc.assert(
      fc.asyncProperty(text, splits, async (body, { places, flush, emptyLast, waits }) => {
        const pieces = cut(body, places, flush ? FLUSH : 0, emptyLast);
        const { taker, x } = await runToEnd(connect(gzip, pieces, inTurn(waits)));
        expect(taker.ended).toBe('finish');
        expect(gunzipSync(taker.bytes).equals(body)).toBe(true);
        expect([x.gzipIn, x.gzipOut]).toEqual([body.length, taker.bytes.length]);
        expect(taker.early).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('refers to what came before, beyond the border of a piece', async () => {
    const noise = randomBytes(30_000);
    const pieces = [noise, noise, noise].map((bytes, i) => ({ bytes, flags: i === 2 ? LAST : FLUSH }));
    const { taker } = await runToEnd(connect(gzip, pieces));
    expect(gunzipSync(taker.bytes).length).toBe(90_000);
    expect(taker.bytes.length).toBeLessThan(32_000);
  });

  it('is at most a little longer than what cannot be compressed, and long bodies pass', async () => {
    const noise = randomBytes(3_000_000);
    const places = [1, 65_536, 400_000, 700_001];
    const { taker } = await runToEnd(connect(gzip, cut(noise, places, 0, true)));
    expect(gunzipSync(taker.bytes).equals(noise)).toBe(true);
    expect(taker.bytes.length).toBeLessThan(noise.length + 2000);
  });

  it('FLUSH lets all out that came so far', () => {
    const lines = ['data: one\n\n', 'data: two\n\n', 'data: one\n\n'];
    const pieces = lines.map((line) => ({ bytes: Buffer.from(line), flags: FLUSH }));
    const { giver, taker } = connect(gzip, pieces);
    giver.go();
    const soFar = gunzipSync(taker.bytes, { finishFlush: 2 }).toString();
    expect(soFar).toBe(lines.join(''));
    expect(taker.flags).toBe(FLUSH);
  });

  it('small pieces without FLUSH are gathered', () => {
    const pieces = Array.from({ length: 100 }, () => ({ bytes: Buffer.from('x'.repeat(100)), flags: 0 }));
    const { giver, taker } = connect(gzip, pieces);
    giver.go();
    expect(taker.calls).toEqual(['start']);
    expect(taker.bytes.length).toBe(0);
  });
});

describe('in one call', () => {
  const bodies = [0, 1, 20, 1000, 65_536, 65_537, 300_000].flatMap((n) => [
    Buffer.alloc(n, 'ab'),
    randomBytes(n),
  ]);
  it.each([
    { level: 1, windowBits: 15, memLevel: 8 },
    { level: 9, windowBits: 15, memLevel: 9 },
    { level: 6, windowBits: 9, memLevel: 1 },
  ])('%j', (memory) => {
    const gzipped = new OneCallGzip(memory);
    expect(gzipped.usesKeptState).toBe(true);
    for (const body of [...bodies, ...bodies.toReversed()])
      expect(gunzipSync(gzipped.gzip(body)).equals(body)).toBe(true);
  });

  it.each([
    ['no handle', { reset: () => {} }],
    ['one that writes nothing', { reset: () => {}, _writeState: [9, 0], _handle: { writeSync: () => {} } }],
    [
      'one that throws',
      {
        reset: () => {},
        _writeState: [9, 0],
        _handle: {
          writeSync: () => {
            throw new Error('no');
          },
        },
      },
    ],
  ])('by gzipSync where Node has %s', (_, broken) => {
    const gzipped = new OneCallGzip(MEMORY, () => broken as unknown as Gzip);
    expect(gzipped.usesKeptState).toBe(false);
    for (const body of bodies) expect(gunzipSync(gzipped.gzip(body)).equals(body)).toBe(true);
  });
});

describe('gunzip', () => {
  it('gives back what was compressed, however it was cut and wherever it had to wait', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 3 }),
        splits,
        async (bodies, { places, flush, emptyLast, waits }) => {
          const members = Buffer.concat(bodies.map((body) => gzipSync(body)));
          const pieces = cut(members, places, flush ? FLUSH : 0, emptyLast);
          const { taker } = await runToEnd(connect(gunzip, pieces, inTurn(waits)));
          expect(taker.ended).toBe('finish');
          expect(taker.bytes.equals(Buffer.concat(bodies))).toBe(true);
          expect(taker.early).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
    await settled();
  });

  const good = gzipSync('the content'.repeat(100));
  it.each([
    ['empty', Buffer.alloc(0)],
    ['no gzip', Buffer.from('this is no gzip')],
    ['cut', good.subarray(0, 20)],
    ['without its last byte', good.subarray(0, -1)],
    ['with a wrong sum', Buffer.concat([good.subarray(0, -8), Buffer.alloc(8)])],
    ['bytes behind the end', Buffer.concat([good, Buffer.from('x')])],
    ['raw deflate', deflateRawSync('x')],
  ])('%s: cut off, in one piece and byte by byte', async (_, bytes) => {
    for (const places of [[], bytes.length === 0 ? [] : Array.from(bytes.keys())]) {
      for (const emptyLast of [false, true]) {
        const { taker, giver } = await runToEnd(connect(gunzip, cut(bytes, places, 0, emptyLast)));
        expect(taker.ended).toBe('abort');
        expect(giver.gone).toBe('body_truncated');
        expect(reports.pop()).toMatch(/./);
      }
    }
    await settled();
  });

  it('a bomb yields no more than the client takes', async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000), { level: 9 });
    expect(bomb.length).toBeLessThan(200_000);
    for (const places of [[], [100_000]]) {
      const { giver, taker, link } = connect(gunzip, cut(bomb, places, 0, true), () => true);
      taker.drain = () => {};
      giver.go();
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(taker.bytes.length).toBeLessThan(1_000_000);
      link.onGone('client_aborted');
      expect(giver.gone).toBe('client_aborted');
    }
    await settled();
  });
});

describe('at every end', () => {
  const half = [
    { bytes: Buffer.from(gzipSync(randomBytes(100_000)).subarray(0, 90_000)), flags: 0 },
    { bytes: randomBytes(100), flags: 0 },
  ];
  for (const [name, make] of [
    ['gzip', gzip],
    ['gunzip', gunzip],
  ] as const) {
    it(`${name}: nothing is left, and late calls get ENOUGH`, async () => {
      for (const begun of [true, false]) {
        for (const end of ['abort', 'gone', 'drop'] as const) {
          const run = connect(make, half);
          const { giver, link, taker } = run;
          if (begun) giver.go();
          if (end === 'abort') link.abort(giver, 'body_truncated');
          else if (end === 'gone') link.onGone('client_aborted');
          else link.drop();
          const calls = taker.calls.length;
          const late = Buffer.from('late');
          expect(link.start(giver, run.x, late, 0, 4, 0)).toBe(ENOUGH);
          expect(link.write(giver, late, 0, 4, LAST)).toBe(ENOUGH);
          link.finish(giver, '');
          link.abort(giver, 'body_truncated');
          link.onDrain();
          await new Promise((resolve) => setImmediate(resolve));
          expect(taker.calls.length).toBe(calls);
        }
      }
      await settled();
    });
  }
});

/** All streams closed, soon. */
async function settled(): Promise<void> {
  for (let i = 0; i < 200 && openCodecs.count > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(openCodecs.count).toBe(0);
}
