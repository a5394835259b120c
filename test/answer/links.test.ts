// Every filter of the road, whatever comes: strangers, late calls, a second end, waiting at each byte, a client that leaves. What goes on
// is what a quiet run gives, in order, once; nothing follows an end, and every start ends exactly once.
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passHead } from '../../src/answer/head-pass.ts';
import {
  ENOUGH,
  type Exchange,
  FLUSH,
  type Flow,
  GO,
  LAST,
  type LocationRuntime,
  type Root,
  type Source,
  WAIT,
} from '../../src/exchange.ts';
import type { Failure } from '../../src/shared/failure.ts';
import { compiledServer } from '../support/compiled-filters.ts';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';

/** Directives that make a filter join, and a body that it has work with. */
const TEXT = 'the quick brown fox jumps over the lazy dog\n'.repeat(60);
const FILTERS: readonly (readonly [name: string, text: string, body: string])[] = [
  ['gzip', 'gzip on;', TEXT],
  ['sub_filter', 'sub_filter fox "a much longer animal"; sub_filter the THE; sub_filter_once off;', TEXT],
];

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
    this.pieces.push(Buffer.from(buf.subarray(a, b)));
    if ((flags & LAST) !== 0) this.#end();
    else if (this.#waits()) return WAIT;
    return GO;
  }

  #end(): void {
    if (this.ends++ > 0) this.faults.push('ended twice');
  }
}

interface Run {
  readonly x: Exchange;
  readonly maker: Maker;
  readonly root: Recorder;
}

function begin(location: LocationRuntime, waits: () => boolean): Run {
  const client = new FakeClient();
  const holder: { x: Exchange | null } = { x: null };
  const root = new Recorder(() => holder.x as Exchange, waits);
  Object.assign(client, { root });
  const x = fakeExchange(
    client,
    'GET /a.html HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n',
    location,
  );
  holder.x = x;
  const maker = new Maker();
  x.setMaker(maker);
  x.status = 200;
  x.lines = 'Content-Type: text/html\r\n';
  x.length = -1;
  passHead(x, null);
  expect(x.sink, 'the filter joins').not.toBe(root);
  return { x, maker, root };
}

/** Sends the body in these pieces as a maker does that obeys WAIT; `meanwhile` runs at every step. */
function drive(
  { x, maker, root }: Run,
  body: Buffer,
  cuts: readonly number[],
  meanwhile: (step: number) => void,
): void {
  const stops = [...new Set(cuts.map((cut) => cut % (body.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...stops, body.length];
  let drained = maker.drains;
  const settle = (flow: Flow): void => {
    for (let i = 0; flow === WAIT && maker.drains === drained && i < 10_000; i++) x.source?.onDrain();
    drained = maker.drains;
  };
  for (let i = 0; i + 1 < edges.length; i++) {
    meanwhile(i);
    const [a, b] = [edges[i], edges[i + 1]];
    const piece = Buffer.from(body.subarray(a, b));
    const flags = i % 3 === 1 ? FLUSH : 0;
    settle(
      i === 0
        ? x.sink.start(maker, x, piece, 0, piece.length, flags)
        : x.sink.write(maker, piece, 0, piece.length, flags),
    );
    // What was lent is the maker's again.
    piece.fill(0x7a);
  }
  meanwhile(edges.length);
  x.sink.finish(maker, '');
  for (let i = 0; root.ends === 0 && i < 10_000; i++) x.source?.onDrain();
}

/** Compressed bytes depend on where the pieces ended: what they say does not. */
function comparable(text: string, sent: Buffer): string {
  return (text.startsWith('gzip') ? gunzipSync(sent) : sent).toString('latin1');
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });
const pattern = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });

function cycle(values: readonly boolean[]): () => boolean {
  let i = 0;
  return () => values[i++ % values.length];
}

describe.each(FILTERS)('%s', (_name, text, content) => {
  const body = Buffer.from(content, 'latin1');
  const quiet = async (location: LocationRuntime): Promise<Buffer> => {
    const run = begin(location, () => false);
    drive(run, body, [], () => {});
    return run.root.body;
  };

  it('gives the same whatever pieces come and wherever the client waits', async () => {
    const location = await compiledServer(text);
    const expected = comparable(text, await quiet(location));
    fc.assert(
      fc.property(cuts, pattern, (at, waits) => {
        const run = begin(location, cycle(waits));
        drive(run, body, at, () => {});
        expect(run.root.faults).toEqual([]);
        expect([run.root.begun, run.root.ends]).toEqual([1, 1]);
        expect(comparable(text, run.root.body)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('obeys nobody but its source, and nobody after the end', async () => {
    const location = await compiledServer(text);
    const expected = comparable(text, await quiet(location));
    fc.assert(
      fc.property(cuts, pattern, (at, waits) => {
        const run = begin(location, cycle(waits));
        const stranger = new Maker();
        const intrude = (): void => {
          const bytes = Buffer.from('stranger');
          expect(run.x.sink.start(stranger, run.x, bytes, 0, bytes.length, 0)).toBe(ENOUGH);
          expect(run.x.sink.write(stranger, bytes, 0, bytes.length, LAST)).toBe(ENOUGH);
          run.x.sink.finish(stranger, 'X: y\r\n');
          run.x.sink.abort(stranger, 'body_truncated');
        };
        const late = run.x.sink;
        drive(run, body, at, intrude);
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
        expect(comparable(text, run.root.body)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('tells its maker once of a client that left, and sends nothing after that', async () => {
    const location = await compiledServer(text);
    fc.assert(
      fc.property(cuts, pattern, fc.nat(12), (at, waits, when) => {
        const run = begin(location, cycle(waits));
        let size = -1;
        const leave = (step: number): void => {
          if (size >= 0 || step < when) return;
          run.x.source?.onGone('client_aborted');
          run.x.source?.onGone('client_aborted');
          size = run.root.body.length;
        };
        drive(run, body, at, leave);
        if (size < 0) return;
        expect(run.maker.gone).toBe(1);
        expect(run.root.body.length).toBe(size);
        expect(run.root.faults).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('is dropped before it began without a word, and ends at once when its maker gives up', async () => {
    const location = await compiledServer(text);
    const dropped = begin(location, () => false);
    const { sink } = dropped.x;
    dropped.x.dropAnswer();
    expect(sink.start(dropped.maker, dropped.x, body, 0, body.length, LAST)).toBe(ENOUGH);
    expect([dropped.root.begun, dropped.root.ends, dropped.maker.gone]).toEqual([0, 0, 0]);
    const cut = begin(location, () => false);
    cut.x.sink.start(cut.maker, cut.x, body, 0, Math.floor(body.length / 2), 0);
    cut.x.sink.abort(cut.maker, 'body_truncated');
    cut.x.sink.abort(cut.maker, 'body_truncated');
    expect([cut.root.begun, cut.root.ends]).toEqual([1, 1]);
  });
});
