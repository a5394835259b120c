// The client of the WebSocket load, a process of its own: node websocket-client.ts '{"port":…,"connections":…,"bytes":…,"seconds":…}'
// Every connection has one message under way. The first echo of each is compared byte by byte, the later ones by length.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { Latencies } from './latencies.ts';
import { frameLength, maskedFrame, payloadOf } from './websocket-frame.ts';

export interface WebsocketOptions {
  readonly port: number;
  readonly connections: number;
  /** Bytes of a message's payload. */
  readonly bytes: number;
  readonly seconds: number;
}

const options: WebsocketOptions = JSON.parse(process.argv[2]);
const UPGRADE =
  `GET /echo HTTP/1.1\r\nHost: 127.0.0.1:${options.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`;
const payload = randomBytes(options.bytes);
const message = maskedFrame(payload, randomBytes(4));
const OPEN_WITHIN_MS = 10_000;
const latencies = new Latencies();
let failures = 0;
let timed = false;
let stopped = false;

/** An upgraded connection whose first echo was right. */
function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
    let bytes: Buffer = Buffer.alloc(0);
    let upgraded = false;
    const fail = (): void =>
      reject(new Error(`no echo through the proxy: ${bytes.toString('latin1').slice(0, 200)}`));
    socket.once('error', reject).once('close', fail);
    socket.on('data', function first(chunk: Buffer): void {
      bytes = Buffer.concat([bytes, chunk]);
      if (!upgraded) {
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!bytes.toString('latin1').startsWith('HTTP/1.1 101 ')) return fail();
        upgraded = true;
        bytes = bytes.subarray(end + 4);
        socket.write(message);
      }
      const length = frameLength(bytes, 0);
      if (length === 0) return;
      if (length < bytes.length || !payloadOf(bytes).equals(payload)) return fail();
      socket.off('data', first).off('error', reject).off('close', fail);
      resolve(socket);
    });
    socket.write(UPGRADE);
  });
}

function pingPong(socket: Socket): void {
  let sentAt = 0;
  let missing = 0;
  const send = (): void => {
    sentAt = performance.now();
    missing = 2 + options.bytes;
    socket.write(message);
  };
  socket.on('error', () => {});
  socket.once('close', () => {
    if (!stopped) failures++;
  });
  socket.on('data', (chunk: Buffer) => {
    missing -= chunk.length;
    if (missing > 0) return;
    if (missing < 0) failures++;
    if (timed) latencies.add(performance.now() - sentAt);
    if (!stopped) send();
  });
  send();
}

const late = setTimeout(() => {
  console.error(`not all connections were open and right within ${OPEN_WITHIN_MS} ms`);
  process.exit(1);
}, OPEN_WITHIN_MS);
const sockets = await Promise.all(Array.from({ length: options.connections }, open));
clearTimeout(late);
timed = true;
const startedAt = performance.now();
for (const socket of sockets) pingPong(socket);
setTimeout(() => {
  stopped = true;
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(JSON.stringify({ requests: latencies.count, seconds, failures, ...latencies.figures() }));
  for (const socket of sockets) socket.destroy();
}, options.seconds * 1000);
