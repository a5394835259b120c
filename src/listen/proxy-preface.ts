// A connection to a TLS port before which the PROXY protocol is spoken: reads its head, then the handshake begins. One timer, as there.
import { type ProxyHead, readProxyHead } from '../http/proxy-protocol.ts';
import { copyOf } from '../shared/buffers.ts';
import { joined } from '../shared/joined.ts';
import type { Listed } from '../shared/roster.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import { type Accepted, type OwnedSocket, socketOf } from '../socket/accepted.ts';
import type { SocketOwner } from '../socket/byte-socket.ts';
import { endSoon } from './fresh.ts';

/** Who takes the connection. */
export interface PrefaceHome {
  /** `rest` is what came behind the head, which is null where there is none to tell of. */
  onPreface(preface: ProxyPreface, head: ProxyHead | null, socket: OwnedSocket, rest: Buffer): void;
  /** The connection ended without. */
  onPrefaceClosed(preface: ProxyPreface): void;
}

export class ProxyPreface implements SocketOwner, Listed {
  rosterPlace = -1;
  readonly acceptedAtMs = wheel.nowMs;
  readonly #socket: OwnedSocket;
  readonly #home: PrefaceHome;
  readonly #deadline: Deadline;
  #read: Buffer | null = null;

  constructor(accepted: Accepted, timeoutMs: number, home: PrefaceHome) {
    this.#home = home;
    this.#deadline = new Deadline(() => this.destroy());
    this.#socket = socketOf(accepted, this);
    if (timeoutMs > 0) wheel.arm(this.#deadline, timeoutMs);
  }

  onBytes(buf: Buffer, length: number): void {
    const read = this.#read === null ? copyOf(buf, 0, length) : joined(this.#read, 0, buf, length);
    this.#read = read;
    const outcome = readProxyHead(read, 0, read.length);
    if (outcome.kind === 'more') return;
    if (outcome.kind === 'broken') return this.destroy();
    wheel.remove(this.#deadline);
    this.#home.onPreface(this, outcome.head, this.#socket, read.subarray(outcome.end));
  }

  onEnd(): void {
    this.destroy();
  }

  onDrained(): void {}

  onClosed(): void {
    wheel.remove(this.#deadline);
    this.#home.onPrefaceClosed(this);
  }

  /** The process stops: a client that says nothing is not waited for long. */
  drain(): void {
    if (this.#read === null) endSoon(this.#deadline, this.acceptedAtMs);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
