// In the place of socket.io where it is not installed: the beginning of its sessions (Engine.IO 4), by requests and by WebSocket.
import { createHash, randomBytes } from 'node:crypto';

export class Server {
  #sessions = new Set();

  constructor(server) {
    server.on('request', (request, response) => this.#answer(request, response));
    server.on('upgrade', (request, socket) => this.#upgrade(request, socket));
  }

  on() {}

  #answer(request, response) {
    request.resume();
    const sid = this.#sidOf(request);
    if (sid === null) return response.end(`0${JSON.stringify(this.#open(['websocket']))}`);
    if (this.#sessions.has(sid)) return response.end('ok');
    response.writeHead(400, { 'Content-Type': 'application/json' });
    response.end('{"code":1,"message":"Session ID unknown"}');
  }

  #sidOf({ url }) {
    return new URL(url, 'http://localhost').searchParams.get('sid');
  }

  #open(upgrades) {
    const sid = randomBytes(15).toString('base64url');
    this.#sessions.add(sid);
    return { sid, upgrades, pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 };
  }

  #upgrade(request, socket) {
    const sid = this.#sidOf(request);
    if (sid !== null && !this.#sessions.has(sid)) return socket.destroy();
    const key = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
    );
  }
}
