// The echo app of the WebSocket load: upgrades by hand and sends every message back: node websocket-upstream.ts PORT
import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { frameLength, payloadOf, plainFrame } from './load/websocket-frame.ts';

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function serve(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  let upgraded = false;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!upgraded) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      const answer = answerTo(rest.toString('latin1', 0, end + 2));
      if (answer === undefined) {
        socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      upgraded = true;
      rest = rest.subarray(end + 4);
      socket.write(answer);
    }
    rest = echo(socket, rest);
  });
}

function answerTo(head: string): string | undefined {
  const key = /\r\nsec-websocket-key: *([^\r ]+)/i.exec(head)?.[1];
  if (key === undefined || !/\r\nupgrade: *websocket\r/i.test(head)) return undefined;
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`
  );
}

/** Answers every complete frame; what is left of an incomplete one. */
function echo(socket: Socket, bytes: Buffer): Buffer {
  let at = 0;
  for (let length = frameLength(bytes, at); length > 0; length = frameLength(bytes, at)) {
    socket.write(plainFrame(payloadOf(bytes.subarray(at, at + length))));
    at += length;
  }
  return bytes.subarray(at);
}

createServer({ noDelay: true }, serve).listen(Number(process.argv[2]), '127.0.0.1');
