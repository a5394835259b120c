// 128 MB through each filter to a client that stops again and again: memory stays as it is, and no byte is lost.
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LbproxyProcess, residentBytes, startLbproxy } from '../support/lbproxy-process.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';

const BYTES = 134_217_728;
/** Buffers of sockets and of the spool, compiled code, and what the garbage collector has not looked at yet. */
const GROWTH_BYTES = 110_000_000;
const STOP_AFTER_BYTES = 4_194_304;

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
const BOMB = gzipSync(Buffer.alloc(BYTES, 'x'));

let peer: TestPeer;
let lbproxy: LbproxyProcess;

/** A peer that sends as fast as it may. */
function send(response: ServerResponse, piece: Buffer, count: number): void {
  function* pieces(): Generator<Buffer> {
    for (let i = 0; i < count; i++) yield piece;
  }
  void pipeline(Readable.from(pieces()), response).catch(() => undefined);
}

beforeEach(async () => {
  peer = await startUpstream((request, response) => {
    const what = request.url?.split('/').at(-1);
    response.setHeader('Content-Type', 'text/html');
    if (what === 'bomb') response.setHeader('Content-Encoding', 'gzip').end(BOMB);
    else if (what === 'needles') send(response, NEEDLES, BYTES / 8 / PIECE_BYTES);
    else if (what === 'commands') send(response, COMMANDS, 134);
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
      location /addition/ { add_after_body /spool/noise; default_type text/html; return 200 ""; }
    } }`);
});
afterEach(() => peer.close());

/** Takes an answer, with stops: the length of its body, and the most that the process grew by. */
async function take(path: string): Promise<{ bytes: number; grownBytes: number }> {
  const [acceptor] = await lbproxy.acceptors(1);
  const before = residentBytes(acceptor);
  let grownBytes = 0;
  async function* slowly(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let taken = 0;
    let head = '';
    for await (const piece of source) {
      const stops = Math.floor(taken / STOP_AFTER_BYTES);
      taken += piece.length;
      if (Math.floor(taken / STOP_AFTER_BYTES) > stops) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        grownBytes = Math.max(grownBytes, residentBytes(acceptor) - before);
      }
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
  const socket = connect({ port: lbproxy.port, host: '127.0.0.1' });
  socket.write(
    `GET ${path} HTTP/1.0\r\nHost: a\r\nAccept-Encoding: ${path.startsWith('/gzip/') ? 'gzip' : 'x'}\r\n\r\n`,
  );
  if (path.startsWith('/gzip/')) await pipeline(socket, slowly, createGunzip(), count);
  else await pipeline(socket, slowly, count);
  return { bytes, grownBytes };
}

it.each([
  ['/spool/noise', BYTES],
  ['/unbuffered/noise', BYTES],
  ['/gzip/noise', BYTES],
  ['/gunzip/bomb', BYTES],
  ['/sub/needles', BYTES],
  ['/ssi/noise', BYTES],
  ['/ssi/commands', 134_000_000],
  ['/ssi/includes', BYTES],
  ['/charset/noise', BYTES],
  ['/rate/noise', BYTES],
  ['/addition/', BYTES],
])(
  '%s',
  async (path, wanted) => {
    const { bytes, grownBytes } = await take(path);
    expect(bytes).toBe(wanted);
    expect(grownBytes).toBeLessThan(GROWTH_BYTES);
  },
  60_000,
);
