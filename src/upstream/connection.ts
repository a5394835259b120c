// One connection to a peer. All of them read into one shared buffer, lent to the owner for the length of a call, so a busy pool
// costs no read buffers. Knows bytes and time, not HTTP; the codec objects it carries are the owner's, kept here to be used again.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Peer } from '../balance/peer.ts';
import { ChunkedDecoder } from '../http/chunked.ts';
import { ResponseHead } from '../http/response-head.ts';
import { READ_BYTES } from '../shared/buffers.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';

/** Who uses the connection at the moment: an attempt, or the idle pool. */
export interface ConnectionOwner {
  onPeerConnect(): void;
  /** `buf[0, length)` is lent: copy what must outlive the call. */
  onPeerData(buf: Buffer, length: number): void;
  /** The peer sent FIN. */
  onPeerEnd(): void;
  /** The connection is gone; `error` is null when it closed without one. */
  onPeerClosed(error: NodeJS.ErrnoException | null): void;
  onPeerDrain(): void;
  onPeerTimeout(): void;
}

const sharedReadBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** Connections of this process that are open, for tests and the live view. */
export let openPeerConnections = 0;

export class PeerConnection {
  readonly peer: Peer;
  readonly socket: Socket;
  readonly openedAt: number;
  owner: ConnectionOwner | null;
  /** The pool's, made on the first return. */
  idleOwner: ConnectionOwner | null = null;
  readonly head = new ResponseHead();
  readonly decoder = new ChunkedDecoder();
  /** Requests sent on it so far. */
  requests = 0;
  /** It comes from the pool: a failure before any answer byte may only mean that the peer closed it meanwhile. */
  reused = false;
  connected = false;
  closed = false;
  paused = false;
  readonly #deadline: Deadline;
  #error: NodeJS.ErrnoException | null = null;

  constructor(peer: Peer, owner: ConnectionOwner) {
    this.peer = peer;
    this.owner = owner;
    this.openedAt = wheel.nowMs;
    this.#deadline = new Deadline(() => this.#onTimeout());
    const socket = connect({
      ...target(peer),
      allowHalfOpen: true,
      noDelay: true,
      onread: {
        buffer: sharedReadBuffer,
        callback: (length: number, buf: Uint8Array) => this.#onRead(length, buf as Buffer),
      },
    } as NetConnectOpts);
    this.socket = socket;
    openPeerConnections++;
    socket.on('connect', () => {
      this.connected = true;
      this.#guard(() => this.owner?.onPeerConnect());
    });
    socket.on('end', () => this.#guard(() => this.owner?.onPeerEnd()));
    socket.on('drain', () => this.#guard(() => this.owner?.onPeerDrain()));
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => this.#onClose());
  }

  #onRead(length: number, buf: Buffer): boolean {
    try {
      this.owner?.onPeerData(buf, length);
    } catch (error) {
      this.#onBug(error);
    }
    return !this.paused;
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#onBug(error);
    }
  }

  /** The owner threw: to it the connection is lost, so that its exchange ends. */
  #onBug(error: unknown): void {
    rethrowLater(error);
    const owner = this.owner;
    this.destroy();
    owner?.onPeerClosed(null);
  }

  #onClose(): void {
    openPeerConnections--;
    this.closed = true;
    wheel.remove(this.#deadline);
    const owner = this.owner;
    this.owner = null;
    owner?.onPeerClosed(this.#error);
  }

  /** Calls the owner's `onPeerTimeout` unless re-armed within `ms`; 0 disarms. */
  setTimeout(ms: number): void {
    if (ms > 0) wheel.arm(this.#deadline, ms);
    else wheel.disarm(this.#deadline);
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  /** Closes it once what was written is sent, or after `ms`, without further word to the owner. */
  finish(ms: number): void {
    this.owner = null;
    if (this.closed) return;
    // A peer that takes nothing more has an end, too.
    if (this.socket.writableLength > 0) this.setTimeout(ms);
    else wheel.remove(this.#deadline);
    this.socket.destroySoon();
  }

  #onTimeout(): void {
    if (this.owner === null) this.socket.destroy();
    else this.owner.onPeerTimeout();
  }

  /** Ends it at once, without further word to the owner. */
  destroy(): void {
    this.owner = null;
    wheel.remove(this.#deadline);
    if (!this.closed) this.socket.destroy();
  }
}

function target(peer: Peer): { host: string; port: number } | { path: string } {
  const address = peer.config.address;
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
}
