// The app behind the stacks: what it answers is told by `app=` in the arguments or by X-App, else it tells what it was asked.
import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Asked as AskedRequest, takeAsked } from '../support/asked-request.ts';

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly isOld: boolean;
  readonly fields: readonly string[];
  readonly body: string;
}

interface Told {
  readonly status?: string;
  readonly fields?: readonly string[];
  readonly body?: string;
  /** Chunked becomes close towards HTTP/1.0. */
  readonly framing?: 'length' | 'chunked' | 'close' | 'slow';
}

const HTML = `<html><head><title>The app</title></head>\n<body>\n${'<p>a line with a <a href="/panel">link</a></p>\n'.repeat(60)}</body></html>\n`;
const JSON_TEXT = JSON.stringify({
  items: Array.from({ length: 80 }, (_, id) => ({ id, name: `item ${id}` })),
});
const page = (status: string, ...fields: string[]): Told => ({
  status,
  fields: ['Content-Type: text/html; charset=utf-8', ...fields],
  body: `<p>the app says ${status}\n`,
});

/** HOST is that of the request. */
const ANSWERS: Readonly<Record<string, Told>> = {
  html: {
    fields: ['Content-Type: text/html; charset=utf-8', 'X-Powered-By: app', 'Vary: Cookie'],
    body: HTML,
  },
  chunked: { fields: ['Content-Type: text/html'], body: HTML, framing: 'chunked' },
  close: { fields: ['Content-Type: text/css'], body: 'a { color: blue }\n'.repeat(80), framing: 'close' },
  slow: { fields: ['Content-Type: text/plain'], body: 'a slow part '.repeat(200), framing: 'slow' },
  events: {
    fields: ['Content-Type: text/event-stream', 'Cache-Control: no-cache', 'X-Accel-Buffering: no'],
    body: 'data: one\n\ndata: two\n\n',
    framing: 'slow',
  },
  json: {
    fields: ['Content-Type: application/json', 'ETag: "json-1"', 'Cache-Control: private, max-age=0'],
    body: JSON_TEXT,
  },
  tagged: {
    fields: [
      'Content-Type: text/plain',
      'ETag: "app-1"',
      'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT',
      'Accept-Ranges: bytes',
    ],
    body: 'text with validators\n'.repeat(60),
  },
  zipped: {
    fields: ['Content-Type: text/html', 'Content-Encoding: gzip', 'Vary: Accept-Encoding'],
    body: gzipSync(HTML).latin1Slice(),
  },
  big: { fields: ['Content-Type: application/octet-stream'], body: 'a block of the app '.repeat(15_000) },
  image: {
    fields: ['Content-Type: image/png', 'Cache-Control: public, max-age=600'],
    body: 'png'.repeat(600),
  },
  empty: { fields: ['Content-Type: text/plain'], body: '' },
  untyped: { body: 'no type' },
  headers: {
    fields: [
      ...['Content-Type: text/plain', 'Date: Tue, 14 Nov 2023 22:13:20 GMT', 'X-Runtime: 0.01'],
      ...[
        'Set-Cookie: sid=1; Path=/v1/; HttpOnly',
        'Set-Cookie: lang=de; Domain=example.com',
        'Link: </a>',
        'Link: </b>',
      ],
      ...[
        'Expires: Tue, 14 Nov 2023 22:13:20 GMT',
        'Pragma: no-cache',
        'X-Secret: s',
        'X-Empty:',
        'X-Accel-Expires: 5',
      ],
      ...[
        'WWW-Authenticate: Bearer',
        'Docker-Distribution-Api-Version: registry/2.0',
        'X-Frame-Options: DENY',
      ],
    ],
    body: 'fields',
  },
  login: {
    status: '302 Found',
    fields: [
      'Location: /dashboard?next=%2F',
      'Set-Cookie: session=abc; Path=/; HttpOnly',
      'Set-Cookie: csrf=x; Path=/v1/',
    ],
    body: '',
  },
  absolute: {
    status: '301 Moved Permanently',
    fields: ['Location: http://HOST/moved/here?x=1'],
    body: 'moved',
  },
  internal: { status: '302 Found', fields: ['Location: http://internal.eu/graph'], body: '' },
  refresh: { fields: ['Content-Type: text/html', 'Refresh: 5; url=http://HOST/again'], body: 'again' },
  accel: {
    fields: [
      'X-Accel-Redirect: /protected/report.txt',
      'Content-Type: text/x-report',
      'Content-Disposition: attachment',
    ],
    body: 'x',
  },
  download: {
    fields: ['X-Accel-Redirect: /__downloads__/sub/picture.png', 'Content-Type: image/png'],
    body: '',
  },
  layer: {
    fields: ['X-Accel-Redirect: /blobs/sha256/abc', 'Docker-Content-Digest: sha256:abc', 'ETag: "layer"'],
    body: '',
  },
  nowhere: { fields: ['X-Accel-Redirect: /protected/none.txt'], body: '' },
  partial: {
    status: '206 Partial Content',
    fields: ['Content-Type: text/plain', 'Content-Range: bytes 0-9/50'],
    body: '0123456789',
  },
  same: { status: '304 Not Modified', fields: ['ETag: "app-1"'], body: '' },
  created: {
    status: '201 Created',
    fields: ['Location: http://HOST/items/7', 'Content-Type: application/json'],
    body: '{"id":7}',
  },
  accepted: {
    status: '202 Accepted',
    fields: ['Docker-Upload-UUID: 1', 'Range: 0-9', 'Location: /v2/x/blobs/uploads/1'],
    body: '',
  },
  none: { status: '204 No Content', fields: ['X-Done: yes'], body: '' },
  user: { fields: ['X-User: admin', 'X-Quota: 10'], body: '' },
  400: page('400 Bad Request'),
  401: page('401 Unauthorized', 'WWW-Authenticate: Basic realm="app"', 'X-Token: none'),
  403: page('403 Forbidden'),
  404: page('404 Not Found', 'X-Missing: yes'),
  409: page('409 Conflict'),
  413: page('413 Request Entity Too Large'),
  418: page("418 I'm a teapot"),
  422: page('422 Unprocessable Entity'),
  429: page('429 Too Many Requests', 'Retry-After: 9'),
  500: page('500 Internal Server Error'),
  502: page('502 Bad Gateway'),
  503: page('503 Service Unavailable', 'Retry-After: 7'),
  504: page('504 Gateway Timeout'),
};

