// What waits to be written to one path: blocks of bytes, in order, and where the file is to change between them.

const LF = 0x0a;
/** What a block costs besides its bytes: a process that prints byte by byte must not fill the memory with buffers. */
const BLOCK_COST_BYTES = 128;
const MAX_BLOCKS = 256;
/** A file that is to be rotated at midnight waits for a line's end; not for ever. */
const LONGEST_WAIT_BYTES = 64 * 1024;

export interface Batch {
  readonly blocks: readonly Buffer[];
  /** The file is full, or of yesterday, once they are written. */
  readonly rotate: boolean;
}

/** What of the file decides where it ends. */
export interface FileEnd {
  readonly sizeBytes: number;
  /** Its last line has no end yet. */
  readonly isMidLine: boolean;
  /** Size at which it is rotated; 0 for never. */
  readonly maxBytes: number;
  /** It is to be rotated at the next line's end. */
  readonly isOver: boolean;
}

export class BlockQueue<T> {
  #steps: (Buffer | { readonly change: T })[] = [];
  #first = 0;
  #cost = 0;

  /** Bytes, and what keeping them costs. */
  get cost(): number {
    return this.#cost;
  }

  get isEmpty(): boolean {
    return this.#first === this.#steps.length;
  }

  push(block: Buffer): void {
    this.#steps.push(block);
    this.#cost += block.length + BLOCK_COST_BYTES;
  }

  /** Blocks that come later go to another file. */
  pushChange(change: T): void {
    this.#steps.push({ change });
  }

  /** The change that stands first, taken out. */
  takeChange(): T | null {
    const step = this.#steps[this.#first];
    if (step === undefined || Buffer.isBuffer(step)) return null;
    this.#drop();
    return step.change;
  }

  /** Drops all blocks; gives the changes. */
  clear(): T[] {
    const changes = this.#steps
      .slice(this.#first)
      .flatMap((step) => (Buffer.isBuffer(step) ? [] : [step.change]));
    this.#steps = [];
    this.#first = this.#cost = 0;
    return changes;
  }

  /**
   * Takes what one write may take, up to `mostBytes`. A file is full with the line that reaches its size: that line stays whole, unless
   * it is longer than a file may be. Null when nothing is to be done.
   */
  takeBatch(mostBytes: number, end: FileEnd): Batch | null {
    const blocks: Buffer[] = [];
    let taken = 0;
    if (end.isOver && !end.isMidLine) return { blocks, rotate: true };
    while (blocks.length < MAX_BLOCKS && taken < mostBytes) {
      const block = this.#steps[this.#first];
      if (block === undefined || !Buffer.isBuffer(block)) break;
      const room = mostBytes - taken;
      const cut = rotationCut(block, end, end.sizeBytes + taken);
      if (cut !== null && cut <= room) {
        this.#takePart(block, cut, blocks);
        return { blocks, rotate: true };
      }
      const length = block.length <= room ? block.length : fittingLength(block, room, blocks.length > 0);
      if (length === 0) break;
      this.#takePart(block, length, blocks);
      taken += length;
      if (length < block.length) break;
    }
    return blocks.length === 0 ? null : { blocks, rotate: false };
  }

  #takePart(block: Buffer, length: number, blocks: Buffer[]): void {
    if (length > 0) blocks.push(length === block.length ? block : block.subarray(0, length));
    if (length === block.length) {
      this.#drop();
      this.#cost -= length + BLOCK_COST_BYTES;
      return;
    }
    this.#steps[this.#first] = block.subarray(length);
    this.#cost -= length;
  }

  #drop(): void {
    // An empty place keeps no memory of what was written.
    this.#steps[this.#first++] = NOTHING;
    if (this.#first === this.#steps.length) {
      this.#steps = [];
      this.#first = 0;
    } else if (this.#first > 1024) {
      this.#steps.splice(0, this.#first);
      this.#first = 0;
    }
  }
}

const NOTHING = Buffer.alloc(0);

/** How much of the block still belongs to the present file, if the file ends in it; else null. */
function rotationCut(block: Buffer, end: FileEnd, sizeBytes: number): number | null {
  if (end.isOver) {
    const lf = block.indexOf(LF);
    if (lf >= 0) return lf + 1;
    if (block.length >= LONGEST_WAIT_BYTES) return block.length;
  }
  if (end.maxBytes === 0 || sizeBytes + block.length < end.maxBytes) return null;
  const lf = block.indexOf(LF, Math.max(0, end.maxBytes - sizeBytes - 1));
  const longest = Math.max(0, 2 * end.maxBytes - sizeBytes);
  if (lf >= 0) return Math.min(lf + 1, longest);
  return block.length >= longest ? longest : null;
}

/** Where a block that does not fit is cut: after a line, so that nobody's lines come into it; nothing of it where others go first. */
function fittingLength(block: Buffer, room: number, othersFirst: boolean): number {
  const lf = block.lastIndexOf(LF, room - 1);
  if (lf >= 0) return lf + 1;
  return othersFirst ? 0 : room;
}

/** The blocks without their first bytes. */
export function withoutFirst(blocks: readonly Buffer[], bytes: number): readonly Buffer[] {
  let left = bytes;
  for (const [i, block] of blocks.entries()) {
    if (left < block.length) return [block.subarray(left), ...blocks.slice(i + 1)];
    left -= block.length;
  }
  return [];
}
