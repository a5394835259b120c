// Peers that answer what their case says.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { PeerAnswer, PeerCase } from './peer-case.ts';
import { readRequest } from './read-request.ts';

/** A peer that has said something wrong, and stays, goes after so long. */
const IDLE_MS = 150;

/** Cases under way by their tokens, and how many attempts each has seen. */
export class PeerCases {
  readonly #cases = new Map<string, { readonly input: PeerCase; attempts: number }>();

  begin(input: PeerCase): void {
    this.#cases.set(input.token, { input, attempts: 0 });
  }

  end({ token }: PeerCase): void {
    this.#cases.delete(token);
  }

  /** What to say to a request with this head; undefined when its case is over, as for one whose client has gone. */
  answerTo(head: string): PeerAnswer | undefined {
    const token = /tok-[0-9a-z]{13}-/.exec(head)?.[0] ?? '';
    const found = this.#cases.get(token);
    if (found === undefined) return undefined;
    const { answers } = found.input;
    return answers[Math.min(found.attempts++, answers.length - 1)];
  }
}

export class FuzzPeer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #cases: PeerCases;
  /** Answers that wait for the rest of their request. */
  readonly #waiting = new Map<Socket, PeerAnswer>();
  /** What came that was no request. */
  readonly wrong: string[] = [];

  private constructor(cases: PeerCases) {
    this.#cases = cases;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
  }

  static async start(host: string, cases: PeerCases): Promise<FuzzPeer> {
    const peer = new FuzzPeer(cases);
    await new Promise<void>((resolve) => peer.#server.listen(0, host, resolve));
    return peer;
  }

  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let pending = '';
    /** The request at the beginning of `pending` has its answer. */
    let isAnswered = false;
    /** Behind a handshake may come the bytes of a tunnel. */
    let mayBeTunnel = false;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#waiting.delete(socket);
    });
    socket.on('end', () => socket.end());
    socket.on('timeout', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      pending += bytes.latin1Slice();
      for (;;) {
        const request = readRequest(pending);
        if (request === null) return;
        if (request.head === '') {
          if (!mayBeTunnel && this.wrong.length < 10) this.wrong.push(pending.slice(0, 1000));
          return void socket.resetAndDestroy();
        }
        const isWhole = request.end >= 0;
        if (!isAnswered) {
          socket.setTimeout(0);
          isAnswered = this.#answer(socket, request.head, isWhole);
        }
        if (!isWhole) return;
        pending = pending.slice(request.end);
        isAnswered = false;
        mayBeTunnel ||= /\r\nupgrade: *websocket/i.test(request.head);
      }
    });
  }

  /** False when the answer waits for the body. */
  #answer(socket: Socket, head: string, isWhole: boolean): boolean {
    const waiting = this.#waiting.get(socket) ?? this.#cases.answerTo(head);
    if (waiting === undefined) {
      socket.resetAndDestroy();
      return true;
    }
    if (!isWhole && !waiting.early) {
      this.#waiting.set(socket, waiting);
      return false;
    }
    this.#waiting.delete(socket);
    this.#say(socket, waiting, 0);
    return true;
  }

  /** The pieces one after the other, each in a turn of its own. */
  #say(socket: Socket, answer: PeerAnswer, piece: number): void {
    const { bytes, cuts, end, isGood } = answer;
    socket.write(bytes.slice(cuts[piece - 1] ?? 0, cuts[piece]), 'latin1');
    if (piece < cuts.length) return void setImmediate(() => this.#say(socket, answer, piece + 1));
    if (end === 'fin') socket.end();
    // What was written goes out first.
    else if (end === 'rst') socket.write('', () => socket.resetAndDestroy());
    // Somebody may wait for more, who has no limit for that.
    else if (!isGood) socket.setTimeout(IDLE_MS);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
