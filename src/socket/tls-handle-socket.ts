// A TLS connection on Node's own handle: bytes as in handle-socket.ts, while the public socket keeps what TLS has of its own: its
// handshake (done by now), its alerts, its end.
import type { TLSSocket } from 'node:tls';
import { copyOf } from '../shared/buffers.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { SocketOwner } from './byte-socket.ts';
import { HandleSocket } from './handle-socket.ts';
import type { Handles, StreamHandle } from './node-handles.ts';
import { framed } from './out-buffer.ts';

export class TlsHandleSocket extends HandleSocket {
  readonly #socket: TLSSocket;
  readonly #nodeOnRead: StreamHandle['onread'];
  /** What was written while a write is under way: Node's TLS handle takes one at a time, and a second one ends the process. */
  #waiting: Buffer[] = [];

  constructor(handles: Handles, socket: TLSSocket, handle: StreamHandle, owner: SocketOwner) {
    const nodeOnRead = handle.onread;
    super(handles, handle, owner);
    this.#socket = socket;
    this.#nodeOnRead = nodeOnRead;
    socket.on('error', (error) => {
      this.error = error;
      // An error of TLS itself leaves the connection open.
      this.destroy();
    });
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => {
      this.closed = true;
      this.onClosed();
    });
  }

  #onEnd(): void {
    this.ended = true;
    try {
      this.owner.onEnd();
    } catch (error) {
      rethrowLater(error);
      this.destroy();
    }
  }

  override writeText(text: string): void {
    if (this.pendingBytes === 0) super.writeText(text);
    else this.#queue(Buffer.from(text, 'latin1'));
  }

  override writeFramed(before: string, buf: Buffer, from: number, to: number, after: string): void {
    if (this.pendingBytes === 0) return super.writeFramed(before, buf, from, to, after);
    const bytes = framed(before, buf, from, to, after);
    this.#queue(copyOf(bytes, 0, bytes.length));
  }

  override writeKept(buf: Buffer): void {
    if (this.pendingBytes === 0) super.writeKept(buf);
    else this.#queue(buf);
  }

  #queue(bytes: Buffer): void {
    if (!this.canWrite(bytes.length)) return;
    this.#waiting.push(bytes);
    this.pendingBytes += bytes.length;
  }

  /** A write has gone: what was written meanwhile goes as the next one. */
  override onWritten(bytes: number, status: number): void {
    if (status < 0 || this.closed || this.#waiting.length === 0) return super.onWritten(bytes, status);
    const next = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.pendingBytes -= bytes + next.length;
    this.sendKept(next);
  }

  /** The public socket ends as if it had read by itself, and says so by its events. */
  protected override onReadEnd(): void {
    this.#nodeOnRead.call(this.handle);
  }

  protected override shutDownHandle(): void {
    this.#socket.end();
  }

  /** With close_notify, by which the client knows that nothing is missing. */
  protected override closeCleanly(): void {
    if (!this.closed) this.#socket.destroySoon();
  }

  protected override closeHandle(): void {
    this.#socket.destroy();
  }

  /** Node cannot reset a TLS connection; without close_notify and last chunk it is as clear. */
  override reset(): void {
    this.destroy();
  }
}
