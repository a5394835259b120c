// What every make of the socket keeps: bytes and their order, lending, waiting, endings. The other side is a real connection each time.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { HIGH_WATER_BYTES } from '../../src/socket/byte-socket.ts';
import { closeAll, MAKES, type Pair, removeFiles } from './makes.ts';

afterEach(closeAll);
afterAll(removeFiles);

const sha = (parts: readonly Buffer[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** Bytes that are the same nowhere near. */
function noise(length: number, seed: number): Buffer {
  const buf = Buffer.allocUnsafe(length);
  let x = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    x = (x * 1664525 + 1013904223) >>> 0;
    buf[i] = x >>> 24;
  }
  return buf;
}

interface PeerRecord {
  received: number;
  parts: Buffer[];
  ended: boolean;
  closed: boolean;
  error: string;
}

/** Reads what comes to the peer; `pauseMs` between the pieces makes a slow reader of it. */
function reading(peer: Socket, pauseMs = 0): PeerRecord {
  const record: PeerRecord = { received: 0, parts: [], ended: false, closed: false, error: '' };
  peer.on('data', (chunk: Buffer) => {
    record.received += chunk.length;
    record.parts.push(chunk);
    if (pauseMs === 0) return;
    peer.pause();
    setTimeout(() => peer.resume(), pauseMs);
  });
  peer.on('end', () => {
    record.ended = true;
  });
  peer.on('close', () => {
    record.closed = true;
  });
  peer.on('error', (error: NodeJS.ErrnoException) => {
    record.error = error.code ?? error.message;
  });
  peer.resume();
  return record;
}

async function eventually(test: () => boolean, what: string, ms = 5000): Promise<void> {
  const end = Date.now() + ms;
  while (!test()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(2);
  }
}

type Write =
  | { readonly kind: 'text'; readonly length: number }
  | { readonly kind: 'kept'; readonly length: number }
  | { readonly kind: 'framed'; readonly before: number; readonly length: number; readonly after: number };

const size = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 20_000 }),
  fc.constantFrom(1200, 1201, 16_383, 16_384, 16_385, 65_535, 65_536, 98_303, 98_304, 98_305),
  fc.integer({ min: 0, max: 307_200 }),
);
const write: fc.Arbitrary<Write> = fc.oneof(
  size.map((length) => ({ kind: 'text', length }) as const),
  size.map((length) => ({ kind: 'kept', length }) as const),
  fc
    .tuple(fc.integer({ min: 0, max: 300 }), size, fc.integer({ min: 0, max: 9 }))
    .map(([before, length, after]) => ({ kind: 'framed', before, length, after }) as const),
);

/** Writes a piece and spoils what was only lent; the bytes that the other side must see. */
function send({ socket }: Pair, piece: Write, seed: number): Buffer[] {
  const body = noise(piece.length, seed);
  const expected = Buffer.from(body);
  if (piece.kind === 'text') {
    socket.writeText(body.latin1Slice());
    return [expected];
  }
  if (piece.kind === 'kept') {
    socket.writeKept(body);
    return [expected];
  }
  const before = noise(piece.before, seed + 1);
  const after = noise(piece.after, seed + 2);
  // In the middle of a larger buffer, as a read is.
  const lent = Buffer.concat([Buffer.alloc(7, 0x11), body, Buffer.alloc(5, 0x22)]);
  socket.writeFramed(before.latin1Slice(), lent, 7, 7 + body.length, after.latin1Slice());
  lent.fill(0xdd);
  return [before, expected, after];
}

