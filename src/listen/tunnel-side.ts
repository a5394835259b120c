// The client's side of a connection that became bytes (after a 101).
import type { Exchange, TunnelEnd } from '../exchange.ts';
import type { ByteSocket } from '../socket/byte-socket.ts';

export class TunnelSide {
  readonly #socket: ByteSocket;
  readonly #exchange: Exchange;
  readonly #end: TunnelEnd;
  readonly #onDone: () => void;
  #done = false;

  constructor(socket: ByteSocket, exchange: Exchange, end: TunnelEnd, onDone: () => void) {
    this.#socket = socket;
    this.#exchange = exchange;
    this.#end = end;
    this.#onDone = onDone;
  }

  onBytes(buf: Buffer, from: number, to: number): void {
    this.#exchange.bodyBytesReceived += to - from;
    this.#end.onTunnelData(buf, from, to);
  }

  onEnd(): void {
    this.#end.onTunnelEnd();
  }

  onDrain(): void {
    this.#end.onTunnelDrain();
  }

  onClosed(): void {
    this.#end.onTunnelClosed();
  }

  write(piece: Buffer, from: number, to: number): boolean {
    this.#exchange.bodyBytesSent += to - from;
    this.#socket.writeFramed('', piece, from, to, '');
    return !this.#socket.mustWait;
  }

  /** Both directions are done: closes once what was written is sent. */
  destroy(): void {
    if (this.#done) return;
    this.#done = true;
    this.#onDone();
    this.#socket.closeSoon();
  }
}
