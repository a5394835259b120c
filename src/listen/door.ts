// Whether there is room for another client. A few descriptors are kept back: with none left the kernel's queue is emptied by libuv without
// a word, logs and files cannot be opened, and nobody can say why. Who comes then gets a 503 instead, and the log has the cause.
import { descriptorLimit } from '../shared/descriptor-limit.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import { type Accepted, descriptorOf, socketOf, turnAway } from '../socket/accepted.ts';
import type { ByteSocket, SocketOwner } from '../socket/byte-socket.ts';

/** Kept back of all descriptors; half of them for 503s on their way, half for connections to peers, files and logs. */
const RESERVE = 32;
/** How long a client that is refused may take to read why. */
const REFUSAL_MS = 1000;
/** The log hears of it as often. */
const TELL_MS = 1000;

const REFUSAL =
  'HTTP/1.1 503 Service Temporarily Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 20\r\nRetry-After: 1\r\nConnection: close\r\n\r\nno room for clients\n';

export class Door {
  readonly #limit: number;
  readonly #tell: (message: string) => void;
  /** Runs while something was told of less than a second ago. */
  readonly #silence = new Deadline(() => this.#tellAgain());
  /** Not told of yet, and why the last of them was. */
  #turnedAway = 0;
  #why = '';

  /** `limit` is how many descriptors the process may have; `tell` gets a message for the error log. */
  constructor(
    tell: (message: string) => void,
    limit: number = descriptorLimit() ?? Number.POSITIVE_INFINITY,
  ) {
    this.#tell = tell;
    this.#limit = limit;
  }

  /** True: there is room. Otherwise the client was refused: by a 503 where it does not speak TLS (`plain`). */
  lets(accepted: Accepted, connections: number, maxConnections: number, plain: boolean): boolean {
    const reserve = Math.min(RESERVE, this.#limit / 4);
    // The kernel gives the lowest number that is free: close to the limit nearly all are taken.
    const descriptor = descriptorOf(accepted);
    const noDescriptor = descriptor >= this.#limit - reserve;
    if (!noDescriptor && connections < maxConnections) return true;
    if (plain) new Refusal(accepted).send(descriptor < this.#limit - reserve / 2);
    else turnAway(accepted);
    this.#report(
      noDescriptor
        ? `all but the last of ${this.#limit} file descriptors are in use: raise the limit (ulimit -n, LimitNOFILE=)`
        : `worker_connections ${maxConnections} are in use: raise it`,
    );
    return false;
  }

  #report(why: string): void {
    this.#turnedAway++;
    this.#why = why;
    if (this.#silence.at === 0) this.#tellAgain();
  }

  #tellAgain(): void {
    if (this.#turnedAway === 0) return;
    this.#tell(
      `${this.#why}, or let clients go sooner (keepalive_timeout); new clients turned away since the last such line: ${this.#turnedAway}`,
    );
    this.#turnedAway = 0;
    wheel.arm(this.#silence, TELL_MS);
  }
}

/** A client that is told to come again: its own bytes are read and dropped, so that no reset overtakes the answer. */
class Refusal implements SocketOwner {
  readonly #socket: ByteSocket;
  readonly #deadline: Deadline;

  constructor(accepted: Accepted) {
    this.#socket = socketOf(accepted, this);
    this.#deadline = new Deadline(() => this.#socket.destroy());
  }

  /** Without `waits` the descriptor is needed at once: what the client has sent by then may reset the connection. */
  send(waits: boolean): void {
    this.#socket.writeText(REFUSAL);
    if (!waits) return this.#socket.closeSoon();
    wheel.arm(this.#deadline, REFUSAL_MS);
    this.#socket.end();
  }

  onBytes(): void {}
  onDrained(): void {}

  onEnd(): void {
    this.#socket.destroy();
  }

  onClosed(): void {
    wheel.remove(this.#deadline);
  }
}
