// How many bytes the last lines of a file have: read from its end on, piece by piece.

export interface Pieces {
  read(path: string, offset: number, length: number): Promise<Buffer>;
}

const PIECE_BYTES = 64 * 1024;
/** No more is looked through: whoever wants more reads the file. */
const MOST_BYTES = 64 * 1024 * 1024;
const LF = 0x0a;

/** A last line without its end counts. */
export async function lengthOfLines(
  pieces: Pieces,
  path: string,
  sizeBytes: number,
  lines: number,
): Promise<number> {
  if (lines === 0) return 0;
  const least = Math.max(0, sizeBytes - MOST_BYTES);
  let found = 0;
  for (let end = sizeBytes; end > least; ) {
    const from = Math.max(least, end - PIECE_BYTES);
    const piece = await pieces.read(path, from, end - from);
    for (let i = piece.lastIndexOf(LF); i >= 0; i = i === 0 ? -1 : piece.lastIndexOf(LF, i - 1)) {
      // The end of the last line begins no other.
      if (from + i + 1 === sizeBytes) continue;
      if (++found === lines) return sizeBytes - (from + i + 1);
    }
    end = from;
  }
  return sizeBytes - least;
}
