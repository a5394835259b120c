// Every way in which a peer's answer can be wrong or end early: the client gets the right answer, a 502, or a connection that is
// visibly cut; the application hears of all but the first; nothing is left open, and nothing ends the process.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawClient } from '../support/raw-client.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { type App, startApp, until } from './app.ts';

type End = 'stay' | 'FIN' | 'RST';
/** What the client is to get: a status with its body; a 502; its connection cut inside an answer; one of the last two. */
type Want = string | '502' | 'cut' | 'bad';
/** Segments of the answer, what follows them, what the client is to get. */
type Row = readonly [name: string, segments: readonly string[], end: End, want: Want, method?: string];

const OK = 'HTTP/1.1 200 OK\r\n';
const FIVE = `${OK}Content-Length: 5\r\n\r\n`;
const TEN = `${OK}Content-Length: 10\r\n\r\n`;
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const UPGRADED = 'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const HUGE = `${OK}X: ${'x'.repeat(200_000)}\r\n\r\n`;

/** Before the head is whole: the same over web() and ws(). */
const HEADS: readonly Row[] = [
  ['nothing', [], 'FIN', '502'],
  ['nothing', [], 'RST', '502'],
  ['half a head', ['HTTP/1.1 200 OK\r\nContent-'], 'FIN', '502'],
  ['half a head', ['HTTP/1.1 200 OK\r\nContent-'], 'RST', '502'],
  ['no HTTP', ['SSH-2.0-OpenSSH\r\n'], 'stay', '502'],
  ['no HTTP, in two segments', ['HTTP/1.1 2', 'xx\r\n\r\n'], 'stay', '502'],
  ['a head too large', [HUGE], 'stay', '502'],
  ['two lengths', [`${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`], 'stay', '502'],
  ['a length that is none', [`${OK}Content-Length: 5x\r\n\r\nhello`], 'stay', '502'],
  [
    'length and chunked',
    [`${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    'stay',
    '502',
  ],
  ['status 000', ['HTTP/1.1 000 No\r\nContent-Length: 0\r\n\r\n'], 'stay', '502'],
  ['status 099', ['HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n'], 'stay', '502'],
  ['status 1000', ['HTTP/1.1 1000 No\r\nContent-Length: 0\r\n\r\n'], 'stay', '502'],
  ['101 without fields', ['HTTP/1.1 101 Switching Protocols\r\n\r\n'], 'stay', '502'],
  ['only an interim answer', ['HTTP/1.1 103 Early Hints\r\n\r\n'], 'FIN', '502'],
  ['interim answers for ever', ['flood'], 'stay', '502'],
];

const WEB: readonly Row[] = [
  ...HEADS,
  ['bytes behind 204', ['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello'], 'stay', '204 '],
  ['bytes behind 304', ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello'], 'stay', '304 '],
  ['bytes behind HEAD', [`${FIVE}hello`], 'stay', '200 ', 'HEAD'],
  ['bytes behind the length', [`${FIVE}hello!!`], 'stay', '200 hello'],
  ['bytes behind the length, with RST', [`${FIVE}hello!!`], 'RST', '200 hello'],
  ['bytes behind the length, later', [`${FIVE}hello`, '!!'], 'stay', '200 hello'],
  ['a second answer', [`${FIVE}hello${OK}Content-Length: 4\r\n\r\nevil`], 'stay', '200 hello'],
  ['a second answer, later', [`${FIVE}hello`, `${OK}Content-Length: 4\r\n\r\nevil`], 'stay', '200 hello'],
  ['bytes behind the last chunk', [`${CHUNKED}5\r\nhello\r\n0\r\n\r\n!!`], 'stay', '200 hello'],
  ['until FIN', [`${OK}\r\nhello`], 'FIN', '200 hello'],
  ['interim answers before it', [`HTTP/1.1 103 Early Hints\r\n\r\n${FIVE}hello`], 'stay', '200 hello'],
  ['Trailer beside a length', [`${OK}Trailer: X\r\nContent-Length: 5\r\n\r\nhello`], 'stay', '200 hello'],
  [
    'trailers',
    [`${OK}Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n`],
    'stay',
    '200 hello',
  ],
  [
    'Upgrade in a plain answer',
    [`${OK}Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\nhello`],
    'stay',
    '200 hello',
  ],
  [
    'control characters in the reason',
    ['HTTP/1.1 200 \x01\x7f\r\nContent-Length: 5\r\n\r\nhello'],
    'stay',
    '200 hello',
  ],
  [
    'a Location that is no URL',
    ['HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n'],
    'stay',
    '302 ',
  ],
  ['an unasked 101', [`HTTP/1.1 101 Switching Protocols\r\n${UPGRADED}`], 'stay', '502'],
  ['short of its length', [`${TEN}hello`], 'FIN', 'bad'],
  ['short of its length', [`${TEN}hello`], 'RST', 'bad'],
  ['short of its length, later', [TEN, 'hello', ''], 'FIN', 'cut'],
  ['short of its length, later', [TEN, 'hello', ''], 'RST', 'cut'],
  ['without its last chunk', [`${CHUNKED}5\r\nhello\r\n`], 'FIN', 'bad'],
  ['without its last chunk', [`${CHUNKED}5\r\nhello\r\n`], 'RST', 'bad'],
  ['without its last chunk, later', [`${CHUNKED}5\r\nhello\r\n`, ''], 'FIN', 'cut'],
  ['until RST', [`${OK}\r\nhello`, ''], 'RST', 'cut'],
  ['a bad chunk size', [`${CHUNKED}zz\r\nhello\r\n`], 'stay', 'bad'],
  ['a bad chunk size, later', [CHUNKED, '5\r\nhello\r\n', 'zz\r\n'], 'stay', 'cut'],
  ['a chunk without its end', [CHUNKED, '5\r\nhello!!\r\n'], 'stay', 'bad'],
  ['a chunk extension without end', [CHUNKED, '5\r\nhello\r\n', `5;${'x'.repeat(100_000)}`], 'stay', 'cut'],
  ['bad trailers', [CHUNKED, '5\r\nhello\r\n', '0\r\n: x\x01\r\n\r\n'], 'stay', 'cut'],
  [
    'trailers too large',
    [CHUNKED, '5\r\nhello\r\n', `0\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`],
    'stay',
    'cut',
  ],
];

const WS: readonly Row[] = [
  ...HEADS,
  ['an upgrade that ends', [`HTTP/1.1 101 Switching Protocols\r\n${UPGRADED}hi`], 'FIN', '101 hi'],
  [
    'an upgrade that is reset',
    [`HTTP/1.1 101 Switching Protocols\r\n${UPGRADED}hi`, ''],
    'RST',
    '101 hi, told',
  ],
  ['a refusal', ['HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'], 'stay', '403 no'],
  [
    'a refusal with bytes behind it',
    ['HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno!!'],
    'stay',
    '403 no',
  ],
  ['a refusal until FIN', ['HTTP/1.1 403 Forbidden\r\n\r\nno'], 'FIN', '403 no'],
  ['a refusal cut short', ['HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno', ''], 'FIN', 'cut'],
  ['a refusal cut short', ['HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno', ''], 'RST', 'cut'],
  [
    'a refusal with a bad chunk',
    [`HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`],
    'stay',
    'bad',
  ],
  [
    'a refusal with a bad chunk, later',
    ['HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n', 'zz\r\n'],
    'stay',
    'cut',
  ],
];

/** Answers each connection's first request with the present row. */
class WrongPeer {
  row: Row = ['', [], 'stay', ''];
  readonly sockets = new Set<Socket>();

  async serve(socket: Socket): Promise<void> {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('end', () => socket.end());
    await new Promise((resolve) => socket.once('data', resolve));
    const [, segments, end] = this.row;
    if (segments[0] === 'flood') return this.#flood(socket);
    for (const segment of segments) {
      socket.write(segment, 'latin1');
      // Time for the other side to have read it on its own, and turns: of a process that stood still timers come first.
      if (segments.length > 1) await aMoment();
    }
    if (end === 'FIN') socket.end();
    if (end === 'RST') socket.resetAndDestroy();
  }

  #flood(socket: Socket): void {
    const more = (): void => {
      if (socket.destroyed) return;
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\n');
      setTimeout(more, 1);
    };
    more();
  }
}

async function aMoment(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 15));
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a client takes the bytes for: status and body when they are a whole answer, `cut` when they are not. */
function readAnswer(text: string, method: string): string {
  const split = text.indexOf('\r\n\r\n');
  if (split < 0) return text === '' ? 'cut' : `half a head: ${text}`;
  const [head, body] = [text.slice(0, split).toLowerCase(), text.slice(split + 4)];
  const status = head.slice(9, 12);
  if (method === 'HEAD' || status === '204' || status === '304') return `${status} ${body}`;
  const length = /content-length: (\d+)/.exec(head)?.[1];
  if (length !== undefined) {
    if (body.length > Number(length)) return `more than its length: ${text}`;
    return body.length < Number(length) ? 'cut' : `${status} ${body}`;
  }
  if (!head.includes('transfer-encoding: chunked')) return `${status} ${body}`;
  const whole = /^(?:[1-9a-f][0-9a-f]*\r\n([\s\S]*)\r\n)?0\r\n\r\n$/.exec(body);
  return whole === null ? 'cut' : `${status} ${whole[1] ?? ''}`;
}

/** The naive handler of many an application, which knows nothing of answers that have begun. */
function naive(res: ServerResponse | Socket): void {
  if ('writeHead' in res) res.writeHead(502).end();
  else res.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
}

const MODES = (['group', 'target'] as const).flatMap((kind) => [
  { kind, listening: true },
  { kind, listening: false },
]);

describe.each(MODES)('through a $kind, somebody listens: $listening', ({ kind, listening }) => {
  const peer = new WrongPeer();
  let raw: TestPeer;
  let app: App;
  const errors: Error[] = [];
  const clients = new Set<Socket>();

  beforeAll(async () => {
    raw = await startRawUpstream((socket) => void peer.serve(socket));
    const where =
      kind === 'group' ? { upstream: { servers: [raw.address] } } : { target: `http://${raw.address}` };
    app = await startApp({ ...where, autoRewrite: true });
    app.server.on('connection', (socket) => {
      clients.add(socket);
      socket.on('close', () => clients.delete(socket));
    });
    if (!listening) return;
    app.balancer.on('error', (error, _req, res) => {
      errors.push(error);
      naive(res as ServerResponse | Socket);
    });
  });
  afterAll(async () => {
    await app.close();
    await raw.close();
  });

  const check = async (row: Row, fields: string): Promise<void> => {
    const [, , , want, method = 'GET'] = row;
    peer.row = row;
    errors.length = 0;
    const client = rawClient(app.port);
    client.write(`${method} / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`);
    const text = await client.closed(2500);
    client.destroy();
    const got = readAnswer(text, method);
    if (want === 'bad') expect(['cut', '502']).toContain(got.slice(0, 3));
    else if (want === '502') expect(got.slice(0, 3)).toBe('502');
    else expect(got).toBe(want.replace(', told', ''));
    // A WebSocket that is reset has no other way to say so.
    const right = /^\d\d\d /.test(want) && !want.endsWith(', told');
    if (listening) expect(errors.map((error) => error.message)).toHaveLength(right ? 0 : 1);
    // Idle ones end after 1.5 s.
    await until(() => peer.sockets.size === 0, 'the end of the connection to the peer', 3000);
    expect(app.balancer.upstream.peers).toHaveLength(kind === 'group' ? 1 : 0);
    // The balancer hears of the end a moment after the peer.
    await until(
      () => app.balancer.upstream.peers.every((one) => one.active === 0),
      'the peer to be released',
    );
    await until(() => clients.size === 0, 'the end of the connection to the client');
  };

  it.each(WEB)('web(): %s %j, %s', async (...row) => {
    await check(row as unknown as Row, 'Connection: close');
  });

  it.each(WS)('ws(): %s %j, %s', async (...row) => {
    await check(
      row as unknown as Row,
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13',
    );
  });
});
