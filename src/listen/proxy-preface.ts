// A connection to a TLS port before which the PROXY protocol is spoken: reads its head, then the handshake begins. One timer, as there.
import type { Socket } from 'node:net';
import { type ProxyHead, readProxyHead } from '../http/proxy-protocol.ts';
import { joined } from '../shared/joined.ts';
import type { Listed } from '../shared/roster.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import { endSoon } from './fresh.ts';

export class ProxyPreface implements Listed {
  rosterPlace = -1;
  readonly #acceptedAtMs = wheel.nowMs;
  readonly #socket: Socket;
  readonly #done: (head: ProxyHead | null | undefined) => void;
  readonly #deadline: Deadline;
  #read: Buffer | null = null;

  /** `done` gets the head, null where there is none to tell of, undefined where the connection ended without. */
  constructor(socket: Socket, timeoutMs: number, done: (head: ProxyHead | null | undefined) => void) {
    this.#socket = socket;
    this.#done = done;
    this.#deadline = new Deadline(() => this.destroy());
    if (timeoutMs > 0) wheel.arm(this.#deadline, timeoutMs);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClosed);
    socket.on('error', ignore);
  }

  readonly #onData = (chunk: Buffer): void => {
    const read = this.#read === null ? chunk : joined(this.#read, 0, chunk, chunk.length);
    this.#read = read;
    const outcome = readProxyHead(read, 0, read.length);
    if (outcome.kind === 'more') return;
    if (outcome.kind === 'broken') return this.destroy();
    const socket = this.#socket;
    wheel.remove(this.#deadline);
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClosed);
    socket.pause();
    if (outcome.end < read.length) socket.unshift(read.subarray(outcome.end));
    this.#done(outcome.head);
    socket.off('error', ignore);
    socket.resume();
  };

  readonly #onEnd = (): void => this.destroy();

  readonly #onClosed = (): void => {
    wheel.remove(this.#deadline);
    this.#done(undefined);
  };

  /** The process stops: a client that says nothing is not waited for long. */
  drain(): void {
    if (this.#read === null) endSoon(this.#deadline, this.#acceptedAtMs);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** What went wrong ends the connection, and 'close' says so. */
function ignore(): void {}
