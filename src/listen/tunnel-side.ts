// The client's side of a connection that became bytes (after a 101).
import type { ClientTunnel, Exchange, TunnelEnd } from '../exchange/exchange.ts';
import { StallWatch } from '../shared/stall-watch.ts';
import type { ByteSocket } from '../socket/byte-socket.ts';

export class TunnelSide implements ClientTunnel {
  readonly #socket: ByteSocket;
  readonly #exchange: Exchange;
  readonly #end: TunnelEnd;
  readonly #onDone: () => void;
  /** send_timeout: the time-out of the peer's side is moved by every byte of the client. */
  readonly #watch: StallWatch;
  #done = false;

  constructor(socket: ByteSocket, exchange: Exchange, end: TunnelEnd, onDone: () => void) {
    this.#socket = socket;
    this.#exchange = exchange;
    this.#end = end;
    this.#onDone = onDone;
    this.#watch = new StallWatch(socket, exchange.location.client.sendTimeoutMs, () => this.#onStalled());
  }

  onBytes(buf: Buffer, from: number, to: number): void {
    this.#exchange.bodyBytesReceived += to - from;
    this.#end.onTunnelData(buf, from, to);
  }

  onEnd(): void {
    this.#end.onTunnelEnd();
  }

  onDrain(): void {
    this.#watch.drained();
    this.#end.onTunnelDrain();
  }

  #onStalled(): void {
    this.#exchange.failure ??= 'client_send_timeout';
    this.#socket.destroy();
  }

  onClosed(): void {
    this.#watch.end();
    this.#end.onTunnelClosed();
  }

  write(piece: Buffer, from: number, to: number): boolean {
    if (this.#done) return true;
    this.#exchange.bodyBytesSent += to - from;
    this.#socket.writeFramed('', piece, from, to, '');
    this.#watch.wrote(to - from);
    return !this.#socket.mustWait;
  }

  end(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    if (this.#done) return;
    this.#done = true;
    this.#watch.end();
    this.#onDone();
    this.#socket.closeSoon();
  }
}
