// Sends an open file, or parts of it, to the client: one buffer per transfer, filled again only when the client took the
// last fill. Closes the file on every way out.
import fs from 'node:fs';
import type { Exchange, Producer } from '../exchange.ts';
import { READ_BYTES } from '../shared/buffers.ts';
import { closeFile } from './open-file.ts';
import type { Segment } from './ranges.ts';

/** A body made of an open file. */
export interface FileBody {
  readonly fd: number;
  readonly segments: readonly Segment[];
  /** Bytes of all segments together. */
  readonly length: number;
}

/**
 * Sends `body` with `exchange.status` and `exchange.lines` as they are; a body of at most one buffer in one piece. `unsent` is
 * called instead when the file cannot be read to the promised length before anything was sent.
 */
export function sendFile(exchange: Exchange, body: FileBody, unsent: (message: string) => void): void {
  const transfer = new FileTransfer(exchange, body, unsent);
  exchange.producer = transfer;
  transfer.read();
}

class FileTransfer implements Producer {
  /** A client that has nothing more to ask still waits for its file. */
  readonly survivesHalfClose = true;
  readonly #exchange: Exchange;
  readonly #body: FileBody;
  readonly #unsent: (message: string) => void;
  readonly #buffer: Buffer;
  #filled = 0;
  /** Segment that is being read, and how much of it was. */
  #index = 0;
  #done = 0;
  #started = false;
  #gone = false;
  #reading = false;
  #waiting = false;

  constructor(exchange: Exchange, body: FileBody, unsent: (message: string) => void) {
    this.#exchange = exchange;
    this.#body = body;
    this.#unsent = unsent;
    this.#buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, body.length));
  }

  onClientDrain(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.read();
  }

  onClientGone(): void {
    if (this.#gone) return;
    this.#gone = true;
    // A descriptor closed during a read could be given to another file before the read happens.
    if (!this.#reading) closeFile(this.#body.fd);
  }

  /** Fills the buffer as far as it goes, then hands it over. */
  read(): void {
    const { segments, fd } = this.#body;
    for (; this.#index < segments.length; this.#index++) {
      const segment = segments[this.#index];
      const space = this.#buffer.length - this.#filled;
      if (typeof segment === 'string') {
        if (segment.length > space) break;
        this.#filled += this.#buffer.write(segment, this.#filled, 'latin1');
        continue;
      }
      const position = segment.from + this.#done;
      if (position === segment.to) {
        this.#done = 0;
        continue;
      }
      if (space === 0) break;
      this.#reading = true;
      fs.read(fd, this.#buffer, this.#filled, Math.min(space, segment.to - position), position, this.#onRead);
      return;
    }
    this.#ship();
  }

  readonly #onRead = (error: Error | null, bytes: number): void => {
    this.#reading = false;
    if (this.#gone) {
      closeFile(this.#body.fd);
      return;
    }
    if (error !== null || bytes === 0) {
      this.#fail(error);
      return;
    }
    this.#filled += bytes;
    this.#done += bytes;
    this.read();
  };

  #ship(): void {
    const { client } = this.#exchange;
    const last = this.#index === this.#body.segments.length;
    if (last) this.#end();
    if (last && !this.#started) {
      client.sendWhole(this.#exchange, this.#buffer);
      return;
    }
    const more = this.#started ? client.write(this.#buffer, 0, this.#filled) : this.#start();
    this.#filled = 0;
    if (this.#gone) return;
    if (last) client.finish('');
    else if (more) this.read();
    else this.#waiting = true;
  }

  #start(): boolean {
    this.#started = true;
    this.#exchange.length = this.#body.length;
    return this.#exchange.client.start(this.#exchange, this.#buffer, 0, this.#filled, false);
  }

  /** The length was promised: an answer that cannot keep it must not look complete. */
  #fail(error: Error | null): void {
    this.#end();
    if (this.#started) {
      this.#exchange.client.abort('body_truncated');
      return;
    }
    this.#unsent(
      error === null ? 'the file became shorter while it was read' : `reading failed (${error.message})`,
    );
  }

  #end(): void {
    this.#exchange.producer = null;
    closeFile(this.#body.fd);
  }
}
