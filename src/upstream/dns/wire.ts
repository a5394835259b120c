// The way to one name server: questions by UDP, and by TCP what does not fit there. Sockets are open only while an answer is awaited.
import { createSocket, type Socket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { type Answer, decodeAnswer } from './message.ts';

export interface NameServer {
  readonly host: string;
  readonly port: number;
}

export type OnAnswer = (answer: Answer) => void;

/** What an answer is: its length stands before it. */
const LENGTH_BYTES = 2;
const TCP_MS = 5000;

export class NameServerWire {
  readonly #server: NameServer;
  readonly #onAnswer: OnAnswer;
  #socket: Socket | null = null;
  /** Questions whose answers are awaited, kept until the socket is there. */
  #waiting: Buffer[] = [];
  #connected = false;

  constructor(server: NameServer, onAnswer: OnAnswer) {
    this.#server = server;
    this.#onAnswer = onAnswer;
  }

  send(question: Buffer): void {
    if (this.#socket === null) this.#open();
    if (this.#connected) this.#socket?.send(question, () => {});
    else this.#waiting.push(question);
  }

  #open(): void {
    const { host, port } = this.#server;
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    this.#socket = socket;
    // Nobody answers there, or not yet: it is asked again.
    socket.on('error', () => {});
    socket.on('message', (bytes) => {
      const answer = decodeAnswer(bytes);
      if (answer !== null) this.#onAnswer(answer);
    });
    // From nobody else does an answer reach us then.
    socket.connect(port, host, (error?: Error) => {
      if (error !== undefined || this.#socket !== socket) return;
      this.#connected = true;
      for (const question of this.#waiting.splice(0)) socket.send(question, () => {});
    });
  }

  /** Nothing is awaited any more. */
  rest(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#connected = false;
    this.#waiting = [];
    socket?.close();
  }

  /** The same question once more, by TCP. */
  sendWhole(question: Buffer): void {
    const socket = connect({ ...this.#server, timeout: TCP_MS });
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt16BE(question.length);
    let got = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('timeout', () => socket.destroy());
    socket.on('connect', () => socket.write(Buffer.concat([length, question])));
    socket.on('data', (bytes: Buffer) => {
      got = Buffer.concat([got, bytes]);
      if (got.length < LENGTH_BYTES || got.length < LENGTH_BYTES + got.readUInt16BE(0)) return;
      socket.destroy();
      const answer = decodeAnswer(got.subarray(LENGTH_BYTES, LENGTH_BYTES + got.readUInt16BE(0)));
      if (answer !== null && !answer.truncated) this.#onAnswer(answer);
    });
  }
}
