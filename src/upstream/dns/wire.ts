// The way to one name server: questions by UDP, and by TCP what does not fit there. Sockets are open only while an answer is awaited.
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { connect, isIPv6, type Socket } from 'node:net';
import { Deadline, wheel } from '../../shared/timer-wheel.ts';
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
  #socket: Datagrams | null = null;
  /** Questions whose answers are awaited, kept until the socket is there. */
  #waiting: Buffer[] = [];
  #connected = false;
  /** Questions that are asked by TCP. */
  readonly #whole = new Map<Buffer, Socket>();

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
    // Nobody answers there, or not yet: it is asked again, from a new socket where this one leads nowhere.
    socket.on('error', () => this.#lost(socket));
    socket.on('message', (bytes) => {
      const answer = decodeAnswer(bytes);
      if (answer !== null) this.#onAnswer(answer);
    });
    // From nobody else does an answer reach us then.
    socket.connect(port, host, (error?: Error) => {
      if (error !== undefined) return this.#lost(socket);
      if (this.#socket !== socket) return;
      this.#connected = true;
      for (const question of this.#waiting.splice(0)) socket.send(question, () => {});
    });
  }

  #lost(socket: Datagrams): void {
    if (this.#socket === socket && !this.#connected) this.#close();
  }

  /** Nothing is awaited any more. */
  rest(): void {
    this.#close();
    for (const socket of this.#whole.values()) socket.destroy();
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#connected = false;
    this.#waiting = [];
    socket?.close();
  }

  /** The same question once more, by TCP; where that is under way already it is enough. */
  sendWhole(question: Buffer): void {
    if (this.#whole.has(question)) return;
    const socket = connect({ host: this.#server.host, port: this.#server.port });
    this.#whole.set(question, socket);
    // For all of it: bytes that drip in are no reason to wait longer.
    const deadline = new Deadline(() => socket.destroy());
    wheel.arm(deadline, TCP_MS);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt16BE(question.length);
    let got = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('close', () => {
      wheel.remove(deadline);
      if (this.#whole.get(question) === socket) this.#whole.delete(question);
    });
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
