// TLS on Node's own handle: bytes as in handle-socket.ts, but a write is encrypted within its call and reported later in the same turn of
// the loop, and until then a second one would end the process. How the connection ends, its makes know.
import { copyOf } from '../shared/buffers.ts';
import { HandleSocket } from './handle-socket.ts';
import { framedText } from './out-buffer.ts';
import { isUnderWay, onWritten, takeMarkedRequest, type WriteRequest } from './write-request.ts';

/** Above it the end of a write is always asked for: TLS may need several goes. */
const SMALL_BYTES = 16_384;
/** What a connection says whose other side is gone; TLS does not tell more of a write that failed within its call. */
const BROKEN_PIPE = -32;

export abstract class TlsHandleSocket extends HandleSocket {
  /** The request of the last write, if that still has its mark. */
  #last: WriteRequest | null = null;
  #mark = 0;
  /** What was written while a write is under way. */
  #waiting: Buffer[] = [];

  /** TLS has a write whose end it has not reported. */
  get #busy(): boolean {
    return this.#last !== null && this.#last.mark === this.#mark && isUnderWay(this.#last);
  }

  protected override sendText(text: string): void {
    this.sendFramed(framedText(text));
  }

  protected override sendFramed(bytes: Buffer): void {
    if (this.#busy) this.#queue(copyOf(bytes, 0, bytes.length));
    else this.#encrypt(bytes);
  }

  protected override sendKept(buf: Buffer): void {
    if (this.#busy) this.#queue(buf);
    else this.#encrypt(buf);
  }

  #queue(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.pendingBytes += bytes.length;
    this.#askForEnd();
  }

  /** The end of the write under way comes to `onWritten`. */
  #askForEnd(): void {
    if (this.#last === null) return;
    this.#last.socket = this;
    this.#last.oncomplete = onWritten;
  }

  /** The bytes are the caller's again when it returns: what the kernel does not take waits encrypted. */
  #encrypt(bytes: Buffer): void {
    const req = takeMarkedRequest(this.handles);
    this.#last = req;
    this.#mark = req.mark;
    req.bytes = 0;
    const isSmall = bytes.length <= SMALL_BYTES;
    if (!isSmall) this.#askForEnd();
    const status = this.handle.writeBuffer(req, bytes);
    if (status !== 0) return this.fail(status, 'write');
    if (!isUnderWay(req)) {
      if (isSmall) this.fail(BROKEN_PIPE, 'write');
      return;
    }
    if (isSmall && this.wire.writeQueueSize === 0) return;
    req.bytes = bytes.length;
    this.pendingBytes += bytes.length;
    this.#askForEnd();
  }

  /** A write has gone: what was written meanwhile goes as the next one. */
  override onWritten(bytes: number, status: number): void {
    this.#last = null;
    if (status < 0 || this.closed || this.#waiting.length === 0) return super.onWritten(bytes, status);
    const next = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.pendingBytes -= bytes + next.length;
    this.#encrypt(next);
    if (this.pendingBytes === 0) super.onWritten(0, 0);
  }

  /** An end that overtakes a write would come without close_notify. */
  protected override shutDownHandle(done: () => void): void {
    if (this.#busy) this.#askForEnd();
    else this.sayEnd(done);
  }

  protected override closeCleanly(): void {
    if (this.#busy) this.#askForEnd();
    else if (!this.closed) this.closeWithNotice();
  }

  /** close_notify and FIN; `done` when they have gone. */
  protected abstract sayEnd(done: () => void): void;

  /** The same, and the connection is closed. With close_notify, by which the other side knows that nothing is missing. */
  protected abstract closeWithNotice(): void;

  /** Node cannot reset a TLS connection; without close_notify and last chunk it is as clear. */
  override reset(): void {
    this.destroy();
  }
}
