// A TLS connection on Node's own handle: bytes as in handle-socket.ts, while the public socket keeps what TLS has of its own: its
// handshake (done by now), its alerts, its end.
import type { TLSSocket } from 'node:tls';
import type { SocketOwner } from './byte-socket.ts';
import { HandleSocket } from './handle-socket.ts';
import type { Handles, StreamHandle } from './node-handles.ts';

export class TlsHandleSocket extends HandleSocket {
  readonly #socket: TLSSocket;
  readonly #nodeOnRead: StreamHandle['onread'];

  constructor(handles: Handles, socket: TLSSocket, handle: StreamHandle, owner: SocketOwner) {
    const nodeOnRead = handle.onread;
    super(handles, handle, owner);
    this.#socket = socket;
    this.#nodeOnRead = nodeOnRead;
    socket.on('error', (error) => {
      // 'close' follows.
      this.error = error;
    });
    socket.on('end', () => {
      this.ended = true;
      this.owner.onEnd();
    });
    socket.on('close', () => {
      this.closed = true;
      this.onClosed();
    });
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
