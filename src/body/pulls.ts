// Readers of a body that is complete: in memory, in a file, or a text in its place. Each is at a place of its own.
import type { BodyPull, BodyTarget, PullOwner } from '../http/body-pull.ts';
import { chunkHeader, lastChunk } from '../http/chunked.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { TempFile } from './temp-file.ts';

/** A body in memory. */
export class MemoryPull implements BodyPull {
  readonly #blocks: readonly Buffer[];
  readonly #bytes: number;
  sent = false;

  constructor(blocks: readonly Buffer[], bytes: number) {
    this.#blocks = blocks;
    this.#bytes = bytes;
  }

  takeWhole(max: number): string | null {
    if (this.#bytes > max) return null;
    this.sent = true;
    const blocks = this.#blocks;
    if (blocks.length === 1) return blocks[0].latin1Slice(0, blocks[0].length);
    let text = '';
    for (const block of blocks) text += block.latin1Slice(0, block.length);
    return text;
  }

  sendTo(target: BodyTarget, chunked: boolean): boolean {
    if (!this.sent) {
      this.sent = true;
      for (const block of this.#blocks) {
        if (chunked) target.writeFramed(chunkHeader(block.length), block, 0, block.length, '\r\n');
        else target.writeKept(block);
      }
      if (chunked) target.writeText(lastChunk(''));
    }
    return !target.mustWait;
  }

  end(): void {}
}

/** A text that goes instead of the client's body. */
export class TextPull implements BodyPull {
  readonly #text: string;
  sent = false;

  constructor(text: string) {
    this.#text = text;
  }

  takeWhole(max: number): string | null {
    if (this.#text.length > max) return null;
    this.sent = true;
    return this.#text;
  }

  sendTo(target: BodyTarget, chunked: boolean): boolean {
    if (!this.sent) {
      this.sent = true;
      if (chunked && this.#text !== '') target.writeText(chunkHeader(this.#text.length));
      target.writeText(this.#text);
      if (chunked) target.writeText(`${this.#text === '' ? '' : '\r\n'}${lastChunk('')}`);
    }
    return !target.mustWait;
  }

  end(): void {}
}

const READ_BLOCK_BYTES = 65_536;

/** A body in a file: one block is read ahead while the target takes more, none while it does not. */
export class FilePull implements BodyPull {
  readonly #file: TempFile;
  readonly #owner: PullOwner;
  /** Offset of the first byte that was not read yet. */
  #position = 0;
  #buffer: Buffer | null = null;
  /** A block that was read and not sent: the buffer's first bytes. */
  #ready = 0;
  #reading = false;
  #ended = false;
  sent = false;

  constructor(file: TempFile, owner: PullOwner) {
    this.#file = file;
    this.#owner = owner;
  }

  takeWhole(): null {
    return null;
  }

  sendTo(target: BodyTarget, chunked: boolean): boolean {
    const buffer = this.#buffer;
    if (this.#ready > 0 && buffer !== null) {
      const n = this.#ready;
      this.#ready = 0;
      if (chunked) target.writeFramed(chunkHeader(n), buffer, 0, n, '\r\n');
      else target.writeFramed('', buffer, 0, n, '');
    }
    if (this.#reading || this.sent) return this.sent && !target.mustWait;
    if (this.#position === this.#file.sizeBytes) {
      this.sent = true;
      if (chunked) target.writeText(lastChunk(''));
      return !target.mustWait;
    }
    if (!target.mustWait) this.#read();
    return false;
  }

  #read(): void {
    const length = Math.min(READ_BLOCK_BYTES, this.#file.sizeBytes - this.#position);
    this.#buffer ??= Buffer.allocUnsafeSlow(length);
    this.#reading = true;
    const block = length === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, length);
    this.#file.read(block, this.#position).then(
      () => this.#onRead(length),
      (error: Error) => this.#onLost(error),
    );
  }

  #onRead(length: number): void {
    this.#reading = false;
    if (this.#ended) return;
    this.#position += length;
    this.#ready = length;
    try {
      this.#owner.onBodyMore();
    } catch (error) {
      rethrowLater(error);
      this.#owner.onBodyLost('internal error');
    }
  }

  #onLost({ message }: Error): void {
    this.#reading = false;
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.onBodyLost(`the stored body cannot be read (${this.#file.path}): ${message}`);
  }

  end(): void {
    this.#ended = true;
    this.#buffer = null;
    this.#ready = 0;
  }
}
