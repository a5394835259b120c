// After a 101: bytes both ways until both sides are done, each side held while the other is slow.
import type { ClientTunnel, Exchange, TunnelEnd } from '../exchange/exchange.ts';
import { StallWatch } from '../shared/stall-watch.ts';
import type { ConnectionOwner, PeerConnection } from '../upstream/connection.ts';

/** Times of a tunnel, in ms. */
export interface TunnelTimes {
  /** Nothing passes either way (proxy_read_timeout). */
  readonly idleMs: number;
  /** The peer takes nothing of what waits for it (proxy_send_timeout). */
  readonly sendMs: number;
}

export class Tunnel implements TunnelEnd, ConnectionOwner {
  readonly #exchange: Exchange;
  readonly #connection: PeerConnection;
  #client: ClientTunnel | null = null;
  readonly #times: TunnelTimes;
  readonly #watch: StallWatch;
  readonly #onClosed: () => void;
  #clientEnded = false;
  #peerEnded = false;
  #closed = false;

  constructor(exchange: Exchange, connection: PeerConnection, times: TunnelTimes, onClosed: () => void) {
    this.#exchange = exchange;
    this.#connection = connection;
    this.#times = times;
    this.#onClosed = onClosed;
    this.#watch = new StallWatch(connection, times.sendMs, () => this.#onStalled());
    connection.owner = this;
    connection.setTimeout(times.idleMs);
  }

  #onStalled(): void {
    this.#exchange.failure ??= 'send_timeout';
    this.#close();
    this.#connection.destroy();
  }

  /** Bytes that the peer sent right behind its 101. */
  begin(buf: Buffer, from: number, to: number): void {
    const x = this.#exchange;
    x.client.startTunnel(x, x.root.lookOn?.(this, x) ?? this);
    if (from < to) this.#toClient(buf, from, to);
  }

  onTunnelOpen(client: ClientTunnel): void {
    this.#client = client;
  }

  #toClient(buf: Buffer, from: number, to: number): void {
    this.#attempt().bytesReceived += to - from;
    if (this.#client?.write(buf, from, to) === false) this.#connection.pause();
  }

  #attempt() {
    return this.#exchange.attempts[this.#exchange.attempts.length - 1];
  }

  onPeerConnect(): void {}

  onPeerData(buf: Buffer, length: number): void {
    this.#connection.setTimeout(this.#times.idleMs);
    this.#toClient(buf, 0, length);
  }

  onPeerEnd(): void {
    this.#peerEnded = true;
    this.#client?.end();
    if (this.#clientEnded) this.#close();
  }

  onPeerClosed(): void {
    this.#close();
  }

  onBug(): void {
    this.#close();
  }

  onPeerDrain(): void {
    this.#watch.drained();
    this.#client?.resume();
  }

  onPeerTimeout(): void {
    this.#close();
  }

  onTunnelData(buf: Buffer, from: number, to: number): void {
    // A peer that takes nothing more has the idle time, whatever the client goes on to send.
    if (!this.#connection.sendFailed) this.#connection.setTimeout(this.#times.idleMs);
    this.#attempt().bytesSent += to - from;
    this.#connection.writeFramed('', buf, from, to, '');
    this.#watch.wrote(to - from);
    if (this.#connection.mustWait) this.#client?.pause();
  }

  onTunnelEnd(): void {
    this.#clientEnded = true;
    if (this.#peerEnded) this.#close();
    else this.#connection.end();
  }

  onTunnelDrain(): void {
    this.#connection.resume();
  }

  onTunnelClosed(): void {
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.end();
    this.#connection.finish(this.#times.sendMs);
    this.#client?.destroy();
    this.#onClosed();
  }
}
