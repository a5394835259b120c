// Long bodies: a buffer that the client's socket still reads from is never filled anew, whatever the client does, and slow
// clients cost one piece each.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PIECE_BYTES, sendFile } from '../../src/answer/file-transfer.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { type Flow, GO, type Source, WAIT } from '../../src/exchange/flow.ts';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';
import { startProxy } from '../support/proxy.ts';

const BYTES = 8 * PIECE_BYTES + 12_345;
let directory: string;
let file: string;
let content: Buffer;

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-transfer-'));
  file = path.join(directory, 'long.bin');
  content = randomBytes(BYTES);
  fs.writeFileSync(file, content);
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

/** Reads what it was lent only when it drains, as a socket does whose kernel buffer is full; some pieces it takes at once. */
class LendingClient extends FakeClient {
  readonly #takesAtOnce: () => boolean;
  readonly #hash = createHash('sha256');
  #lent: Buffer | null = null;
  digest = '';
  taken = 0;

  constructor(takesAtOnce: () => boolean) {
    super();
    this.#takesAtOnce = takesAtOnce;
  }

  override writeKept(_from: Source, piece: Buffer, from: number, to: number): Flow {
    if (this.#lent !== null) throw new Error('a piece before the last one was taken');
    const bytes = piece.subarray(from, to);
    if (this.#takesAtOnce()) {
      this.#take(bytes);
      return GO;
    }
    this.#lent = bytes;
    setTimeout(() => this.#drainLent(), 2);
    return WAIT;
  }

  #drainLent(): void {
    if (this.#lent === null || this.gone) return;
    this.#take(this.#lent);
    this.#lent = null;
    this.drain();
  }

  #take(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.taken += bytes.length;
    if (this.taken === BYTES) this.digest = this.#hash.digest('hex');
  }
}

function send(client: FakeClient): Exchange {
  const exchange = fakeExchange(client, 'GET /long.bin HTTP/1.1\r\nHost: h\r\n\r\n');
  exchange.status = 200;
  const body = { fd: fs.openSync(file, 'r'), segments: [{ from: 0, to: BYTES }], length: BYTES };
  const unsent = (message: string): never => {
    throw new Error(message);
  };
  sendFile(exchange, body, { read: null, unsent });
  return exchange;
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !what(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(what()).toBe(true);
}

function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false;
    }
  }).length;
}

describe('buffers', () => {
  it('are not touched while they are lent, among many transfers and clients that leave', async () => {
    const expected = createHash('sha256').update(content).digest('hex');
    let n = 0;
    const some = (): boolean => n++ % 3 === 0;
    const staying: LendingClient[] = [];
    const lane = async (): Promise<void> => {
      // The next transfer begins while the last piece of the one before is still lent.
      for (let round = 0; round < 4; round++) {
        const client = new LendingClient(some);
        staying.push(client);
        send(client);
        await client.answer;
      }
    };
    const lanes = Array.from({ length: 20 }, lane);
    for (let i = 0; i < 60; i++) {
      const client = new LendingClient(some);
      const exchange = send(client);
      // Some before the first byte is read, some in the middle of a read, some of a write.
      setTimeout(() => client.leave(exchange), i % 11);
      await new Promise((resolve) => setTimeout(resolve, i % 3));
    }
    await Promise.all(lanes);
    await until(() => staying.every((client) => client.taken === BYTES));
    expect(staying.map((client) => client.digest)).toEqual(staying.map(() => expected));
    await until(() => openDescriptors() === 0);
  });

  it('go from one transfer to the next', async () => {
    const seen = new Set<ArrayBufferLike>();
    class WatchingClient extends FakeClient {
      override writeKept(source: Source, piece: Buffer, a: number, b: number, flags: number): Flow {
        seen.add(piece.buffer);
        return super.writeKept(source, piece, a, b, flags);
      }
    }
    for (let i = 0; i < 12; i++) {
      const client = new WatchingClient();
      send(client);
      expect((await client.answer).body.equals(content)).toBe(true);
    }
    expect(seen.size).toBe(1);
  });
});

describe('over a real connection', () => {
  const LONG_BYTES = 64 * 2 ** 20;
  const CLIENTS = 10;

  it('clients that stop reading cost a piece each and get every byte later', {
    timeout: 60_000,
  }, async () => {
    const name = path.join(directory, 'longer.bin');
    const block = randomBytes(2 ** 20);
    const hash = createHash('sha256');
    for (let i = 0; i < LONG_BYTES / block.length; i++) {
      block.writeUInt32BE(i, 0);
      fs.appendFileSync(name, block);
      hash.update(block);
    }
    const expected = hash.digest('hex');
    const proxy = await startProxy(
      `http { server { listen 127.0.0.1:0; location / { root ${directory}; } } }`,
    );
    const before = process.memoryUsage().arrayBuffers;
    const sockets = Array.from({ length: CLIENTS }, () => net.connect(proxy.port, '127.0.0.1').pause());
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.write('GET /longer.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    }
    let most = 0;
    for (let i = 0; i < 40; i++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    // Besides the pieces: what the process keeps for itself, and what the clients here have read ahead.
    expect(most).toBeLessThan(CLIENTS * PIECE_BYTES + 4 * 2 ** 20);
    const digests = await Promise.all(sockets.slice(0, 3).map(digestOf));
    expect(digests).toEqual([expected, expected, expected]);
    for (const socket of sockets) socket.destroy();
    await proxy.close();
  });
});

/** Reads an answer to its end: the digest of its body. */
function digestOf(socket: net.Socket): Promise<string> {
  const hash = createHash('sha256');
  let head = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      if (head.includes('\r\n\r\n')) {
        hash.update(chunk);
        return;
      }
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end >= 0) hash.update(Buffer.from(head.slice(end + 4), 'latin1'));
    });
    socket.on('end', () => resolve(hash.digest('hex')));
    socket.on('error', reject);
    socket.resume();
  });
}