export const KINDS = [...Object.keys(ANSWERS), 'broken', 'early', 'cut'];

export interface App {
  readonly port: number;
  /** What was asked since the last call, by the request's X-Case. */
  takeSeen(): Map<string, string[]>;
  close(): Promise<void>;
}

/** Listens on `port` of 127.0.0.1 to 127.0.0.4 and on a Unix socket. */
export async function startApp(port: number, socketPath: string): Promise<App> {
  let seen = new Map<string, string[]>();
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    serveSocket(socket, (asked) => {
      const id = fieldOf(asked, 'x-case') ?? '';
      seen.set(id, [...(seen.get(id) ?? []), toldOf(asked)]);
    });
  };
  const places = [1, 2, 3, 4].map((n) => ({ port, host: `127.0.0.${n}` }));
  const servers = await Promise.all(
    [...places, { path: socketPath }].map((place) => listening(place, serve)),
  );
  return {
    port,
    takeSeen() {
      const taken = seen;
      seen = new Map();
      return taken;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

function listening(
  place: { port: number; host: string } | { path: string },
  serve: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, serve);
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(place, () => resolve(server));
  });
}

function serveSocket(socket: Socket, onAsked: (asked: Asked) => void): void {
  let got = '';
  let isTunnel = false;
  let last = Promise.resolve();
  socket.on('data', (chunk: Buffer) => {
    got += chunk.latin1Slice();
    for (;;) {
      if (isTunnel) {
        if (got !== '') socket.end(`echo ${got}`, 'latin1');
        return;
      }
      const taken = takeAsked(got);
      if (taken === null) return;
      got = got.slice(taken.end);
      const asked = askedOf(taken.asked);
      onAsked(asked);
      isTunnel = /^websocket$/i.test(fieldOf(asked, 'upgrade') ?? '');
      if (isTunnel) openTunnel(socket, asked);
      else last = last.then(() => answer(socket, asked));
    }
  });
  socket.on('end', () => void last.then(() => socket.end()));
}

function openTunnel(socket: Socket, asked: Asked): void {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `X-Path: ${asked.target}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\nwelcome `, 'latin1');
}

function askedOf({ line, fields, body }: AskedRequest): Asked {
  const [method, ...words] = line.split(' ');
  return { method, target: words.slice(0, -1).join(' '), isOld: words.at(-1) === 'HTTP/1.0', fields, body };
}

function fieldOf(asked: Asked, name: string): string | undefined {
  const line = asked.fields.find((f) => f.slice(0, f.indexOf(':')).toLowerCase() === name);
  return line?.slice(line.indexOf(':') + 1).trim();
}

/** How the connection and the body are framed is each proxy's own. */
const OWN = /^(?:connection|upgrade|content-length|transfer-encoding|x-case):/i;

function toldOf(asked: Asked): string {
  const fields = asked.fields.filter((f) => !OWN.test(f)).sort();
  const sum = createHash('md5').update(asked.body, 'latin1').digest('hex');
  return [`${asked.method} ${asked.target}`, ...fields, `body ${asked.body.length} ${sum}`].join('\n');
}

async function answer(socket: Socket, asked: Asked): Promise<void> {
  const kind = fieldOf(asked, 'x-app') ?? /[?&]app=(\w+)/.exec(asked.target)?.[1] ?? '';
  if (kind === 'broken') return void socket.end('HTTP/1.1 200 OK\r\nno name\r\n\r\n');
  if (kind === 'early') return void socket.end();
  if (kind === 'cut')
    return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this', 'latin1');
  const echo: Told = { fields: ['Content-Type: text/plain'], body: `${toldOf(asked)}\n` };
  const { status = '200 OK', fields = [], body = '', framing = 'length' } = ANSWERS[kind] ?? echo;
  const isEmpty = /^(?:204|304)/.test(status);
  const host = fieldOf(asked, 'host') ?? '';
  const lines = [`HTTP/1.1 ${status}`, 'Server: Apps/2', ...fields.map((f) => f.replaceAll('HOST', host))];
  const isChunked = (framing === 'chunked' || framing === 'slow') && !asked.isOld;
  if (isChunked) lines.push('Transfer-Encoding: chunked');
  else if (framing === 'length' && !isEmpty) lines.push(`Content-Length: ${body.length}`);
  const ends = asked.isOld || framing === 'close';
  if (ends) lines.push('Connection: close');
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  if (asked.method !== 'HEAD' && !isEmpty) await sendBody(socket, body, framing, isChunked);
  if (ends) socket.end();
}

async function sendBody(socket: Socket, body: string, framing: string, isChunked: boolean): Promise<void> {
  if (!isChunked && framing !== 'slow') return void socket.write(body, 'latin1');
  const middle = body.length >> 1;
  for (const piece of [body.slice(0, 9), body.slice(9, middle), body.slice(middle)]) {
    if (piece === '') continue;
    socket.write(isChunked ? `${piece.length.toString(16)}\r\n${piece}\r\n` : piece, 'latin1');
    if (framing === 'slow') await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (isChunked) socket.write('0\r\n\r\n');
}
