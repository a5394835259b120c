// The app behind every contender, at the least cost Node has: node upstream-server.ts PORT [HOST [DELAY_MS]]
//   /N           N bytes of "x"; so is /N?anything
//   /chunked/N   the same in chunks of 4 KB (to HTTP/1.0 with a length)
//   /closing/N   the same, and the connection ends behind it
//   /headers     48 bytes behind 30 header fields of a real app
//   /seen        what arrived, as JSON: {"method","headers","bodyBytes"}
import { createServer, type Socket } from 'node:net';

const CHUNK_BYTES = 4096;

/** What an app behind a framework and a few middlewares answers with. */
const APP_FIELDS = `Date: Tue, 03 Nov 2026 10:00:00 GMT
Server: gunicorn
Cache-Control: private, no-cache, no-store, must-revalidate, max-age=0
Expires: Thu, 01 Jan 1970 00:00:00 GMT
Pragma: no-cache
Vary: Accept-Encoding, Cookie, Origin
ETag: W/"5f2b-9c1mXQb0mD0o7l1r0zq3n2m4p5s"
Last-Modified: Mon, 02 Nov 2026 22:13:05 GMT
Content-Language: en-GB
Set-Cookie: session=eyJ1aWQiOjQyMTMzNywiZXhwIjoxNzkzNjE2MDAwfQ.c2lnbmF0dXJl; Path=/; HttpOnly; Secure; SameSite=Lax
Set-Cookie: csrftoken=V1StGXR8Z5jdHi6BmyT0aTq3vXkqz9Lw; Path=/; Max-Age=31449600; SameSite=Lax
Content-Security-Policy: default-src 'self'; img-src 'self' data: https:; script-src 'self' 'nonce-r4nd0m'; object-src 'none'
Cross-Origin-Opener-Policy: same-origin
Cross-Origin-Resource-Policy: same-site
Permissions-Policy: camera=(), microphone=(), geolocation=()
Referrer-Policy: strict-origin-when-cross-origin
Strict-Transport-Security: max-age=63072000; includeSubDomains
X-Content-Type-Options: nosniff
X-Frame-Options: DENY
X-Request-Id: 7d444840-9dc0-11d1-b245-5ffdce74fad2
X-Runtime: 0.004211
X-RateLimit-Limit: 5000
X-RateLimit-Remaining: 4987
X-RateLimit-Reset: 1793616000
Server-Timing: db;dur=1.2, view;dur=0.8, total;dur=4.2
Link: </static/app.css>; rel=preload; as=style
Access-Control-Allow-Origin: https://www.example.org
Access-Control-Allow-Credentials: true`
  .split('\n')
  .map((line) => `${line}\r\n`)
  .join('');

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly http10: boolean;
  readonly close: boolean;
  /** The whole head, for /seen. */
  readonly head: string;
}

const answers = new Map<string, Buffer>();

function answerTo(asked: Asked, bodyBytes: number): Buffer {
  if (asked.path === '/seen') return seen(asked, bodyBytes);
  const key = asked.http10 ? asked.path.replace('/chunked', '') : asked.path;
  let answer = answers.get(key);
  if (answer === undefined) {
    answer = build(key);
    answers.set(key, answer);
  }
  return answer;
}

function build(path: string): Buffer {
  const [, kind, digits] = /^\/(chunked\/|closing\/)?(\d+)/.exec(path) ?? [];
  const size = digits === undefined ? 48 : Number(digits);
  const fields = path.startsWith('/headers')
    ? APP_FIELDS
    : kind === 'closing/'
      ? 'Connection: close\r\n'
      : '';
  if (kind !== 'chunked/') {
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${fields}Content-Length: ${size}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), Buffer.alloc(size, 'x')]);
  }
  const parts = ['HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n'];
  for (let left = size; left > 0; left -= CHUNK_BYTES) {
    const n = Math.min(left, CHUNK_BYTES);
    parts.push(`${n.toString(16)}\r\n${'x'.repeat(n)}\r\n`);
  }
  return Buffer.from(`${parts.join('')}0\r\n\r\n`);
}

function seen(asked: Asked, bodyBytes: number): Buffer {
  const headers: Record<string, string> = {};
  for (const line of asked.head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const body = JSON.stringify({ method: asked.method, headers, bodyBytes });
  return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

const END_OF_CHUNKS = '0\r\n\r\n';

/** One connection: requests one after the other, never pipelined, as proxies send them. */
function serve(socket: Socket): void {
  let partial = '';
  let asked: Asked | undefined;
  let bodyBytes = 0;
  /** Bytes of the body still to come; Infinity: until the last chunk. */
  let left = 0;
  let tail = '';

  const finish = (): void => {
    if (asked === undefined) return;
    const { close } = asked;
    const answer = answerTo(asked, bodyBytes);
    asked = undefined;
    const send = (): void => {
      if (close) socket.end(answer);
      else socket.write(answer);
    };
    if (delayMs === 0) send();
    else setTimeout(send, delayMs);
  };
  const takeBody = (chunk: Buffer): void => {
    bodyBytes += chunk.length;
    if (left === Number.POSITIVE_INFINITY) {
      tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - 5))).slice(-5);
      if (tail === END_OF_CHUNKS) finish();
      return;
    }
    left -= chunk.length;
    if (left <= 0) finish();
  };
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    if (asked !== undefined) return takeBody(chunk);
    const text = partial + chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) {
      partial = text;
      return;
    }
    partial = '';
    asked = readHead(text, end);
    bodyBytes = 0;
    tail = '';
    left = bodyLength(text, asked.method);
    if (left === 0) finish();
    else if (text.length > end + 4) takeBody(Buffer.from(text.slice(end + 4), 'latin1'));
  });
}

function readHead(text: string, end: number): Asked {
  const method = text.slice(0, text.indexOf(' '));
  const path = text.slice(method.length + 1, text.indexOf(' ', method.length + 1));
  const http10 = text.charCodeAt(method.length + path.length + 9) === 48; // the last digit of HTTP/1.0
  const close =
    http10 ||
    path.startsWith('/closing/') ||
    text.includes('\r\nConnection: close') ||
    text.includes('\r\nconnection: close');
  return { method, path, http10, close, head: path === '/seen' ? text.slice(0, end) : '' };
}

function bodyLength(text: string, method: string): number {
  if (method === 'GET') return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text);
  if (length !== null) return Number(length[1]);
  return /\r\ntransfer-encoding: *chunked/i.test(text) ? Number.POSITIVE_INFINITY : 0;
}

const [port, host = '127.0.0.1', delay = '0'] = process.argv.slice(2);
const delayMs = Number(delay);
createServer({ noDelay: true }, serve).listen({ port: Number(port), host, backlog: 4096 });
