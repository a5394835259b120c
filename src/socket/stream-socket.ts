// A connected socket on Node's public classes: TLS, and everything where handles cannot be had.
import type { Socket } from 'node:net';
import { copyOf } from '../shared/buffers.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { type ByteSocket, HIGH_WATER_BYTES, plainAddress, type SocketOwner } from './byte-socket.ts';
import { framed } from './out-buffer.ts';

export class StreamSocket implements ByteSocket {
  readonly #socket: Socket;
  #owner: SocketOwner;
  readonly remoteAddress: string;
  readonly remotePort: number;
  #closing = false;
  #waiting = false;
  #error: NodeJS.ErrnoException | null = null;

  /** Takes over a connected socket, made with `allowHalfOpen`. */
  constructor(socket: Socket, owner: SocketOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.remoteAddress = plainAddress(socket.remoteAddress ?? '');
    this.remotePort = socket.remotePort ?? 0;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => this.#guard(() => this.#owner.onBytes(chunk, chunk.length));
  readonly #onEnd = (): void => this.#guard(() => this.#owner.onEnd());
  readonly #onError = (error: Error): void => {
    this.#error = error;
    // An error of TLS itself leaves the connection open.
    this.#socket.destroy();
  };
  readonly #onClose = (): void => this.#guard(() => this.#owner.onClosed(this.#error));

  /** From now on somebody else is told; called inside of the present owner's calls, or before the first. */
  giveTo(owner: SocketOwner): void {
    this.#owner = owner;
  }

  /** The public socket belongs to who calls, paused. Of this one nothing is heard any more. */
  release(): Socket {
    const socket = this.#socket.pause();
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    return socket;
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      rethrowLater(error);
      this.destroy();
    }
  }

  get localAddress(): string {
    return plainAddress(this.#socket.localAddress ?? '');
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  get mustWait(): boolean {
    return this.#socket.writableLength >= HIGH_WATER_BYTES;
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  get ended(): boolean {
    return this.#socket.readableEnded;
  }

  writeText(text: string): void {
    if (!this.#canWrite(text.length)) return;
    this.#socket.write(text, 'latin1', this.#onWritten);
    this.#sent();
  }

  writeFramed(before: string | Buffer, buf: Buffer, from: number, to: number, after: string): void {
    const length = before.length + to - from + after.length;
    if (!this.#canWrite(length)) return;
    this.#socket.write(copyOf(framed(before, buf, from, to, after), 0, length), this.#onWritten);
    this.#sent();
  }

  writeKept(buf: Buffer): void {
    if (!this.#canWrite(buf.length)) return;
    this.#socket.write(buf, this.#onWritten);
    this.#sent();
  }

  #canWrite(length: number): boolean {
    return length > 0 && !this.#closing && this.#socket.writable;
  }

  #sent(): void {
    if (this.#socket.writableLength > 0) this.#waiting = true;
  }

  readonly #onWritten = (): void => {
    if (!this.#waiting || this.#closing || this.#socket.writableLength > 0 || this.#socket.destroyed) return;
    this.#waiting = false;
    this.#guard(() => this.#owner.onDrained());
  };

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  closeSoon(): void {
    this.#closing = true;
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  reset(): void {
    const socket = this.#socket;
    // Only TCP can be reset, and not behind our FIN. A TLS connection without close_notify and last chunk is as clear.
    const begun = socket.writableEnded && socket.writableLength === 0;
    if ('encrypted' in socket || this.remoteAddress === '' || begun) socket.destroy();
    else socket.resetAndDestroy();
  }
}
