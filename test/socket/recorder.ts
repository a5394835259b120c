// The owner of a socket under test: counts and hashes what comes, writes down every call, and refuses calls that may not come.
import { createHash, type Hash } from 'node:crypto';
import type { ByteSocket } from '../../src/socket/byte-socket.ts';
import type { ConnectOwner } from '../../src/socket/connect-socket.ts';

export class Recorder implements ConnectOwner {
  /** 'end', 'drained' and 'closed' or 'closed CODE', in their order. */
  readonly calls: string[] = [];
  /** What no socket may do; empty in the end. */
  readonly wrongs: string[] = [];
  received = 0;
  readonly #hash: Hash = createHash('sha256');
  #socket: ByteSocket | null = null;
  #waiting: (() => void)[] = [];
  /** More to do in a call. */
  bytes: (buf: Buffer, length: number, socket: ByteSocket) => void = () => {};
  ended: (socket: ByteSocket) => void = () => {};
  drained: (socket: ByteSocket) => void = () => {};
  closed: () => void = () => {};
  onConnected: (socket: ByteSocket) => void = () => {};
  onNotConnected: (error: NodeJS.ErrnoException) => void = () => {};

  /** Takes note of the socket that it owns. */
  of(socket: ByteSocket): ByteSocket {
    this.#socket = socket;
    return socket;
  }

  get isClosed(): boolean {
    return this.calls.some((call) => call.startsWith('closed'));
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  onBytes(buf: Buffer, length: number): void {
    this.#check('onBytes');
    if (this.calls.includes('end')) this.wrongs.push('onBytes after onEnd');
    if (length <= 0 || length > buf.length) this.wrongs.push(`a length of ${length}`);
    this.received += length;
    this.#hash.update(buf.subarray(0, length));
    if (this.#socket !== null) this.bytes(buf, length, this.#socket);
    // It was lent: what is kept of it without a copy is now wrong.
    buf.fill(0xee, 0, length);
    this.#wake();
  }

  onEnd(): void {
    this.#check('onEnd');
    if (this.calls.includes('end')) this.wrongs.push('onEnd twice');
    this.#note('end');
    if (this.#socket !== null) this.ended(this.#socket);
  }

  onDrained(): void {
    this.#check('onDrained');
    if ((this.#socket?.pendingBytes ?? 0) > 0) this.wrongs.push('onDrained while bytes wait');
    this.#note('drained');
    if (this.#socket !== null) this.drained(this.#socket);
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#check('onClosed');
    if (this.#socket !== null && !this.#socket.closed) this.wrongs.push('onClosed of a socket that is open');
    this.#note(error === null ? 'closed' : `closed ${error.code}`);
    this.closed();
  }

  #check(call: string): void {
    if (this.isClosed) this.wrongs.push(`${call} after onClosed`);
  }

  #note(call: string): void {
    this.calls.push(call);
    this.#wake();
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }

  /** Resolves when `test` holds after a call; rejects with `what` after `ms`. */
  until(test: () => boolean, what: string, ms = 5000): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((other) => other !== check);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`${what}: not within ${ms} ms; ${this.received} bytes, ${this.calls.join(', ')}`));
      }, ms);
      const check = (): void => {
        if (!test()) return;
        done();
        resolve();
      };
      this.#waiting.push(check);
      check();
    });
  }

  /** Resolves with the last call when the socket is gone. */
  async gone(): Promise<string> {
    await this.until(() => this.isClosed, 'onClosed');
    // What may not come would come soon.
    await new Promise((resolve) => setTimeout(resolve, 20));
    return this.calls[this.calls.length - 1];
  }
}
