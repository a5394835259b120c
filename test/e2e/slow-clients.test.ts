// 128 MB through each filter to a client that stops again and again, and as much from a client to a peer that does: memory stays as it is,
// and no byte is lost. By hand: MEGABYTES=1024, which prints what the memory was.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { type LbproxyProcess, residentBytes, startLbproxy } from '../support/lbproxy-process.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';

const MEGABYTES = Number(process.env.MEGABYTES ?? 128);
const BYTES = MEGABYTES * 1_048_576;
/** Buffers of sockets and of the spool, compiled code, and what the garbage collector has not looked at yet. */
const GROWTH_BYTES = 110_000_000;
const STOP_AFTER_BYTES = 4_194_304;
const STOP_MS = 30;
const SAMPLE_MS = 50;
const TIME_MS = 60_000 + MEGABYTES * 250;

const PIECE_BYTES = 65_536;
/** No two stretches of it are alike within deflate's reach, and none looks like a command or a needle. */
const NOISE = Buffer.alloc(PIECE_BYTES);
for (let i = 0, seed = 1; i < NOISE.length; i++) {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  NOISE[i] = 0x41 + ((seed >>> 16) & 15);
}
/** Sixteen bytes of which sub_filter makes 128, and a command of 20 of which ssi makes 1000. */
const NEEDLES = Buffer.alloc(PIECE_BYTES, 'needle and hay. ');
const COMMANDS = Buffer.alloc(20_000, '<!--#echo var="l"-->');
/** Each makes a million bytes of its thousand commands. */
const COMMAND_PIECES = Math.ceil(BYTES / 1_000_000);
const BOMB = gzipSync(Buffer.alloc(BYTES, 'x'));

let peer: TestPeer;
let app: Server;
let lbproxy: LbproxyProcess;
/** Bytes of bodies that came to the peer. */
let uploaded = 0;
const table: string[] = [];

/** A peer that sends as fast as it may. */
function send(response: ServerResponse, piece: Buffer, count: number): void {
  function* pieces(): Generator<Buffer> {
    for (let i = 0; i < count; i++) yield piece;
  }
  void pipeline(Readable.from(pieces()), response).catch(() => undefined);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Takes what comes, with stops. */
async function* slowly(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let taken = 0;
  for await (const piece of source) {
    const stops = Math.floor(taken / STOP_AFTER_BYTES);
    taken += piece.length;
    if (Math.floor(taken / STOP_AFTER_BYTES) > stops) await pause(STOP_MS);
    yield piece;
  }
}

async function takeBody(request: IncomingMessage, response: ServerResponse): Promise<void> {
  for await (const piece of slowly(request)) uploaded += piece.length;
  response.end('taken');
}

const record = (type: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]), content]);

/** A FastCGI app that sends as fast as it may. */
function serveRecords(socket: Socket): void {
  const block = record(6, NOISE.subarray(0, 32_768));
  function* records(): Generator<Buffer> {
    yield record(6, Buffer.from('Content-Type: text/plain\r\n\r\n'));
    for (let left = BYTES; left > 0; left -= 32_768) yield block;
    yield record(6, Buffer.alloc(0));
    yield record(3, Buffer.alloc(8));
  }
  socket.on('error', () => undefined);
  socket.once('data', () => void pipeline(Readable.from(records()), socket).catch(() => undefined));
}

beforeEach(async () => {
  uploaded = 0;
  app = createServer(serveRecords);
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const { port: appPort } = app.address() as { readonly port: number };
  peer = await startUpstream((request, response) => {
    if (request.method === 'POST') return void takeBody(request, response);
    const what = request.url?.split('/').at(-1);
    response.setHeader('Content-Type', 'text/html');
    if (what === 'bomb') response.setHeader('Content-Encoding', 'gzip').end(BOMB);
    else if (what === 'needles') send(response, NEEDLES, BYTES / 8 / PIECE_BYTES);
    else if (what === 'commands') send(response, COMMANDS, COMMAND_PIECES);
    else if (what === 'includes') response.end('<!--#include virtual="/spool/half" -->'.repeat(2));
    else send(response, NOISE, BYTES / PIECE_BYTES / (what === 'half' ? 2 : 1));
  });
  const place = (name: string, text: string): string =>
    `location /${name}/ { ${text} proxy_pass http://${peer.address}; }`;
  lbproxy = await startLbproxy(`worker_processes 1; events {} http { charset_map a utf-8 { 80 E282AC; }
    proxy_http_version 1.1; proxy_temp_path DIR/temp; access_log off;
    server { listen 127.0.0.1:PORT1; set $l ${'l'.repeat(1000)};
      ${place('spool', '')}
      ${place('unbuffered', 'proxy_buffering off;')}
      ${place('gzip', 'gzip on; gzip_comp_level 1; gzip_http_version 1.0;')}
      ${place('gunzip', 'gunzip on;')}
      ${place('sub', `sub_filter needle ${'v'.repeat(118)}; sub_filter_once off;`)}
      ${place('ssi', 'ssi on;')}
      ${place('charset', 'charset utf-8; source_charset a;')}
      ${place('rate', 'limit_rate 64m;')}
      location /fastcgi/ { fastcgi_pass 127.0.0.1:${appPort}; fastcgi_temp_path DIR/temp; }
      location /fastcgi-unbuffered/ { fastcgi_buffering off; fastcgi_pass 127.0.0.1:${appPort}; }
      client_max_body_size 0; client_body_temp_path DIR/bodies;
      ${place('stored', '')}
      ${place('streamed', 'proxy_request_buffering off;')}
      location /addition/ { add_after_body /spool/noise; default_type text/html; return 200 ""; }
    } }`);
});
afterEach(async () => {
  app.close();
  await peer.close();
});
afterAll(() => {
  if (MEGABYTES !== 128) process.stdout.write(`${table.join('\n')}\n`);
});

