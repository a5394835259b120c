// Reads what V8 writes for perf with `--perf-prof`: which code lay at which address, and from which line of which file each piece of it
// is, inlined functions by their own (the format is in Linux' tools/perf/Documentation/jitdump-specification.txt).

export interface Place {
  /** As V8 names it: `file:///…` or `node:…`. Empty for code without a source. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface Code {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly pieces: readonly (Place & { readonly address: number })[];
}

const LOAD = 0;
const DEBUG_INFO = 2;
/** The greatest kind of a record. */
const UNWINDING_INFO = 4;
const RECORD_HEAD_BYTES = 16;
/** Records are filled up to whole words. */
const MOST_FILLING = 8;
/** V8 adds the head of the file that `perf inject` would make to each address of a line. */
const ELF_HEAD_BYTES = 0x40;
const HOUR_NS = 3_600_000_000_000;

export class JitDump {
  /** The newest code of an address is last. */
  readonly #codes: Code[] = [];

  constructor(bytes: Buffer) {
    let pieces: Code['pieces'] = [];
    for (let at = bytes.readUInt32LE(8); at + RECORD_HEAD_BYTES <= bytes.length; ) {
      const [id, size] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
      // A process that was ended in the middle of a record.
      if (size < RECORD_HEAD_BYTES || at + size > bytes.length) break;
      if (id === DEBUG_INFO) {
        const lines = linesAt(bytes, at + RECORD_HEAD_BYTES);
        pieces = lines.pieces;
        at = nextRecord(bytes, lines.end, addressAt(bytes, at + 8));
        continue;
      }
      if (id === LOAD) {
        // Its lines came right before it.
        this.#codes.push(codeOf(bytes.subarray(at + RECORD_HEAD_BYTES, at + size), pieces));
        pieces = [];
      }
      at += size;
    }
  }

  /** Where the code at the address comes from; undefined when V8 made none there. */
  placeOf(address: number): (Place & { readonly name: string }) | undefined {
    const code = this.#codes.findLast(({ start, end }) => address >= start && address < end);
    if (code === undefined) return undefined;
    const piece = code.pieces.findLast((one) => one.address <= address) ?? code.pieces[0];
    return { name: code.name, file: piece?.file ?? '', line: piece?.line ?? 0, column: piece?.column ?? 0 };
  }
}

/**
 * The size that V8 gives a record of lines is wrong where functions of two files are in one code: it writes the name of each file an entry
 * late. So the next record is where a head of one can be, of a later time.
 */
function nextRecord(bytes: Buffer, end: number, timeNs: number): number {
  for (let at = end; at < end + MOST_FILLING && at + RECORD_HEAD_BYTES <= bytes.length; at++) {
    const [id, size] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    const laterNs = addressAt(bytes, at + 8) - timeNs;
    const fits = size >= RECORD_HEAD_BYTES && at + size <= bytes.length;
    if (id <= UNWINDING_INFO && fits && laterNs >= 0 && laterNs < HOUR_NS) return at;
  }
  return bytes.length;
}

const addressAt = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

function codeOf(record: Buffer, pieces: Code['pieces']): Code {
  const start = addressAt(record, 16);
  const name = record.toString('latin1', 40, record.indexOf(0, 40));
  return { start, end: start + addressAt(record, 24), name, pieces };
}

function linesAt(bytes: Buffer, record: number): { readonly pieces: Code['pieces']; readonly end: number } {
  const pieces: (Place & { readonly address: number })[] = [];
  const names: string[] = [];
  let at = record + 16;
  for (let left = addressAt(bytes, record + 8); left > 0 && at + 16 <= bytes.length; left--) {
    const end = bytes.indexOf(0, at + 16);
    if (end < 0) break;
    names.push(bytes.toString('latin1', at + 16, end));
    const address = addressAt(bytes, at) - ELF_HEAD_BYTES;
    pieces.push({ address, file: '', line: bytes.readInt32LE(at + 8), column: bytes.readInt32LE(at + 12) });
    at = end + 1;
  }
  // The name of an entry's file stands at the next one.
  return { pieces: pieces.map((piece, i) => ({ ...piece, file: names[i + 1] ?? names[i] })), end: at };
}
