// Tables between two charsets, and the conversion of pieces by them. Pure.
import { CODE_LIMIT, decodeUtf8, INCOMPLETE, LAST_CODE, taken } from './decode-utf8.ts';
import { isUtf8 } from './read-map.ts';
import type { CharsetMap } from './rows.ts';

/** The most that one byte or character becomes: `&#1114111;`. */
export const MOST_BYTES = 10;
const QUESTION = 0x3f;

export interface Recoder {
  /** The answer's length stays what it is. */
  readonly keepsLength: boolean;
  /**
   * Converts from `buf[at, to)` what there is room for in `out`, from its beginning on. Where it stopped is `at`, what it made ends at
   * `outEnd`; less than a character may be left over.
   */
  run(buf: Buffer, at: number, to: number, out: Buffer): void;
  readonly at: number;
  readonly outEnd: number;
}

/** From one name to another, both in lower case, with a blank between them. */
export function compileTables(maps: readonly CharsetMap[]): ReadonlyMap<string, () => Recoder> {
  const tables = new Map<string, () => Recoder>();
  for (const { from, to, pairs } of maps) {
    const [a, b] = [from.toLowerCase(), to.toLowerCase()];
    const [there, back] = isUtf8(to) ? utf8Tables(pairs) : byteTables(pairs);
    tables.set(`${a} ${b}`, there);
    tables.set(`${b} ${a}`, back);
  }
  return tables;
}

type Pairs = CharsetMap['pairs'];

const asciiOr = (byte: number): number => (byte < 0x80 ? byte : QUESTION);

function byteTables(pairs: Pairs): [() => Recoder, () => Recoder] {
  const there = Uint8Array.from({ length: 256 }, (_, byte) => asciiOr(byte));
  const back = there.slice();
  for (const [byte, [other]] of pairs) {
    there[byte] = other;
    back[other] = byte;
  }
  return [() => new ByteRecoder(there), () => new ByteRecoder(back)];
}

function utf8Tables(pairs: Pairs): [() => Recoder, () => Recoder] {
  const there: (readonly number[])[] = Array.from({ length: 256 }, (_, byte) => [asciiOr(byte)]);
  const back = new Uint8Array(CODE_LIMIT + 1);
  for (const [byte, bytes] of pairs) {
    there[byte] = bytes;
    back[decodeUtf8(Buffer.from(bytes), 0, bytes.length)] = byte;
  }
  return [() => new ToUtf8(there), () => new FromUtf8(back)];
}

class ByteRecoder implements Recoder {
  readonly keepsLength = true;
  readonly #table: Uint8Array;
  at = 0;
  outEnd = 0;

  constructor(table: Uint8Array) {
    this.#table = table;
  }

  run(buf: Buffer, at: number, to: number, out: Buffer): void {
    const length = Math.min(to - at, out.length);
    for (let i = 0; i < length; i++) out[i] = this.#table[buf[at + i]];
    this.at = at + length;
    this.outEnd = length;
  }
}

class ToUtf8 implements Recoder {
  readonly keepsLength = false;
  readonly #table: readonly (readonly number[])[];
  at = 0;
  outEnd = 0;

  constructor(table: readonly (readonly number[])[]) {
    this.#table = table;
  }

  run(buf: Buffer, from: number, to: number, out: Buffer): void {
    const room = out.length - MOST_BYTES;
    let end = 0;
    let at = from;
    for (; at < to && end <= room; at++) {
      const bytes = this.#table[buf[at]];
      for (let i = 0; i < bytes.length; i++) out[end++] = bytes[i];
    }
    this.at = at;
    this.outEnd = end;
  }
}

class FromUtf8 implements Recoder {
  readonly keepsLength = false;
  readonly #table: Uint8Array;
  at = 0;
  outEnd = 0;

  constructor(table: Uint8Array) {
    this.#table = table;
  }

  run(buf: Buffer, from: number, to: number, out: Buffer): void {
    const room = out.length - MOST_BYTES;
    let end = 0;
    let at = from;
    while (at < to && end <= room) {
      if (buf[at] < 0x80) {
        out[end++] = buf[at++];
        continue;
      }
      const code = decodeUtf8(buf, at, to);
      if (code === INCOMPLETE) break;
      at += taken;
      const byte = code <= CODE_LIMIT ? this.#table[code] : 0;
      if (code > LAST_CODE) out[end++] = QUESTION;
      else if (byte !== 0) out[end++] = byte;
      else end += out.write(`&#${code};`, end, 'latin1');
    }
    this.at = at;
    this.outEnd = end;
  }
}
