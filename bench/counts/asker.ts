// Asks a running contender a given number of times, one request at a time or as many as there are connections: over kept connections, or
// each over one of its own.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Question {
  readonly port: number;
  readonly tls: boolean;
  /** Whole requests, sent in turn. */
  readonly requests: readonly string[];
  /** Whether each comes over a connection of its own, which ends with its answer. */
  readonly fresh: boolean;
}

interface Asking {
  ask(times: number): Promise<void>;
  end(): void;
}

function open({ port, tls }: Question): Socket {
  const to = { port, host: '127.0.0.1' };
  return tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect({ ...to, noDelay: true });
}

/** A connection on which one request follows the other. */
class Connection implements Asking {
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

  constructor(question: Question) {
    this.#socket = open(question);
    this.#requests = question.requests.map((one) => Buffer.from(one, 'latin1'));
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

/** Connections that follow each other, a request on each. The server ends them, but a tunnel, which we leave once it stands. */
class Comers implements Asking {
  readonly #question: Question;
  #next = 0;

  constructor(question: Question) {
    this.#question = question;
  }

  async ask(times: number): Promise<void> {
    for (let i = 0; i < times; i++) await this.#come();
  }

  #come(): Promise<void> {
    const { requests } = this.#question;
    const socket = open(this.#question);
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (answer.startsWith('HTTP/1.1 101 ')) socket.end();
    });
    socket.write(requests[this.#next], 'latin1');
    this.#next = (this.#next + 1) % requests.length;
    return new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', () => {
        if (/^HTTP\/1\.1 (?:200|101) /.test(answer)) resolve();
        else reject(new Error(`not answered: ${answer}`));
      });
    });
  }

  end(): void {}
}

/** `times` requests over so many connections at a time. */
export class Asker {
  readonly #connections: readonly Asking[];

  constructor(question: Question, connections: number) {
    this.#connections = Array.from({ length: connections }, () =>
      question.fresh ? new Comers(question) : new Connection(question),
    );
  }

  async ask(times: number): Promise<void> {
    const each = Math.ceil(times / this.#connections.length);
    await Promise.all(this.#connections.map((one) => one.ask(each)));
  }

  end(): void {
    for (const one of this.#connections) one.end();
  }
}
