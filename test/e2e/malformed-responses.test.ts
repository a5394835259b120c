// Peers that answer wrongly: 502 while nothing was sent, otherwise an answer that visibly breaks off; never a byte of it to another
// request, and the client's connection goes on where it can.
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPeerConnections } from '../../src/upstream/connection.ts';
import { type RawAnswer, readAnswers } from '../support/answers.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeRaw, rawClient } from '../support/raw-client.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

/** What the peer does with a request for /bad; everything else is answered with GOOD. */
let misbehave: (socket: Socket, request: string) => void;
let peer: TestPeer & { connections: number };
let proxy: Proxy;
let base: number;

beforeAll(async () => {
  base = openPeerConnections;
  peer = await startRawUpstream((socket) => {
    socket.on('end', () => socket.end());
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (/^[A-Z]+ \/bad/.test(text)) misbehave(socket, text);
      else if (/^[A-Z]+ \//.test(text)) socket.write(GOOD);
    });
  });
  proxy = await startProxy(`http { upstream u { server ${peer.address}; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://u; client_max_body_size 0; proxy_request_buffering off; } } }`);
});

afterAll(async () => {
  await proxy?.close();
  await peer?.close();
});

/** Whatever happened, at most the one connection that idles is left. */
afterEach(async () => {
  await expect.poll(() => openPeerConnections - base).toBeLessThanOrEqual(1);
  await expect.poll(() => proxy.listeners[0].connections).toBe(0);
});

