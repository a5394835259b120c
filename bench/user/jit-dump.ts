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
const RECORD_HEAD_BYTES = 16;
/** V8 adds the head of the file that `perf inject` would make to each address of a line. */
const ELF_HEAD_BYTES = 0x40;
/** In the place of a name: that of the entry before. */
const SAME_NAME = '\xff';

export class JitDump {
  /** The newest code of an address is last. */
  readonly #codes: Code[] = [];

  constructor(bytes: Buffer) {
    let pieces: Code['pieces'] = [];
    for (let at = bytes.readUInt32LE(8); at + RECORD_HEAD_BYTES <= bytes.length; ) {
      const [id, size] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
      if (size < RECORD_HEAD_BYTES || at + size > bytes.length) break;
      const record = bytes.subarray(at + RECORD_HEAD_BYTES, at + size);
      // The lines of a code come right before it.
      if (id === DEBUG_INFO) pieces = piecesOf(record);
      if (id === LOAD) {
        this.#codes.push(codeOf(record, pieces));
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

const addressAt = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

function codeOf(record: Buffer, pieces: Code['pieces']): Code {
  const start = addressAt(record, 16);
  const name = record.toString('latin1', 40, record.indexOf(0, 40));
  return { start, end: start + addressAt(record, 24), name, pieces };
}

function piecesOf(record: Buffer): Code['pieces'] {
  const pieces: (Place & { readonly address: number })[] = [];
  let file = '';
  let at = 16;
  for (let left = addressAt(record, 8); left > 0; left--) {
    const end = record.indexOf(0, at + 16);
    const name = record.toString('latin1', at + 16, end);
    if (name !== SAME_NAME) file = name;
    pieces.push({
      address: addressAt(record, at) - ELF_HEAD_BYTES,
      file,
      line: record.readInt32LE(at + 8),
      column: record.readInt32LE(at + 12),
    });
    at = end + 1;
  }
  return pieces;
}
