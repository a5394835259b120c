// The spool against a model: whatever sink and disk say, and in whatever pieces an answer comes, its bytes leave once and in order, it ends
// once, and nothing stays open.
import { mkdtemp, open, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TempPlace } from '../../../src/body/temp-place.ts';
import type { AnswerSink } from '../../../src/exchange/exchange.ts';
import { ENOUGH, FLUSH, type Flow, GO, type Source, WAIT } from '../../../src/exchange/flow.ts';
import { Spool, type SpoolOwner } from '../../../src/forward/buffering/spool.ts';
import { stubExchange } from '../../support/stub-exchange.ts';

let dir = '';
let openHandles = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lbproxy-spool-model-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Numbers that are the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 7919 + 1;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A disk with room for so many bytes in one file; what does not fit is written in part, then refused. */
function diskOf(roomBytes: number): TempPlace {
  const place = {
    directory: dir,
    async open() {
      const path = join(dir, `f${Math.random()}`);
      const real = await open(path, 'wx+');
      await unlink(path);
      openHandles++;
      const handle = {
        write(block: Buffer, from: number, length: number, position: number) {
          const fits = Math.min(length, roomBytes - position);
          if (fits <= 0) return Promise.reject(new Error('ENOSPC: no space left on device'));
          return real.write(block, from, fits, position);
        },
        read: real.read.bind(real),
        close() {
          openHandles--;
          return real.close();
        },
      };
      return { handle, path };
    },
  };
  return place as unknown as TempPlace;
}

interface Run {
  readonly sent: Buffer;
  readonly got: Buffer;
  readonly ends: readonly string[];
}

async function run(seed: number): Promise<Run> {
  const pick = numbers(seed);
  const x = stubExchange();
  const got: Buffer[] = [];
  const ends: string[] = [];
  let source: Source | null = null;
  const take = (buf: Buffer, a: number, b: number): Flow => {
    got.push(Buffer.from(buf.subarray(a, b)));
    if (pick(3) === 0) return GO;
    setTimeout(() => source?.onDrain(), pick(4));
    return WAIT;
  };
  const sink: AnswerSink = {
    start: () => ENOUGH,
    write: (from, buf, a, b, flags) => {
      expect(from).toBe(source);
      expect(flags).toBe(FLUSH);
      return take(buf, a, b);
    },
    writeKept: (from, buf, a, b) => {
      expect(from).toBe(source);
      return take(buf, a, b);
    },
    finish: (_from, trailers) => ends.push(`finish ${trailers}`),
    abort: (_from, why) => ends.push(`abort ${why}`),
  };
  x.sink = sink;
  let go = (): void => {};
  const owner: SpoolOwner = {
    flush: FLUSH,
    survivesHalfClose: false,
    onDrain: () => go(),
    onGone: (why) => ends.push(`gone ${why}`),
    onSpoolNote: () => {},
  };
  const memoryBytes = 1 + pick(100_000);
  const maxFileBytes = [0, 150_000, 2 ** 30][pick(3)];
  const spool = new Spool(
    x,
    { memoryBytes, maxFileBytes, place: diskOf([0, 90_000, 2 ** 30][pick(3)]) },
    owner,
  );
  source = spool;
  setTimeout(() => spool.onDrain(), pick(4));
  const sent: Buffer[] = [];
  const leaves = pick(5) === 0;
  for (let i = 0; i < 40 && ends.length === 0; i++) {
    const piece = Buffer.alloc(1 + pick(30_000), seed + i);
    sent.push(Buffer.from(piece));
    const waiting = new Promise<void>((resolve) => {
      go = resolve;
    });
    const flow = spool.take(piece, 0, piece.length);
    piece.fill(0);
    if (leaves && i === 20) spool.onGone('client_aborted');
    else if (flow === WAIT) await waiting;
    else if (pick(4) === 0) await new Promise((resolve) => setTimeout(resolve, pick(5)));
  }
  if (pick(4) === 0) spool.abort('body_truncated');
  else spool.finish('T: 1\r\n');
  for (let i = 0; i < 500 && ends.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  // Late calls have no effect.
  spool.finish('');
  spool.abort('body_truncated');
  spool.onGone('client_aborted');
  spool.onDrain();
  expect(spool.take(Buffer.from('late'), 0, 4)).toBe(ENOUGH);
  return { sent: Buffer.concat(sent), got: Buffer.concat(got), ends };
}

it('sends all bytes once and in order, whatever happens', async () => {
  for (let round = 0; round < 10; round++) {
    const runs = await Promise.all(Array.from({ length: 12 }, (_, i) => run(round * 12 + i)));
    for (const [i, { sent, got, ends }] of runs.entries()) {
      expect(ends, `run ${round * 12 + i}`).toHaveLength(1);
      if (ends[0].startsWith('gone')) expect(sent.subarray(0, got.length).equals(got)).toBe(true);
      else expect(got.equals(sent), `run ${round * 12 + i}`).toBe(true);
    }
  }
  for (let i = 0; i < 100 && openHandles > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(openHandles).toBe(0);
});
