// One connection to a peer. Knows bytes and time, not HTTP; the codec objects it carries are the owner's, kept here to be used again.
import type { Peer } from '../balance/peer.ts';
import { ChunkedDecoder } from '../http/chunked.ts';
import { responseHeads } from '../http/head-pool.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import type { ByteSocket } from '../socket/byte-socket.ts';
import {
  type Connecting,
  type ConnectOwner,
  type ConnectTarget,
  connectSocket,
} from '../socket/connect-socket.ts';
import type { Transport } from './transport.ts';

/** Who uses the connection at the moment: an attempt, or the idle pool. */
export interface ConnectionOwner {
  onPeerConnect(): void;
  /** `buf[0, length)` is lent: copy what must outlive the call. */
  onPeerData(buf: Buffer, length: number): void;
  /** The peer sent FIN. */
  onPeerEnd(): void;
  /** The connection is gone; `error` is null when it closed without one. */
  onPeerClosed(error: NodeJS.ErrnoException | null): void;
  /** This owner itself threw, which is told already: nobody is to be blamed. */
  onBug(): void;
  onPeerDrain(): void;
  onPeerTimeout(): void;
}

/** Connections of this process that are open, for tests and the live view. */
export let openPeerConnections = 0;

export class PeerConnection implements ConnectOwner {
  readonly peer: Peer;
  /** What it is carried by; null = plain TCP. */
  readonly transport: Transport | null;
  /** Where the pool keeps it and its like. */
  readonly stacks: Map<Peer, PeerConnection[]>;
  readonly openedAt: number;
  owner: ConnectionOwner | null;
  /** The pool's, made on the first return. */
  idleOwner: ConnectionOwner | null = null;
  #head: ResponseHead | null = null;
  #decoder: ChunkedDecoder | null = null;
  /** Requests sent on it so far. */
  requests = 0;
  /** It comes from the pool: a failure before any answer byte may only mean that the peer closed it meanwhile. */
  reused = false;
  /** The peer takes nothing more; what it had sent before is still read. */
  sendFailed = false;
  closed = false;
  #paused = false;
  #connecting: Connecting | null;
  #socket: ByteSocket | null = null;
  readonly #deadline: Deadline;

  constructor(
    peer: Peer,
    owner: ConnectionOwner,
    stacks: Map<Peer, PeerConnection[]>,
    transport: Transport | null,
  ) {
    this.peer = peer;
    this.stacks = stacks;
    this.transport = transport;
    this.owner = owner;
    this.openedAt = wheel.nowMs;
    this.#deadline = new Deadline(() => this.#onTimeout());
    openPeerConnections++;
    this.#connecting =
      transport === null ? connectSocket(target(peer), this) : transport.connect(target(peer), this);
  }

  /** The head of the present answer. */
  get head(): ResponseHead {
    this.#head ??= responseHeads.take();
    return this.#head;
  }

  get decoder(): ChunkedDecoder {
    this.#decoder ??= new ChunkedDecoder();
    return this.#decoder;
  }

  /** The exchange on it is over: nobody reads the head any more. */
  giveHeadBack(): void {
    if (this.#head === null) return;
    responseHeads.give(this.#head);
    this.#head = null;
  }

  /** Connected, and neither side has begun to end it. */
  get usable(): boolean {
    return this.#socket !== null && !this.#socket.closed && !this.#socket.ended && !this.sendFailed;
  }

  // Calls of the socket.

  onConnected(socket: ByteSocket): void {
    this.#connecting = null;
    this.#socket = socket;
    this.#guarded(CONNECTED);
  }

  onNotConnected(error: NodeJS.ErrnoException): void {
    this.#connecting = null;
    this.onClosed(error);
  }

  onBytes(buf: Buffer, length: number): void {
    try {
      this.owner?.onPeerData(buf, length);
    } catch (error) {
      this.#onBug(error);
    }
  }

  onEnd(): void {
    this.#guarded(ENDED);
  }

  onDrained(): void {
    this.#guarded(DRAINED);
  }

  /** An answer may be on its way all the same: many apps refuse a body by answering and closing. */
  onWriteFailed(): void {
    this.sendFailed = true;
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#forget();
    const owner = this.owner;
    this.owner = null;
    owner?.onPeerClosed(error);
  }

  #guarded(call: (owner: ConnectionOwner) => void): void {
    if (this.owner === null) return;
    try {
      call(this.owner);
    } catch (error) {
      this.#onBug(error);
    }
  }

  /** The owner threw: to it the connection is lost, so that its exchange ends. */
  #onBug(error: unknown): void {
    rethrowLater(error);
    const owner = this.owner;
    this.destroy();
    owner?.onBug();
  }

  #forget(): void {
    if (this.closed) return;
    this.closed = true;
    openPeerConnections--;
    wheel.remove(this.#deadline);
  }

  // Writing.

  /** Bytes that the kernel has not taken. */
  get pendingBytes(): number {
    return this.#socket?.pendingBytes ?? 0;
  }

  /** Nothing more should be written until `onPeerDrain`. */
  get mustWait(): boolean {
    return this.#socket?.mustWait ?? false;
  }

  writeText(text: string): void {
    this.#socket?.writeText(text);
  }

  /** One write; the buffer is the caller's again when the call returns. */
  writeFramed(before: string, buf: Buffer, from: number, to: number, after: string): void {
    this.#socket?.writeFramed(before, buf, from, to, after);
  }

  /** The buffer must stay as it is until `onPeerDrain`. */
  writeKept(buf: Buffer): void {
    this.#socket?.writeKept(buf);
  }

  // Time and flow.

  /** Calls the owner's `onPeerTimeout` unless re-armed within `ms`; 0 disarms. */
  setTimeout(ms: number): void {
    if (ms > 0) wheel.arm(this.#deadline, ms);
    else wheel.disarm(this.#deadline);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  /** Half-closes. */
  end(): void {
    this.#socket?.end();
  }

  /** Closes it once what was written is sent, or after `ms`, without further word to the owner. */
  finish(ms: number): void {
    this.owner = null;
    if (this.closed) return;
    if (this.#socket === null) return this.destroy();
    // A peer that takes nothing more has an end, too.
    if (this.#socket.pendingBytes > 0) this.setTimeout(ms);
    else wheel.remove(this.#deadline);
    this.#socket.closeSoon();
  }

  #onTimeout(): void {
    if (this.owner === null) this.destroy();
    else this.owner.onPeerTimeout();
  }

  /** Ends it at once, without further word to the owner. */
  destroy(): void {
    this.owner = null;
    wheel.remove(this.#deadline);
    if (this.#connecting !== null) {
      this.#connecting.cancel();
      this.#connecting = null;
      this.#forget();
    }
    this.#socket?.destroy();
  }
}

const CONNECTED = (owner: ConnectionOwner): void => owner.onPeerConnect();
const ENDED = (owner: ConnectionOwner): void => owner.onPeerEnd();
const DRAINED = (owner: ConnectionOwner): void => owner.onPeerDrain();

function target(peer: Peer): ConnectTarget {
  const address = peer.config.address;
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
}