/** The most that the process grew by while `work` went on. */
async function growthOf(what: string, work: () => Promise<void>): Promise<number> {
  const [acceptor] = await lbproxy.acceptors(1);
  const start = residentBytes(acceptor);
  let max = start;
  const sample = (): void => {
    max = Math.max(max, residentBytes(acceptor));
  };
  const watch = setInterval(sample, SAMPLE_MS);
  try {
    await work();
  } finally {
    clearInterval(watch);
  }
  const mb = (bytes: number): string => String(Math.round(bytes / 1_000_000)).padStart(5);
  table.push(`${what.padEnd(22)}${mb(start)}${mb(max)}${mb(residentBytes(acceptor))} MB`);
  return max - start;
}

function ask(head: string): Socket {
  const socket = connect({ port: lbproxy.port, host: '127.0.0.1' });
  socket.write(head);
  return socket;
}

/** Takes an answer: the length of its body. */
async function take(path: string): Promise<number> {
  const isGzip = path.startsWith('/gzip/');
  async function* body(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let head = '';
    for await (const piece of slowly(source)) {
      if (head.endsWith('\r\n\r\n')) yield piece;
      else {
        const text = head + piece.latin1Slice();
        const end = text.indexOf('\r\n\r\n');
        head = end < 0 ? text : text.slice(0, end + 4);
        if (end >= 0) yield Buffer.from(text.slice(end + 4), 'latin1');
      }
    }
  }
  let bytes = 0;
  const count = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of source) bytes += piece.length;
  };
  const socket = ask(`GET ${path} HTTP/1.0\r\nHost: a\r\nAccept-Encoding: ${isGzip ? 'gzip' : 'x'}\r\n\r\n`);
  if (isGzip) await pipeline(socket, body, createGunzip(), count);
  else await pipeline(socket, body, count);
  return bytes;
}

it.each([
  ['/spool/noise', BYTES],
  ['/unbuffered/noise', BYTES],
  ['/gzip/noise', BYTES],
  ['/gunzip/bomb', BYTES],
  ['/sub/needles', BYTES],
  ['/ssi/noise', BYTES],
  ['/ssi/commands', COMMAND_PIECES * 1_000_000],
  ['/ssi/includes', BYTES],
  ['/charset/noise', BYTES],
  ['/rate/noise', BYTES],
  ['/addition/', BYTES],
  ['/fastcgi/', BYTES],
  ['/fastcgi-unbuffered/', BYTES],
])(
  '%s',
  async (path, wanted) => {
    let bytes = 0;
    const grownBytes = await growthOf(path, async () => {
      bytes = await take(path);
    });
    expect(bytes).toBe(wanted);
    expect(grownBytes).toBeLessThan(GROWTH_BYTES);
  },
  TIME_MS,
);

it.each(['/stored/', '/streamed/'])(
  '%s takes an upload',
  async (path) => {
    const grownBytes = await growthOf(path, async () => {
      const socket = ask(
        `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${BYTES}\r\n\r\n`,
      );
      function* pieces(): Generator<Buffer> {
        for (let left = BYTES; left > 0; left -= PIECE_BYTES) yield NOISE;
      }
      let answer = '';
      socket.on('data', (piece: Buffer) => {
        answer += piece.latin1Slice();
      });
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await pipeline(Readable.from(pieces()), socket, { end: false });
      await closed;
      expect(answer.startsWith('HTTP/1.1 200 ') && answer.endsWith('taken'), answer).toBe(true);
    });
    expect(uploaded).toBe(BYTES);
    expect(grownBytes).toBeLessThan(GROWTH_BYTES);
  },
  TIME_MS,
);
