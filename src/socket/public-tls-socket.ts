// A TLS connection on the handle of a public socket, which keeps what TLS has of its own: its handshake (done by now), its alerts, its end.
import type { TLSSocket } from 'node:tls';
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { SocketOwner } from './byte-socket.ts';
import type { Handles, StreamHandle } from './node-handles.ts';
import { TlsHandleSocket } from './tls-handle-socket.ts';

export class PublicTlsSocket extends TlsHandleSocket {
  readonly #socket: TLSSocket;
  readonly #nodeOnRead: StreamHandle['onread'];

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

  protected override get wire(): StreamHandle {
    return this.handle._parent ?? this.handle;
  }

  /** The public socket ends as if it had read by itself, and says so by its events. */
  protected override onReadEnd(): void {
    this.#nodeOnRead.call(this.handle);
  }

  protected override sayEnd(): void {
    this.#socket.end();
  }

  protected override closeWithNotice(): void {
    this.#socket.destroySoon();
  }

  protected override closeHandle(): void {
    this.#socket.destroy();
  }
}
