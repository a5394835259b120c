// The client's side of a connection that became bytes (after a 101).
import type { Socket } from 'node:net';
import type { Exchange, TunnelEnd } from '../exchange.ts';
import { copyOf } from '../shared/buffers.ts';

const HIGH_WATER_BYTES = 65_536;

export class TunnelSide {
  readonly #socket: Socket;
  readonly #exchange: Exchange;
  readonly #end: TunnelEnd;
  readonly #onDone: () => void;
  #done = false;

  constructor(socket: Socket, exchange: Exchange, end: TunnelEnd, onDone: () => void) {
    this.#socket = socket;
    this.#exchange = exchange;
    this.#end = end;
    this.#onDone = onDone;
  }

  onData(chunk: Buffer): void {
    this.#exchange.bodyBytesReceived += chunk.length;
    this.#end.onTunnelData(chunk);
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

  /** Small frames go as text: one write without a copy of their own. */
  write(piece: Buffer, from: number, to: number): boolean {
    this.#exchange.bodyBytesSent += to - from;
    if (this.#socket.destroyed) return true;
    if (to - from <= 4096) this.#socket.write(piece.latin1Slice(from, to), 'latin1');
    else this.#socket.write(copyOf(piece, from, to));
    return this.#socket.writableLength < HIGH_WATER_BYTES;
  }

  /** Both directions are done: closes once what was written is sent. */
  destroy(): void {
    if (this.#done) return;
    this.#done = true;
    this.#onDone();
    this.#socket.destroySoon();
  }
}
