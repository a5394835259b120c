// Asks a running contender over kept connections, a given number of times: one request at a time, or as many as there are connections.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Question {
  readonly port: number;
  readonly tls: boolean;
  /** Whole requests, sent in turn. */
  readonly requests: readonly string[];
}

/** A connection on which one request follows the other. */
class Connection {
  readonly #socket: Socket;
  readonly #requests: readonly Buffer[];
  #next = 0;
  /** Bytes of an answer; the first one tells. */
  #answerBytes = 0;
  #have = 0;
  #head = '';
  #left = 0;
  #done: () => void = () => {};
  #failed: (error: Error) => void = () => {};

  constructor({ port, tls, requests }: Question) {
    const to = { port, host: '127.0.0.1' };
    this.#socket = tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect({ ...to, noDelay: true });
    this.#requests = requests.map((one) => Buffer.from(one, 'latin1'));
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#failed(error));
    this.#socket.on('close', () => this.#failed(new Error('the connection was closed')));
  }

  ask(times: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      this.#left = times;
      this.#send();
    });
  }

  #send(): void {
    this.#socket.write(this.#requests[this.#next]);
    this.#next = (this.#next + 1) % this.#requests.length;
  }

  #take(chunk: Buffer): void {
    this.#have += chunk.length;
    if (this.#answerBytes === 0) this.#learn(chunk);
    if (this.#answerBytes === 0 || this.#have < this.#answerBytes) return;
    if (this.#have > this.#answerBytes) this.#failed(new Error('an answer is longer than the first was'));
    this.#have = 0;
    this.#left--;
    if (this.#left === 0) this.#done();
    else this.#send();
  }

  #learn(chunk: Buffer): void {
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!this.#head.startsWith('HTTP/1.1 200 ')) this.#failed(new Error(`not answered: ${this.#head}`));
    this.#answerBytes = end + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(this.#head)?.[1] ?? 0);
  }

  end(): void {
    this.#done();
    this.#socket.destroy();
  }
}

/** `times` requests over so many connections that stay until `end`. */
export class Asker {
  readonly #connections: readonly Connection[];

  constructor(question: Question, connections: number) {
    this.#connections = Array.from({ length: connections }, () => new Connection(question));
  }

  async ask(times: number): Promise<void> {
    const each = Math.ceil(times / this.#connections.length);
    await Promise.all(this.#connections.map((one) => one.ask(each)));
  }

  end(): void {
    for (const one of this.#connections) one.end();
  }
}