describe.each(MAKES)('$name', (make) => {
  const opened = async (): Promise<Pair> => {
    const pair = await make.open();
    await sleep(1);
    return pair;
  };

  const finished = ({ owner }: Pair): void => {
    expect(owner.wrongs).toEqual([]);
    expect(owner.calls.filter((call) => call.startsWith('closed')).length).toBeLessThanOrEqual(1);
  };

  it('writes texts, framed and kept pieces of every size in their order', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.array(write, { maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (turns, slow) => {
        const pair = await make.open();
        const record = reading(pair.peer, slow ? 1 : 0);
        const expected: Buffer[] = [];
        for (const turn of turns) {
          for (const piece of turn) expected.push(...send(pair, piece, expected.length));
          await sleep(0);
        }
        pair.socket.end();
        await eventually(() => record.ended, 'the end of what was written', 15_000);
        expect(record.received).toBe(expected.reduce((sum, part) => sum + part.length, 0));
        expect(sha(record.parts)).toBe(sha(expected));
        expect(pair.socket.pendingBytes).toBe(0);
        pair.peer.end();
        expect(await pair.owner.gone()).toBe('closed');
        finished(pair);
        closeAll();
      },
    );
    await fc.assert(property, { numRuns: 12 });
  }, 60_000);

  it('hands over what comes in pieces of every size, also to an owner that pauses in every call', async () => {
    const property = fc.asyncProperty(
      fc.array(size, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (sizes, slow) => {
        const pair = await make.open();
        if (slow) {
          pair.owner.bytes = (_buf, _length, socket) => {
            socket.pause();
            setTimeout(() => socket.resume(), 1);
          };
        }
        const parts = sizes.map((length, i) => noise(length, i));
        for (const part of parts) {
          pair.peer.write(part);
          if (part.length % 2 === 0) await sleep(0);
        }
        pair.peer.end();
        await pair.owner.until(() => pair.owner.calls.includes('end'), 'onEnd', 15_000);
        expect(pair.owner.received).toBe(parts.reduce((sum, part) => sum + part.length, 0));
        expect(pair.owner.digest()).toBe(sha(parts));
        expect(pair.socket.ended).toBe(true);
        pair.socket.end();
        expect(await pair.owner.gone()).toBe('closed');
        finished(pair);
        closeAll();
      },
    );
    await fc.assert(property, { numRuns: 12 });
  }, 60_000);

  it('sends back what it is lent while more comes', async () => {
    const pair = await opened();
    const record = reading(pair.peer);
    pair.owner.bytes = (buf, length, socket) => {
      socket.writeFramed('', buf, 0, length, '');
      if (socket.mustWait) socket.pause();
    };
    pair.owner.drained = (socket) => socket.resume();
    const parts = Array.from({ length: 40 }, (_, i) => noise(100_000, i));
    for (const part of parts) pair.peer.write(part);
    await eventually(() => record.received === 4_000_000, 'all bytes back', 15_000);
    expect(sha(record.parts)).toBe(sha(parts));
    finished(pair);
  });

  it('counts what waits, says when to wait and tells once when all has gone', async () => {
    const pair = await opened();
    pair.peer.pause();
    const pieces: Buffer[] = [];
    const more = (): void => {
      const piece = noise(50_000, pieces.length);
      pieces.push(Buffer.from(piece));
      pair.socket.writeFramed('', piece, 0, piece.length, '');
      piece.fill(0xdd);
    };
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 1000 && !pair.socket.mustWait; i++) {
        more();
        await sleep(0);
      }
    };
    await fill();
    // TLS has every piece wait for a turn: the kernel is full when some of them do not go.
    while (await goesSoon(pair)) await fill();
    // What goes beyond is kept as well, each in a place of its own.
    for (let i = 0; i < 12; i++) more();
    expect(pair.socket.mustWait).toBe(true);
    expect(pair.socket.pendingBytes).toBeGreaterThanOrEqual(HIGH_WATER_BYTES);
    const before = pair.owner.calls.length;
    const record = reading(pair.peer);
    await pair.owner.until(() => pair.owner.calls.length > before, 'onDrained');
    await eventually(() => record.received === pieces.length * 50_000, 'all bytes');
    expect(sha(record.parts)).toBe(sha(pieces));
    expect(pair.owner.calls.slice(before)).toEqual(['drained']);
    expect(pair.socket.pendingBytes).toBe(0);
    expect(pair.socket.mustWait).toBe(false);
    finished(pair);
  });

  it('reads nothing while it is paused', async () => {
    const pair = await opened();
    const total = 24_000_000;
    pair.peer.write(noise(1000, 1));
    await pair.owner.until(() => pair.owner.received === 1000, 'the first bytes');
    pair.socket.pause();
    pair.socket.pause();
    for (let i = 0; i < 24; i++) pair.peer.write(Buffer.alloc(1_000_000, i));
    await sleep(150);
    expect(pair.owner.received - 1000).toBeLessThanOrEqual(make.lateBytes);
    expect(pair.peer.writableLength).toBeGreaterThan(1_000_000);
    pair.socket.resume();
    pair.socket.resume();
    await pair.owner.until(() => pair.owner.received === total + 1000, 'all bytes', 15_000);
    finished(pair);
  });

  it('stops after the call in which it was paused', async () => {
    const pair = await opened();
    let calls = 0;
    pair.owner.bytes = (_buf, _length, socket) => {
      calls++;
      socket.pause();
    };
    pair.peer.write(noise(3_000_000, 1));
    await pair.owner.until(() => calls > 0, 'the first bytes');
    await sleep(100);
    expect(pair.owner.received).toBeLessThanOrEqual(65_536 + make.lateBytes);
    finished(pair);
  });

  it('half-closes behind what it wrote and goes on reading', async () => {
    const pair = await opened();
    const record = reading(pair.peer);
    const body = noise(900_000, 5);
    pair.socket.writeKept(body);
    pair.socket.end();
    pair.socket.end();
    pair.socket.writeText('too late');
    await eventually(() => record.ended, 'FIN');
    expect(sha(record.parts)).toBe(sha([body]));
    expect(pair.owner.isClosed).toBe(false);
    pair.peer.write('still here');
    await pair.owner.until(() => pair.owner.received === 10, 'bytes after our FIN');
    pair.peer.end();
    expect(await pair.owner.gone()).toBe('closed');
    expect(pair.owner.calls).toContain('end');
    finished(pair);
  });

  it('writes on after the other side half-closed', async () => {
    const pair = await opened();
    const record = reading(pair.peer);
    pair.peer.end('last');
    await pair.owner.until(() => pair.owner.calls.includes('end'), 'onEnd');
    expect(pair.owner.received).toBe(4);
    await sleep(20);
    expect(pair.owner.isClosed).toBe(false);
    const body = noise(700_000, 6);
    pair.socket.writeKept(body);
    await eventually(() => record.received === body.length, 'bytes after its FIN');
    expect(sha(record.parts)).toBe(sha([body]));
    pair.socket.end();
    await eventually(() => record.ended, 'our FIN');
    expect(await pair.owner.gone()).toBe('closed');
    finished(pair);
  });

  it('half-closes inside onEnd', async () => {
    const pair = await opened();
    const record = reading(pair.peer);
    pair.owner.ended = (socket) => {
      socket.writeText('bye');
      socket.end();
    };
    pair.peer.end('x');
    await eventually(() => record.ended, 'FIN');
    expect(Buffer.concat(record.parts).toString()).toBe('bye');
    expect(await pair.owner.gone()).toBe('closed');
    finished(pair);
  });

  it('closes when both sides end at the same time', async () => {
    const pair = await opened();
    reading(pair.peer);
    pair.peer.end('one');
    pair.socket.writeText('two');
    pair.socket.end();
    expect(await pair.owner.gone()).toBe('closed');
    expect(pair.owner.calls).toContain('end');
    finished(pair);
  });

  it('closes soon: after all that waits, to a reader that begins late', async () => {
    const pair = await opened();
    pair.peer.pause();
    const body = noise(8_000_000, 7);
    pair.socket.writeKept(body);
    pair.socket.writeText('tail');
    pair.socket.closeSoon();
    pair.socket.closeSoon();
    pair.socket.writeText('too late');
    await sleep(50);
    expect(pair.owner.isClosed).toBe(false);
    const record = reading(pair.peer);
    await eventually(() => record.ended, 'FIN');
    expect(record.received).toBe(body.length + 4);
    expect(sha(record.parts)).toBe(sha([body, Buffer.from('tail')]));
    pair.peer.end();
    expect(await pair.owner.gone()).toBe('closed');
    expect(record.error).toBe('');
    finished(pair);
  });

  it('closes soon when nothing waits, inside of a call', async () => {
    const pair = await opened();
    const record = reading(pair.peer);
    pair.owner.bytes = (_buf, _length, socket) => {
      socket.writeText('answer');
      socket.closeSoon();
    };
    pair.peer.write('question');
    await eventually(() => record.ended, 'FIN');
    expect(Buffer.concat(record.parts).toString()).toBe('answer');
    pair.peer.end();
    expect(await pair.owner.gone()).toBe('closed');
    finished(pair);
  });

  it.each(['destroy', 'closeSoon', 'reset'] as const)(
    'calls nothing more after %s inside onBytes',
    async (ending) => {
      const pair = await opened();
      reading(pair.peer);
      let calls = 0;
      pair.owner.bytes = (_buf, _length, socket) => {
        calls++;
        socket[ending]();
        socket.destroy();
        socket.reset();
        socket.pause();
        socket.resume();
        socket.end();
        socket.writeText('x');
        socket.writeKept(Buffer.alloc(100_000));
      };
      pair.peer.write(noise(2_000_000, 2));
      expect(await pair.owner.gone()).toBe('closed');
      expect(calls).toBe(1);
      expect(pair.socket.closed).toBe(true);
      await eventually(() => pair.peer.destroyed || pair.peer.readableEnded, 'the other side to see it');
      finished(pair);
    },
  );

  it('destroys while writes wait: closed once, and the other side sees the end', async () => {
    const pair = await opened();
    pair.peer.pause();
    pair.socket.writeKept(noise(9_000_000, 1));
    pair.socket.writeText('more');
    await sleep(20);
    expect(pair.socket.pendingBytes).toBeGreaterThan(0);
    pair.socket.destroy();
    pair.socket.destroy();
    expect(pair.socket.closed).toBe(true);
    expect(await pair.owner.gone()).toBe('closed');
    const record = reading(pair.peer);
    await eventually(() => record.ended || record.closed, 'the end');
    expect(record.received).toBeLessThan(9_000_000);
    expect(pair.owner.calls).not.toContain('drained');
    finished(pair);
  });

  it('resets: over TCP the other side sees an error', async () => {
    const pair = await opened();
    const record = reading(pair.peer);
    pair.socket.writeText('half of an answer');
    await eventually(() => record.received > 0, 'the first bytes');
    pair.socket.reset();
    pair.socket.reset();
    expect(await pair.owner.gone()).toBe('closed');
    await eventually(() => record.ended || record.closed, 'the end');
    if (!make.tls && !make.unix) expect(record.error).toBe('ECONNRESET');
    finished(pair);
  });

  it('resets while bytes wait, also after end was asked for', async () => {
    for (const asked of [false, true]) {
      const pair = await opened();
      pair.peer.pause();
      pair.socket.writeKept(noise(9_000_000, 1));
      await sleep(20);
      if (asked) pair.socket.end();
      pair.socket.reset();
      expect(await pair.owner.gone()).toBe('closed');
      const record = reading(pair.peer);
      await eventually(() => record.ended || record.closed, 'the end');
      if (!make.tls && !make.unix) expect([asked, record.error]).toEqual([asked, 'ECONNRESET']);
      finished(pair);
    }
  });

  it('resets after its own FIN has gone', async () => {
    const pair = await opened();
    const record = reading(pair.peer);
    pair.socket.end();
    await eventually(() => record.ended, 'FIN');
    pair.socket.reset();
    expect(await pair.owner.gone()).toMatch(/^closed/);
    finished(pair);
  });

  it('resets while its FIN is on the way', async () => {
    for (const turns of [0, 1, 2]) {
      const pair = await opened();
      reading(pair.peer);
      pair.socket.writeText('last');
      pair.socket.end();
      for (let i = 0; i < turns; i++) await new Promise((resolve) => process.nextTick(resolve));
      pair.socket.reset();
      expect(await pair.owner.gone()).toBe('closed');
      finished(pair);
    }
  });

  const RESET_CODES = ['closed ECONNRESET', 'closed EPIPE', 'closed ECANCELED'];

  it('tells of a reset by the other side', async () => {
    if (make.unix) return;
    const pair = await opened();
    pair.wire.resetAndDestroy();
    expect(await pair.owner.gone()).toBe('closed ECONNRESET');
    finished(pair);
  });

  it('tells of a reset while bytes wait', async () => {
    if (make.unix) return;
    const pair = await opened();
    pair.peer.pause();
    pair.wire.pause();
    pair.socket.writeKept(noise(9_000_000, 1));
    pair.socket.writeFramed('a', Buffer.from('b'), 0, 1, 'c');
    await sleep(20);
    pair.wire.resetAndDestroy();
    expect(RESET_CODES).toContain(await pair.owner.gone());
    expect(pair.owner.calls).not.toContain('drained');
    finished(pair);
  });

  it.each(['writeText', 'writeKept', 'writeFramed'] as const)(
    'tells of a reset that came while it was paused when %s finds out',
    async (how) => {
      const pair = await opened();
      pair.socket.pause();
      if (make.unix) pair.wire.destroy();
      else pair.wire.resetAndDestroy();
      await sleep(30);
      const body = noise(20_000, 1);
      if (how === 'writeText') pair.socket.writeText(body.latin1Slice());
      else if (how === 'writeKept') pair.socket.writeKept(body);
      else pair.socket.writeFramed('x', body, 0, body.length, 'y');
      pair.socket.writeText('and more');
      expect(RESET_CODES).toContain(await pair.owner.gone());
      finished(pair);
    },
  );

  it('survives a peer that is reset in the middle of its bytes', async () => {
    if (make.unix) return;
    for (const wait of [0, 1, 3, 10]) {
      const pair = await opened();
      pair.owner.bytes = (buf, length, socket) => socket.writeFramed('', buf, 0, length, '');
      reading(pair.peer);
      pair.peer.write(noise(3_000_000, 1));
      await sleep(wait);
      pair.wire.resetAndDestroy();
      expect(RESET_CODES).toContain(await pair.owner.gone());
      finished(pair);
    }
  });

  it('knows both addresses, and keeps what it was asked', async () => {
    const pair = await opened();
    if (make.unix) {
      expect(pair.socket.remoteAddress).toBe('');
      expect(pair.socket.remotePort).toBe(0);
    } else {
      expect(pair.socket.remoteAddress).toBe(pair.wire.localAddress);
      expect(pair.socket.remotePort).toBe(pair.wire.localPort);
      expect(pair.socket.localAddress).toBe(pair.wire.remoteAddress);
      expect(pair.socket.localPort).toBe(pair.wire.remotePort);
    }
    const { remoteAddress, remotePort } = pair.socket;
    pair.socket.destroy();
    await pair.owner.gone();
    expect([pair.socket.remoteAddress, pair.socket.remotePort]).toEqual([remoteAddress, remotePort]);
    finished(pair);
  });

  describe('an owner that throws', () => {
    const EVENTS = ['bytes', 'ended', 'drained', 'closed'] as const;

    it.each(EVENTS)('in %s costs its socket, and the error is the process’s', async (event) => {
      const pair = await opened();
      const errors = takeUncaught();
      try {
        pair.owner[event] = () => {
          throw new Error(`thrown in ${event}`);
        };
        if (event === 'drained') {
          pair.peer.pause();
          pair.socket.writeKept(noise(9_000_000, 1));
          await sleep(10);
        }
        reading(pair.peer);
        if (event === 'bytes') pair.peer.write('x');
        if (event === 'ended') pair.peer.end();
        if (event === 'closed') pair.socket.destroy();
        await pair.owner.gone();
        expect(errors.list).toEqual([`thrown in ${event}`]);
        finished(pair);
      } finally {
        errors.giveBack();
      }
    });
  });

  /** Whether what waits goes within a moment, though nobody reads. */
  async function goesSoon({ socket }: Pair): Promise<boolean> {
    const waited = socket.pendingBytes;
    await sleep(60);
    return socket.pendingBytes < waited || !socket.mustWait;
  }
});

/** Errors that would end the process, taken from the test runner for a while. */
function takeUncaught(): { readonly list: string[]; giveBack(): void } {
  const list: string[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const take = (error: Error): void => void list.push(error.message);
  process.on('uncaughtException', take);
  return {
    list,
    giveBack() {
      process.off('uncaughtException', take);
      for (const other of others) process.on('uncaughtException', other);
    },
  };
}
