// Every filter of the road, whatever comes: strangers, late calls, a second end, waiting at each byte, a client that leaves. What goes on
// is what a quiet run gives, in order, once; nothing follows an end, and every start ends exactly once.
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passHead } from '../../src/answer/head-pass.ts';
import type { Exchange, LocationRuntime, Root } from '../../src/exchange/exchange.ts';
import { ENOUGH, FLUSH, type Flow, GO, LAST, type Source, WAIT } from '../../src/exchange/flow.ts';
import type { Failure } from '../../src/shared/failure.ts';
import { compiledServer } from '../support/compiled-filters.ts';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';

interface Entry {
  readonly name: string;
  /** Directives that make it join, in a server. */
  readonly text: string;
  /** Those that stand beside the server. */
  readonly around?: string;
  /** What it has work with. */
  readonly body: string | Buffer;
  /** Field lines of the answer behind its Content-Type, each ended by CRLF. */
  readonly lines?: string;
  /** The Accept-Encoding of the client. */
  readonly accept?: string;
  /** It passes the body on as it is. */
  readonly leaves?: boolean;
  /** What must be the same whatever pieces came; the bytes themselves need not where this is given. */
  readonly same?: (sent: Buffer) => string | Buffer;
}

/** Longer than what any of them gathers, and no line twice. */
const TEXT = Array.from(
  { length: 1600 },
  (_, i) => `the quick brown fox ${(i * 7919) % 10_007} jumps over the lazy dog\n`,
).join('');
const RUSSIAN = 'charset_map koi8-r utf-8 { C0 D18E; C1 D0B0; } charset_map koi8-r cp { C0 FE; C1 E0; }';
/** A byte with a character, one without, ASCII. */
const KOI = Buffer.from('\xc0\xc1\xff, a\n'.repeat(6000), 'latin1');
const PAGE =
  '<!--#set var="a" value="$uri" --><b><!--#echo var="a" --></b><!--#if expr="$a = /b" -->no<!--#else -->yes<!--#endif -->\n';

/** Every filter that needs neither subrequests nor a timer. */
const FILTERS: Entry[] = [
  { name: 'gzip', text: 'gzip on;', body: TEXT, accept: 'gzip', same: (sent) => zlib.gunzipSync(sent) },
  { name: 'gunzip', text: 'gunzip on;', body: zlib.gzipSync(TEXT), lines: 'Content-Encoding: gzip\r\n' },
  {
    name: 'brotli',
    text: 'brotli on;',
    body: TEXT,
    accept: 'br',
    same: (sent) => zlib.brotliDecompressSync(sent),
  },
  {
    name: 'sub_filter',
    text: 'sub_filter fox "a much longer animal"; sub_filter the THE; sub_filter_once off;',
    body: TEXT,
  },
  { name: 'sub_filter_once', text: 'sub_filter "dog\\nthe" $uri;', body: TEXT },
  { name: 'to utf-8', text: 'charset utf-8; source_charset koi8-r;', around: RUSSIAN, body: KOI },
  {
    name: 'from utf-8',
    text: 'charset koi8-r; source_charset utf-8;',
    around: RUSSIAN,
    body: '\u044e\u20ac\u{1f600}a\n'.repeat(100),
  },
  { name: 'byte for byte', text: 'charset cp; source_charset koi8-r;', around: RUSSIAN, body: KOI },
  { name: 'ssi', text: 'ssi on;', body: PAGE.repeat(10) },
  { name: 'add_trailer', text: 'add_trailer X-After $uri;', body: TEXT, leaves: true },
  // Fast enough never to wait.
  { name: 'limit_rate', text: 'limit_rate 1000m;', body: TEXT, leaves: true },
  { name: 'fault_rate', text: 'fault_rate 1000m;', body: TEXT, leaves: true },
  { name: 'fault_cut', text: 'fault_cut 1g;', body: TEXT, leaves: true },
];
if (Object.hasOwn(process.versions, 'zstd'))
  FILTERS.push({
    name: 'zstd',
    text: 'zstd on;',
    body: TEXT,
    accept: 'zstd',
    same: (sent) => zlib.zstdDecompressSync(sent),
  });

/** Whoever made an answer; counts what it is told. */
class Maker implements Source {
  readonly survivesHalfClose = true;
  drains = 0;
  gone = 0;
  onDrain(): void {
    this.drains++;
  }
  onGone(): void {
    this.gone++;
  }
}

