// A stored body: every reader has all of it at its own pace, from memory as from a file, and a full disk is told.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import type { BodyPolicy } from '../../src/body/policy.ts';
import { readWholeBody } from '../../src/body/stored-body.ts';
import { levelsOf, TempPlace } from '../../src/body/temp-place.ts';
import type { BodyReader, Exchange } from '../../src/exchange/exchange.ts';
import type { BodyPull, BodyTarget } from '../../src/http/body-pull.ts';
import { stubExchange } from '../support/stub-exchange.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-stored-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const policy = (memoryBytes: number, more: Partial<BodyPolicy> = {}): BodyPolicy => ({
  memoryBytes,
  place: new TempPlace({ directory: dir, levels: [2, 1] }),
  fileOnly: 'off',
  inOnePiece: false,
  ...more,
});

/** An exchange whose body is what `feed` is given. */
function chunkedExchange(): { exchange: Exchange; reader(): BodyReader; held(): boolean } {
  const exchange = stubExchange('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  let reader: BodyReader | null = null;
  let held = false;
  const client = {
    ...exchange.client,
    readBody: (one: BodyReader) => {
      reader = one;
    },
    pauseBody: () => {
      held = true;
    },
    resumeBody: () => {
      held = false;
    },
  };
  Object.assign(exchange, { client });
  return {
    exchange,
    reader: () => {
      if (reader === null) throw new Error('nobody reads');
      return reader;
    },
    held: () => held,
  };
}

function read(exchange: Exchange, how: BodyPolicy): Promise<string> {
  return new Promise((resolve) => {
    readWholeBody(exchange, how, {
      onBodyWhole: () => resolve('whole'),
      onBodyFailed: (failure, detail) => resolve(`${failure}: ${detail}`),
    });
  });
}

/** A target that takes `room` bytes before it has to drain. */
function pullAll(exchange: Exchange, room: number): { done: Promise<string>; pull: BodyPull } {
  let text = '';
  let waiting = 0;
  const take = (piece: string): void => {
    text += piece;
    waiting += piece.length;
  };
  const target: BodyTarget = {
    get mustWait() {
      return waiting >= room;
    },
    writeText: take,
    writeFramed: (before, buf, from, to, after) => take(before + buf.latin1Slice(from, to) + after),
    writeKept: (buf) => take(buf.latin1Slice()),
  };
  const { body } = exchange;
  if (body === null) throw new Error('the exchange has no body');
  let pull: BodyPull | null = null;
  const done = new Promise<string>((resolve, reject) => {
    const pump = (): void => {
      if (pull === null) return;
      pull.sendTo(target, false);
      if (pull.sent) return resolve(text);
      if (waiting === 0) return;
      waiting = 0;
      setImmediate(pump);
    };
    pull = body.pull({ onBodyMore: pump, onBodyLost: (detail) => reject(new Error(detail)) });
    pump();
  });
  if (pull === null) throw new Error('no pull');
  return { done, pull };
}

it('gives each of several readers all of it, whatever the pieces and the buffer', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 12 }),
      fc.constantFrom(100, 10_000, 1_000_000),
      fc.constantFrom<BodyPolicy['fileOnly']>('off', 'clean'),
      async (pieces, memoryBytes, fileOnly) => {
        const { exchange, reader } = chunkedExchange();
        const outcome = read(exchange, policy(memoryBytes, { fileOnly }));
        let whole = '';
        for (const [i, length] of pieces.entries()) {
          const text = String.fromCharCode(65 + i).repeat(length);
          whole += text;
          reader().onBody(Buffer.from(`<${text}>`, 'latin1'), 1, 1 + length);
        }
        reader().onBodyEnd('');
        expect(await outcome).toBe('whole');
        expect(exchange.body).toMatchObject({ complete: true, received: whole.length, replayable: true });
        const isFile = fileOnly === 'clean' || whole.length >= memoryBytes;
        expect(exchange.body?.text).toBe(isFile ? undefined : whole);
        expect(exchange.body?.file?.startsWith(dir)).toBe(isFile ? true : undefined);
        const readers = [1, 50_000, 1_000_000].map((room) => pullAll(exchange, room).done);
        for (const got of await Promise.all(readers)) expect(got === whole).toBe(true);
        exchange.body?.release();
      },
    ),
    { numRuns: 40 },
  );
  const left = (): string[] =>
    readdirSync(dir, { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  await expect.poll(left).toEqual([]);
});

it('stays for a second holder when the exchange is over', async () => {
  const { exchange, reader } = chunkedExchange();
  const outcome = read(exchange, policy(10));
  reader().onBody(Buffer.from('x'.repeat(200_000)), 0, 200_000);
  reader().onBodyEnd('');
  await outcome;
  exchange.body?.hold();
  exchange.body?.release();
  expect((await pullAll(exchange, 1000).done).length).toBe(200_000);
  const late = pullAll(exchange, 1000);
  exchange.body?.release();
  await expect(pullAll(exchange, 1000).done).rejects.toThrow('cannot be read');
  late.pull.end();
});

it('holds the client while the disk is behind, and tells of a full one', async () => {
  const { exchange, reader, held } = chunkedExchange();
  const full = {
    directory: '/dev',
    open: async () => ({ handle: await open('/dev/full', 'r+'), path: '/dev/full' }),
  };
  const outcome = read(exchange, policy(1000, { place: full as unknown as TempPlace }));
  const piece = Buffer.alloc(65_536, 'x');
  for (let i = 0; i < 5; i++) reader().onBody(piece, 0, piece.length);
  expect(held()).toBe(true);
  expect(await outcome).toMatch(/^client_body_not_stored: .*\/dev\/full.*ENOSPC/);
  exchange.body?.release();
});

it('names directories by the last digits', () => {
  expect(levelsOf('0000012345', [1, 2])).toEqual(['5', '34']);
  expect(levelsOf('0000012345', [])).toEqual([]);
  expect(levelsOf('0000012345', [3, 3, 3])).toEqual(['345', '012', '000']);
});
