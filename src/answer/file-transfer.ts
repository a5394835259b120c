// Sends an open file, or parts of it, to the client: one buffer per transfer, filled again only when the client took the
// last fill. Closes the file on every way out.
//
// No second buffer is filled ahead: a client that does not take a piece at once has full socket buffers, which keep it busy
// for longer than the next read lasts.
import fs from 'node:fs';
import type { Exchange } from '../exchange/exchange.ts';
import { ENOUGH, type Flow, GO, LAST, type Source, WAIT } from '../exchange/flow.ts';
import type { Segment } from '../http/answer-head.ts';

/** What is to be sent of a file. */
export interface FileParts {
  readonly segments: readonly Segment[];
  /** Bytes of all segments together. */
  readonly length: number;
}

/** A body made of an open file. */
export interface FileBody extends FileParts {
  readonly fd: number;
}

/** Who wants to hear of a transfer. */
export interface TransferEvents {
  /** A body that is sent whole was read and is about to be sent; the file is still open, and the buffer is the listener's to keep. */
  readonly read: ((body: Buffer) => void) | null;
  /** Nothing was sent: the file cannot be read to the promised length. */
  readonly unsent: (message: string) => void;
}

/** Up to this length a body is read into a buffer of its own and sent together with its head. */
export const WHOLE_BYTES = 65_536;

/** What is read at once of a longer body. Larger pieces fall out of the processor's cache between reading and sending. */
export const PIECE_BYTES = 262_144;

/** Buffers of ended transfers, for the next ones; what ends beyond is left to the garbage collector. */
const spareBuffers: Buffer[] = [];
const MAX_SPARE = 8;

/** Sends `body` with `exchange.status` and `exchange.lines` as they are. */
export function sendFile(exchange: Exchange, body: FileBody, events: TransferEvents): void {
  const transfer = new FileTransfer(exchange, body, events);
  exchange.setMaker(transfer);
  transfer.read();
}

class FileTransfer implements Source {
  /** A client that has nothing more to ask still waits for its file. */
  readonly survivesHalfClose = true;
  readonly isPrompt = true;
  readonly #exchange: Exchange;
  readonly #body: FileBody;
  readonly #events: TransferEvents;
  readonly #whole: boolean;
  readonly #buffer: Buffer;
  #filled = 0;
  /** Segment that is being read, and how much of it was. */
  #index = 0;
  #done = 0;
  #started = false;
  #gone = false;
  #reading = false;
  #waiting = false;
  /** The client's socket may still read from the buffer. */
  #lent = false;

  constructor(exchange: Exchange, body: FileBody, events: TransferEvents) {
    this.#exchange = exchange;
    this.#body = body;
    this.#events = events;
    this.#whole = body.length <= WHOLE_BYTES;
    // A slice of Node's common pool would keep its neighbours in memory for as long as a copy of the file is kept.
    this.#buffer = this.#whole
      ? Buffer.allocUnsafeSlow(body.length)
      : (spareBuffers.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES));
  }

  onDrain(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#lent = false;
    // Filled: the head alone was more than the client took.
    if (this.#filled > 0) this.#write();
    else this.read();
  }

  onGone(): void {
    if (this.#gone) return;
    this.#gone = true;
    // A descriptor closed during a read could be given to another file before the read happens.
    if (!this.#reading) this.#release();
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
    if (this.#whole) this.#sendWhole();
    else this.#send();
  }

  readonly #onRead = (error: Error | null, bytes: number): void => {
    if (!this.#reading) return;
    this.#reading = false;
    if (this.#gone) {
      this.#release();
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

  #sendWhole(): void {
    const x = this.#exchange;
    const body = this.#buffer;
    this.#events.read?.(body);
    this.#release();
    if (x.sink === x.root && x.length >= 0) x.root.sendWhole(this, x, body);
    else x.sink.start(this, x, body, 0, body.length, LAST);
  }

  #send(): void {
    if (!this.#started) {
      this.#started = true;
      if (!this.#goesOn(this.#exchange.sink.start(this, this.#exchange, null, 0, 0, 0))) return;
    }
    this.#write();
  }

  #write(): void {
    const { sink } = this.#exchange;
    this.#lent = true;
    const flow = sink.writeKept(this, this.#buffer, 0, this.#filled, 0);
    if (this.#gone) return;
    this.#lent = flow === WAIT;
    this.#filled = 0;
    if (this.#index === this.#body.segments.length) {
      this.#release();
      sink.finish(this, '');
    } else if (this.#goesOn(flow)) {
      this.read();
    }
  }

  /** Whether the sink takes more now. */
  #goesOn(flow: Flow): boolean {
    if (this.#gone) return false;
    this.#waiting = flow === WAIT;
    if (flow === ENOUGH) this.onGone();
    return flow === GO;
  }

  /** The length was promised: an answer that cannot keep it must not look complete. */
  #fail(error: Error | null): void {
    this.#release();
    if (this.#started) {
      this.#exchange.sink.abort(this, 'body_truncated');
      return;
    }
    this.#events.unsent(
      error === null ? 'the file became shorter while it was read' : `reading failed (${error.message})`,
    );
  }

  /** Once, when no read is under way. A buffer that is lent is left to the garbage collector. */
  #release(): void {
    this.#gone = true;
    closeFile(this.#body.fd);
    if (!this.#lent && !this.#whole && spareBuffers.length < MAX_SPARE) spareBuffers.push(this.#buffer);
  }
}

export function closeFile(fd: number): void {
  fs.close(fd, ignore);
}

/** Nothing was written, so there is nothing that a failing close could lose. */
function ignore(): void {}