/** The end of the chain: takes, or says WAIT as `waits` has it; complains of what must not happen. */
class Recorder implements Root {
  readonly pieces: Buffer[] = [];
  readonly faults: string[] = [];
  begun = 0;
  ends = 0;
  /** It said WAIT, and its source was not told to go on yet. */
  waiting = false;
  readonly #x: () => Exchange;
  readonly #waits: () => boolean;

  constructor(x: () => Exchange, waits: () => boolean) {
    this.#x = x;
    this.#waits = waits;
  }

  get body(): Buffer {
    return Buffer.concat(this.pieces);
  }

  sendWhole(): void {
    this.faults.push('a filter saw sendWhole');
  }

  // biome-ignore lint/complexity/useMaxParams: as the contract has it
  start(from: Source, _x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    if (from !== this.#x().source) return ENOUGH;
    if (this.begun++ > 0) this.faults.push('begun twice');
    return this.#take(buf ?? Buffer.alloc(0), a, b, flags);
  }

  write(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    if (from !== this.#x().source) return ENOUGH;
    if (this.begun === 0) this.faults.push('a piece before the head');
    return this.#take(buf, a, b, flags);
  }

  writeKept(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    return this.write(from, buf, a, b, flags);
  }

  finish(from: Source): void {
    if (from === this.#x().source) this.#end();
  }

  abort(from: Source, _why: Failure): void {
    if (from === this.#x().source) this.#end();
  }

  #take(buf: Buffer, a: number, b: number, flags: number): Flow {
    if (this.ends > 0) this.faults.push('a piece after the end');
    if (this.waiting && (flags & LAST) === 0) this.faults.push('a piece that is not the end while it waits');
    if (a < 0 || a > b || b > buf.length) this.faults.push(`a piece of ${a} to ${b} in ${buf.length}`);
    this.pieces.push(Buffer.from(buf.subarray(a, b)));
    if ((flags & LAST) !== 0) this.#end();
    else if (this.#waits()) this.waiting = true;
    return this.waiting ? WAIT : GO;
  }

  #end(): void {
    this.waiting = false;
    if (this.ends++ > 0) this.faults.push('ended twice');
  }
}

interface Run {
  readonly x: Exchange;
  readonly maker: Maker;
  readonly root: Recorder;
}

function begin({ lines = '', accept = '' }: Entry, location: LocationRuntime, waits: () => boolean): Run {
  const client = new FakeClient();
  const holder: { x: Exchange | null } = { x: null };
  const root = new Recorder(() => holder.x as Exchange, waits);
  Object.assign(client, { root });
  const x = fakeExchange(
    client,
    `GET /a.html HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${accept}\r\n\r\n`,
    location,
  );
  holder.x = x;
  const maker = new Maker();
  x.setMaker(maker);
  x.status = 200;
  x.lines = `Content-Type: text/html\r\n${lines}`;
  x.length = -1;
  passHead(x, null);
  expect(x.sink, 'the filter joins').not.toBe(root);
  return { x, maker, root };
}

/** How long a filter may go on by itself: some compress on other threads. */
const PATIENCE_MS = 5000;

/** Takes what comes until `isDone`: lets go on who was told to wait, else gives time to whoever works elsewhere. */
async function until({ x, root }: Run, isDone: () => boolean): Promise<void> {
  const start = performance.now();
  while (!isDone()) {
    if (performance.now() - start > PATIENCE_MS) throw new Error('the filter does not go on');
    if (root.waiting) {
      // A client takes its time: others may go on meanwhile, but not to it.
      for (let i = 0; i < 3; i++) await nextTurn();
      root.waiting = false;
      x.source?.onDrain();
    } else await nextTurn();
  }
}

/** Sends the body in these pieces as a maker does that obeys WAIT; `meanwhile` runs at every step. */
async function drive(
  run: Run,
  body: Buffer,
  cuts: readonly number[],
  meanwhile: (step: number) => void,
): Promise<void> {
  const { x, maker, root } = run;
  const stops = [...new Set(cuts.map((cut) => cut % (body.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...stops, body.length];
  for (let i = 0; i + 1 < edges.length; i++) {
    meanwhile(i);
    const piece = Buffer.from(body.subarray(edges[i], edges[i + 1]));
    const flags = i % 3 === 1 ? FLUSH : 0;
    const { drains } = maker;
    const flow =
      i === 0
        ? x.sink.start(maker, x, piece, 0, piece.length, flags)
        : x.sink.write(maker, piece, 0, piece.length, flags);
    // What was lent is the maker's again.
    piece.fill(0x7a);
    if (flow === WAIT) await until(run, () => maker.drains > drains || maker.gone > 0);
  }
  meanwhile(edges.length);
  x.sink.finish(maker, '');
  await until(run, () => root.ends > 0 || maker.gone > 0);
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });
const pattern = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });

function cycle(values: readonly boolean[]): () => boolean {
  let i = 0;
  return () => values[i++ % values.length];
}

describe.each(FILTERS)('$name', (entry) => {
  const body = Buffer.from(entry.body);
  const { same = (sent) => sent } = entry;
  const said = (sent: Buffer): string => Buffer.from(same(sent)).toString('latin1');
  const compiled = (): Promise<LocationRuntime> => compiledServer(entry.text, entry.around);
  const quiet = async (location: LocationRuntime): Promise<string> => {
    const run = begin(entry, location, () => false);
    await drive(run, body, [], () => {});
    expect(run.root.body.equals(body), 'it leaves the body alone').toBe(entry.leaves ?? false);
    return said(run.root.body);
  };

  it('gives the same whatever pieces come and wherever the client waits', async () => {
    const location = await compiled();
    const expected = await quiet(location);
    await fc.assert(
      fc.asyncProperty(cuts, pattern, async (at, waits) => {
        const run = begin(entry, location, cycle(waits));
        await drive(run, body, at, () => {});
        expect(run.root.faults).toEqual([]);
        expect([run.root.begun, run.root.ends]).toEqual([1, 1]);
        expect(said(run.root.body)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('obeys nobody but its source, and nobody after the end', async () => {
    const location = await compiled();
    const expected = await quiet(location);
    await fc.assert(
      fc.asyncProperty(cuts, pattern, async (at, waits) => {
        const run = begin(entry, location, cycle(waits));
        const stranger = new Maker();
        const intrude = (): void => {
          const bytes = Buffer.from('stranger');
          expect(run.x.sink.start(stranger, run.x, bytes, 0, bytes.length, 0)).toBe(ENOUGH);
          expect(run.x.sink.write(stranger, bytes, 0, bytes.length, LAST)).toBe(ENOUGH);
          run.x.sink.finish(stranger, 'X: y\r\n');
          run.x.sink.abort(stranger, 'body_truncated');
        };
        const late = run.x.sink;
        await drive(run, body, at, intrude);
        for (let i = 0; i < 2; i++) {
          const bytes = Buffer.from('late');
          expect(late.start(run.maker, run.x, bytes, 0, bytes.length, 0)).toBe(ENOUGH);
          expect(late.write(run.maker, bytes, 0, bytes.length, 0)).toBe(ENOUGH);
          late.finish(run.maker, '');
          late.abort(run.maker, 'body_truncated');
          run.x.source?.onDrain();
          run.x.source?.onGone('client_aborted');
        }
        expect(run.root.faults).toEqual([]);
        expect([run.root.begun, run.root.ends]).toEqual([1, 1]);
        expect(said(run.root.body)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('tells its maker once of a client that left, and sends nothing after that', async () => {
    const location = await compiled();
    await fc.assert(
      fc.asyncProperty(cuts, pattern, fc.nat(12), async (at, waits, when) => {
        const run = begin(entry, location, cycle(waits));
        let size = -1;
        const leave = (step: number): void => {
          if (size >= 0 || step < when) return;
          run.x.source?.onGone('client_aborted');
          run.x.source?.onGone('client_aborted');
          size = run.root.body.length;
        };
        await drive(run, body, at, leave);
        if (size < 0) return;
        expect(run.maker.gone).toBe(1);
        expect(run.root.body.length).toBe(size);
        expect(run.root.faults).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('is dropped before it began without a word, and ends at once when its maker gives up', async () => {
    const location = await compiled();
    const dropped = begin(entry, location, () => false);
    const { sink } = dropped.x;
    dropped.x.dropAnswer();
    expect(sink.start(dropped.maker, dropped.x, body, 0, body.length, LAST)).toBe(ENOUGH);
    expect([dropped.root.begun, dropped.root.ends, dropped.maker.gone]).toEqual([0, 0, 0]);
    const cut = begin(entry, location, () => false);
    cut.x.sink.start(cut.maker, cut.x, body, 0, Math.floor(body.length / 2), 0);
    cut.x.sink.abort(cut.maker, 'body_truncated');
    cut.x.sink.abort(cut.maker, 'body_truncated');
    // Nothing of the head went on where bytes must prove it first.
    expect(cut.root.begun).toBeLessThanOrEqual(1);
    expect(cut.root.ends).toBe(1);
  });
});
