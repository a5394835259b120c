// Bodies that come whole, compressed in one call by a zlib state that is kept: gzipSync makes one of 270 KB each time, which costs more
// than the work (16 KB at level 1: 50 µs against 35, and 20 µs of garbage collection). Node has no public call for that; what is used
// here is tried once, and where it does not do what it should, gzipSync it is.
import type { Gzip } from 'node:zlib';
import { nodeZlib } from '../../shared/node-parts.ts';
import type { ZlibMemory } from './gzip-pieces.ts';

/** Larger ones go to gzipSync: there the making of a state no longer counts. */
const MOST_BYTES = 65_536;

/** What zlib could need at most for so much. */
const OUT_BYTES = MOST_BYTES + 1024;

/** As Node's own synchronous functions use it; `_writeState` tells how much is left of the output and of the input. */
interface Inner {
  readonly _handle?: {
    writeSync?(
      flush: number,
      input: Buffer,
      inAt: number,
      inLength: number,
      out: Buffer,
      outAt: number,
      outLength: number,
    ): void;
  };
  readonly _writeState?: Uint32Array;
  reset(): void;
}

export type MakeGzip = (memory: ZlibMemory) => Gzip;

/** Shared by all: nobody keeps what is in it. */
const out = Buffer.allocUnsafeSlow(OUT_BYTES);

export class OneCallGzip {
  readonly #memory: ZlibMemory;
  #stream: Gzip | null;

  constructor(memory: ZlibMemory, make: MakeGzip = nodeZlib().createGzip) {
    this.#memory = memory;
    this.#stream = make(memory);
    if (!this.#works()) this.#stream = null;
  }

  get usesKeptState(): boolean {
    return this.#stream !== null;
  }

  /** The result is lent until the next call on any of them. */
  gzip(input: Buffer): Buffer {
    return this.#byKept(input) ?? nodeZlib().gzipSync(input, this.#memory);
  }

  #works(): boolean {
    const sample = Buffer.from('what is compressed is what comes back '.repeat(3));
    try {
      // Twice: the second time the state has been used before.
      for (let i = 0; i < 2; i++) {
        const got = this.#byKept(sample);
        if (got === null || !nodeZlib().gunzipSync(got).equals(sample)) return false;
      }
      return true;
    } catch {
      return false;
    }
  }

  #byKept(input: Buffer): Buffer | null {
    if (this.#stream === null || input.length > MOST_BYTES) return null;
    const inner = this.#stream as unknown as Inner;
    const { _handle: handle, _writeState: left } = inner;
    if (handle?.writeSync === undefined || left === undefined) return null;
    handle.writeSync(nodeZlib().constants.Z_FINISH, input, 0, input.length, out, 0, OUT_BYTES);
    const [outLeft, inLeft] = left;
    inner.reset();
    return inLeft === 0 && outLeft > 0 && outLeft < OUT_BYTES ? out.subarray(0, OUT_BYTES - outLeft) : null;
  }
}

/** One for each that configurations have asked for. */
const kept = new Map<string, OneCallGzip>();

export function oneCallGzip(memory: ZlibMemory): OneCallGzip {
  const key = `${memory.level} ${memory.windowBits} ${memory.memLevel}`;
  let found = kept.get(key);
  if (found === undefined) {
    found = new OneCallGzip(memory);
    kept.set(key, found);
  }
  return found;
}
