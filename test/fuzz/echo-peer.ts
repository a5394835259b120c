// A peer that does nothing wrong, and takes nothing that is wrong: whatever clients say, what the program sends on must be HTTP.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { readRequest } from './read-request.ts';

export class EchoPeer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What came that was no request. */
  readonly wrong: string[] = [];

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
  }

  static async start(host: string): Promise<EchoPeer> {
    const peer = new EchoPeer();
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
    let isTunnel = false;
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      if (isTunnel) return void socket.write(bytes);
      pending += bytes.latin1Slice();
      for (;;) {
        const request = this.#read(pending);
        if (request === null) return;
        pending = pending.slice(request.length);
        isTunnel = request.upgrade;
        socket.write(request.answer, 'latin1');
        if (isTunnel) return;
      }
    });
  }

  /** The first request of the text, null when it is not complete. */
  #read(text: string): { length: number; answer: string; upgrade: boolean } | null {
    const request = readRequest(text);
    if (request === null || request.end < 0) return null;
    if (request.head === '') {
      if (this.wrong.length < 10) this.wrong.push(text.slice(0, 1000));
      return {
        length: text.length,
        answer: 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n',
        upgrade: false,
      };
    }
    const { head, end } = request;
    if (/(?:^|\n)upgrade: *websocket\r/i.test(head)) {
      const answer = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
      return { length: end, answer, upgrade: true };
    }
    const body = `echo ${head.slice(0, head.indexOf('\r\n'))}`;
    const isHead = head.startsWith('HEAD ');
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${isHead ? '' : body}`;
    return { length: end, answer, upgrade: false };
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