const answering = (text: string, then: (socket: Socket) => void = () => {}): typeof misbehave => {
  return (socket) => {
    socket.write(text, 'latin1');
    then(socket);
  };
};
const request = (method: string, path: string, more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const NEXT = request('GET', '/next', 'Connection: close\r\n');
const statuses = (answers: readonly RawAnswer[]): number[] => answers.map((answer) => answer.status);
const head = (line: string): string => `HTTP/1.1 200 OK\r\n${line}\r\n\r\nhello`;
const end = (socket: Socket): void => void socket.end();
const reset = (socket: Socket): void => void setTimeout(() => socket.resetAndDestroy(), 20);
const endSoon = (socket: Socket): void => void setTimeout(() => socket.end(), 20);

/** `[what is wrong, what the peer sends, what it does then]`. */
type BadHead = readonly [what: string, text: string, then?: (socket: Socket) => void];
const badHeads = (
  [
    ['no status line', 'hello\r\n\r\n'],
    ['a body without head', '<html>hello</html>', end],
    ['another protocol', 'SSH-2.0-OpenSSH_9\r\n'],
    ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['an empty line first', `\r\n${GOOD}`],
    ['NUL in the reason', 'HTTP/1.1 200 \0\r\n\r\n'],
    ['NUL in a value', head('X: a\0b')],
    ['bare CR in a value', head('X: a\rSet-Cookie: evil')],
    ['bare CR in the reason', 'HTTP/1.1 200 OK\rX: y\r\n\r\n'],
    ['a folded line', head('X: a\r\n b')],
    ['space before a colon', head('Content-Length : 5')],
    ['a line without colon', head('hello')],
    ['an empty name', head(': x')],
    ['Content-Length twice, different', head('Content-Length: 5\r\nContent-Length: 6')],
    ['Content-Length as a list', head('Content-Length: 5, 5')],
    ['Content-Length with a sign', head('Content-Length: +5')],
    ['Content-Length that is empty', head('Content-Length:')],
    [
      'Content-Length with Transfer-Encoding',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ],
    ['another coding', head('Transfer-Encoding: gzip')],
    ['codings in a list', head('Transfer-Encoding: gzip, chunked')],
    ['chunked twice', head('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked')],
    [
      'Transfer-Encoding in HTTP/1.0',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ],
    ['a head that is too large', head(`X: ${'x'.repeat(70_000)}`)],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`],
    ['too many fields', head(Array.from({ length: 1001 }, () => 'a:b').join('\r\n'))],
    [
      '101 that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
    ['no answer', '', end],
    ['a reset', '', reset],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-', end],
    ['half a head and a reset', 'HTTP/1.1 200 OK\r\nContent-', reset],
    ['100 and no more', 'HTTP/1.1 100 Continue\r\n\r\n', endSoon],
  ] as readonly BadHead[]
).map(([what, text, then]) => [what, text, then ?? (() => {})] as const);

describe('before anything was sent the client gets 502', () => {
  it.each(badHeads)('%s', async (_what, text, then) => {
    misbehave = answering(text, then);
    const answers = readAnswers(await exchangeRaw(proxy.port, request('GET', '/bad') + NEXT));
    expect(statuses(answers)).toEqual([502, 200]);
    expect(answers[0].reason).toBe('Bad Gateway');
    expect(answers[0].fields.get('connection')).toBe('keep-alive');
    expect(answers[1].body).toBe('good');
  });

  it.each(badHeads)('%s, on a kept connection and in two segments', async (_what, text, then) => {
    misbehave = (socket) => {
      const cut = Math.floor(text.length / 2);
      if (cut > 0) socket.write(text.slice(0, cut), 'latin1');
      setTimeout(() => {
        if (!socket.destroyed && text !== '') socket.write(text.slice(cut), 'latin1');
        then(socket);
      }, 5);
    };
    const client = rawClient(proxy.port);
    client.write(request('GET', '/first'));
    await client.until((seen) => seen.endsWith('good'));
    client.write(request('GET', '/bad') + NEXT);
    expect(statuses(readAnswers(await client.closed()))).toEqual([200, 502, 200]);
    client.destroy();
  });

  it('a 101 with another protocol than the client asked for', async () => {
    misbehave = answering(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nevil',
    );
    const upgrade = request('GET', '/bad', 'Connection: upgrade\r\nUpgrade: websocket\r\n');
    expect(statuses(readAnswers(await exchangeRaw(proxy.port, upgrade + NEXT)))).toEqual([502, 200]);
  });

  it('the frames of a server that speaks HTTP/2 only, which the log names', async () => {
    const settings = '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64';
    misbehave = (socket) => void socket.end(Buffer.from(settings, 'latin1'));
    expect(statuses(readAnswers(await exchangeRaw(proxy.port, request('GET', '/bad') + NEXT)))).toEqual([
      502, 200,
    ]);
    expect(proxy.log.at(-1)).toContain('it speaks HTTP/2 only');
  });

  it('a flood of interim answers', async () => {
    misbehave = answering('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1000));
    const answers = readAnswers(await exchangeRaw(proxy.port, request('GET', '/bad') + NEXT));
    const finals = answers.filter((answer) => answer.status >= 200);
    expect(statuses(finals)).toEqual([502, 200]);
    expect(answers.length).toBeLessThan(40);
    expect(finals[0].reason).toBe('Bad Gateway');
    expect(finals[0].fields.has('link')).toBe(false);
  });
});

describe('an answer that was begun breaks off visibly', () => {
  const cut: readonly (readonly [string, string, (socket: Socket) => void])[] = [
    ['length, then FIN', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello', endSoon],
    ['length, then reset', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello', reset],
    ['chunks, then FIN', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', endSoon],
    ['chunks, then reset', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', reset],
    ['half a chunk, then FIN', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello', endSoon],
    [
      'no last CRLF, then FIN',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n',
      endSoon,
    ],
    ['until close, then reset', 'HTTP/1.1 200 OK\r\n\r\nhello', reset],
    ...[
      '0x5\r\nworld\r\n',
      '5\nworld\r\n',
      '5\r\nworld!\r\n',
      '5 5\r\nworld\r\n',
      '\r\n',
      '-1\r\n',
      '0\r\nContent-Length: 5\r\n\r\n',
      '0\r\na b: c\r\n\r\n',
    ].map(
      (bad) =>
        [
          `chunk ${JSON.stringify(bad)}`,
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
          (socket: Socket) => void setTimeout(() => socket.write(bad), 20),
        ] as const,
    ),
  ];

  it.each(cut)('%s', async (_what, text, then) => {
    misbehave = answering(text, then);
    const client = rawClient(proxy.port);
    let failed = false;
    client.socket.on('error', () => {
      failed = true;
    });
    client.write(request('GET', '/bad') + NEXT);
    const seen = await client.closed();
    client.destroy();
    expect(seen).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(seen).toContain('hello');
    expect(seen).not.toContain('good');
    // A client of HTTP/1.1 sees it in the framing: a reset could destroy what it has not read yet.
    expect(() => readAnswers(seen)).toThrow();
    expect(failed).toBe(false);
  });

  it.each(cut)('%s, to a client of HTTP/1.0', async (_what, text, then) => {
    misbehave = answering(text, then);
    const client = rawClient(proxy.port);
    const failure = new Promise<string>((resolve) => {
      client.socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      client.socket.on('end', () => resolve('a clean end'));
    });
    client.write('GET /bad HTTP/1.0\r\n\r\n');
    // Where the close is the framing only a reset shows it.
    expect(await failure).toBe(text.includes('Content-Length') ? 'a clean end' : 'ECONNRESET');
    client.destroy();
  });
});

describe('bytes beyond the end of an answer reach nobody', () => {
  const surplus: readonly (readonly [string, string, string, number, string])[] = [
    ['longer than its length', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 200, 'hello'],
    ['behind a length of 0', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200, ''],
    [
      'behind the last chunk',
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      200,
      'hello',
    ],
    [
      'behind trailers',
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
      200,
      'hello',
    ],
    ['a body for 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
    ['a body for 204 with length', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 40\r\n\r\n', 204, ''],
    ['a body for 304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 40\r\n\r\n', 304, ''],
    ['a body for HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n', 200, ''],
    ['a chunked body for HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 200, ''],
  ];

  it.each(surplus)('%s, at once', async (_what, method, text, status, body) => {
    await exchangeRaw(proxy.port, NEXT);
    const before = peer.connections;
    misbehave = answering(text + EVIL);
    const answers = readAnswers(await exchangeRaw(proxy.port, request(method, '/bad') + NEXT), [method]);
    expect(answers.map((answer) => [answer.status, answer.body])).toEqual([
      [status, body],
      [200, 'good'],
    ]);
    // The next request went on a connection of its own.
    expect(peer.connections - before).toBe(1);
  });

  it.each(surplus)('%s, a little later', async (_what, method, text, status, body) => {
    misbehave = answering(text, (socket) => void setTimeout(() => socket.write(EVIL), 20));
    const client = rawClient(proxy.port);
    client.write(request(method, '/bad'));
    await client.until((seen) => seen.includes('\r\n\r\n'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    client.write(NEXT);
    const answers = readAnswers(await client.closed(), [method]);
    client.destroy();
    expect(answers.map((answer) => [answer.status, answer.body])).toEqual([
      [status, body],
      [200, 'good'],
    ]);
  });
});

describe('an answer that comes before the request is complete', () => {
  const early = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly';
  const evil = request('GET', '/evil');

  it('reaches the client, and neither connection is used again when much of the body is to come', async () => {
    await exchangeRaw(proxy.port, NEXT);
    const before = peer.connections;
    misbehave = answering(early);
    const client = rawClient(proxy.port);
    client.write(request('POST', '/bad', 'Content-Length: 5000000\r\n') + 'x'.repeat(1000));
    const [answer] = readAnswers(await client.until((seen) => seen.endsWith('early')));
    expect(answer.fields.get('connection')).toBe('close');
    // The rest is read and dropped, so the client can have the answer; no part of it is taken for a request.
    client.write(evil.repeat(1000));
    expect(statuses(readAnswers(await client.closed()))).toEqual([200]);
    client.destroy();
    await exchangeRaw(proxy.port, NEXT);
    expect(peer.connections - before).toBe(1);
  });

  it('lets the client go on behind a rest that is small', async () => {
    misbehave = answering(early);
    const client = rawClient(proxy.port);
    const body = evil.repeat(10);
    client.write(`${request('POST', '/bad', `Content-Length: ${body.length}\r\n`)}${body.slice(0, 20)}`);
    const [answer] = readAnswers(await client.until((seen) => seen.endsWith('early')));
    expect(answer.fields.get('connection')).toBe('keep-alive');
    client.write(body.slice(20) + NEXT);
    expect(statuses(readAnswers(await client.closed()))).toEqual([200, 200]);
    client.destroy();
  });

  it('ends the connection of a chunked request', async () => {
    misbehave = answering(early);
    const client = rawClient(proxy.port);
    client.write(
      `${request('POST', '/bad', 'Transfer-Encoding: chunked\r\n')}${`8000\r\n${'x'.repeat(0x8000)}\r\n`.repeat(4)}`,
    );
    const seen = await client.closed();
    client.destroy();
    expect(readAnswers(seen).map((answer) => [answer.status, answer.fields.get('connection')])).toEqual([
      [200, 'close'],
    ]);
  });
});

describe('interim answers', () => {
  it('100 is ours to send, others are passed on', async () => {
    misbehave = answering(
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${GOOD}`,
    );
    const answers = readAnswers(
      await exchangeRaw(proxy.port, request('GET', '/bad', 'Connection: close\r\n')),
    );
    expect(statuses(answers)).toEqual([103, 102, 200]);
    expect(answers[0].fields.get('link')).toBe('</a>');
    expect(answers[0].fields.has('content-length')).toBe(false);
    expect(answers[2].reason).toBe('OK');
  });

  it('none goes to a client of HTTP/1.0', async () => {
    misbehave = answering(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${GOOD}`);
    expect(statuses(readAnswers(await exchangeRaw(proxy.port, 'GET /bad HTTP/1.0\r\n\r\n')))).toEqual([200]);
  });

  it('leave nothing in the page that follows when the peer fails', async () => {
    misbehave = answering('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', endSoon);
    const answers = readAnswers(await exchangeRaw(proxy.port, request('GET', '/bad') + NEXT));
    expect(answers.map((answer) => [answer.status, answer.reason])).toEqual([
      [103, 'Early Hints'],
      [502, 'Bad Gateway'],
      [200, 'OK'],
    ]);
    expect(answers[1].fields.has('link')).toBe(false);
  });
});
