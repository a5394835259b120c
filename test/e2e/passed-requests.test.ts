// Good requests in all their spellings: passed on in one form only.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeRaw, rawClient, readToEnd } from '../support/raw-client.ts';
import { type RecordingPeer, startRecordingPeer } from '../support/recording-peer.ts';

let peer: RecordingPeer;
let proxy: Proxy;

beforeAll(async () => {
  peer = await startRecordingPeer();
  proxy = await startProxy(`http { upstream u { server ${peer.address}; }
    server { listen 127.0.0.1:0;
      location / { proxy_pass http://u; proxy_set_header Host $http_host; }
      location /stream { proxy_pass http://u; proxy_set_header Host $http_host; proxy_request_buffering off; }
      location /small { proxy_pass http://u; client_max_body_size 10; } } }`);
});

afterAll(async () => {
  await proxy?.close();
  await peer?.close();
});

beforeEach(() => peer.forget());

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';

/** `[rule, what the client sends, what the peer gets]`; the client's last request closes. */
const passed: readonly (readonly [string, string, string])[] = [
  [
    'a plain request',
    'GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n',
    'GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n',
  ],
  ['lone LFs become CRLF', 'GET / HTTP/1.1\nHost: a\nX: y\n\n', 'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n'],
  [
    'LF and CRLF mixed become CRLF',
    'GET / HTTP/1.1\r\nHost: a\nX: y\r\nZ: z\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nZ: z\r\n\r\n',
  ],
  [
    'OWS is made one space',
    'GET / HTTP/1.1\r\nHost:\ta \r\nX:y\r\nY: \t y  z \t\r\nZ:\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nY: y  z\r\nZ: \r\n\r\n',
  ],
  [
    'empty lines in front are dropped',
    '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
  [
    'Host keeps its case',
    'GET / HTTP/1.1\r\nhOST: ExAmple\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: ExAmple\r\n\r\n',
  ],
  [
    'absolute form wins over Host',
    'GET http://b:8/x?y HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /x?y HTTP/1.1\r\nHost: b:8\r\n\r\n',
  ],
  [
    'absolute form without path',
    'GET http://b HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: b\r\n\r\n',
  ],
  [
    'the target is passed on byte for byte',
    'GET /a//b/./c%2Fd?e=%zz%00&f="<>| HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /a//b/./c%2Fd?e=%zz%00&f="<>| HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
  ['a method of its own', 'BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n', 'BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n'],
  [
    'names with underscores or dots are dropped',
    'GET / HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\na.b: 2\r\nC-d: 3\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nC-d: 3\r\n\r\n',
  ],
  [
    'names with quotes or bytes from 0x80 are dropped',
    'GET / HTTP/1.1\r\nHost: a\r\n"X": b\r\n\xe4: b\r\n"Content-Length": 7\r\nC-d: 3\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nC-d: 3\r\n\r\n',
  ],
  [
    'Transfer_Encoding and Content_Length frame nothing',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent_Length: 7\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
  [
    'order, case and duplicates are kept',
    'GET / HTTP/1.1\r\nHost: a\r\nb: 1\r\nA: 2\r\nB: 3\r\nb: 1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nb: 1\r\nA: 2\r\nB: 3\r\nb: 1\r\n\r\n',
  ],
  [
    'bytes from 0x80 in a value stay',
    'GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\xff\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\xff\r\n\r\n',
  ],
  [
    'hop-by-hop fields and those that Connection names end here',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nProxy: evil\r\nX-Other: 2\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX-Other: 2\r\n\r\n',
  ],
  [
    'of several protocols to change to only WebSocket goes on',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c , WebSocket\r\nHTTP2-Settings: AA\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
  ],
  [
    'a protocol whose name only has WebSocket in it stays here',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: not-websocket, websocket/13\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
  [
    'Connection cannot take away what the request means',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: Host, Content-Length, X-Forwarded-For, x-real-ip, Cookie, Authorization\r\nX-Forwarded-For: 1\r\nX-Real-IP: 2\r\nCookie: c\r\nAuthorization: d\r\nContent-Length: 2\r\n\r\nhi',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-Forwarded-For: 1\r\nX-Real-IP: 2\r\nCookie: c\r\nAuthorization: d\r\n\r\nhi',
  ],
  [
    'Content-Length is written anew',
    'POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:  0005 \r\n\r\nhello',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  ],
  [
    'Content-Length 0 is passed on',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'a chunked body that fits the buffer gets a length',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nhel\r\n002\r\nlo\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  ],
  [
    'trailers of a body that is read whole stay behind',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  ],
  [
    'trailers are passed on when streaming',
    'POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nX-Sum: 1\r\nX_y: 2\r\n\r\n',
    'POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
  ],
  [
    'a second minor version is spoken as 1.1',
    'GET / HTTP/1.2\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
];

describe('a good request is passed on in one form', () => {
  const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const lastForm = 'GET /last HTTP/1.1\r\nHost: a\r\n\r\n';

  it.each(passed)('%s', async (_rule, bytes, expected) => {
    const answers = readAnswers(await exchangeRaw(proxy.port, bytes + last));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    expect(peer.received.join('')).toBe(expected + lastForm);
  });

  it.each(passed)('%s, in single bytes', async (_rule, bytes, expected) => {
    const client = rawClient(proxy.port);
    client.socket.setNoDelay(true);
    for (const byte of bytes + last) {
      client.write(byte);
      await new Promise(setImmediate);
    }
    const answers = readAnswers(await readToEnd(client));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    const seen = peer.received.join('');
    // How a streamed body is cut into chunks is a matter of its segments.
    if (expected.includes('5\r\nhello\r\n'))
      expect(seen.replaceAll(/(?<!^)[1-5]\r\n([a-z]{1,5})\r\n/g, '$1')).toContain(
        'hello0\r\nX-Sum: 1\r\n\r\n',
      );
    else expect(seen).toBe(expected + lastForm);
  });

  it('Expect: 100-continue is answered before the body comes, and not passed on', async () => {
    const client = rawClient(proxy.port);
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
    );
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('hello');
    expect(readAnswers(await readToEnd(client)).map((answer) => answer.status)).toEqual([100, 200]);
    expect(peer.received).toEqual(['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello']);
  });

  it('Expect: 100-continue of a client that did not wait gets its 100 all the same', async () => {
    const bytes =
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello';
    expect(readAnswers(await exchangeRaw(proxy.port, bytes)).map((answer) => answer.status)).toEqual([
      100, 200,
    ]);
  });

  it('Expect of a request that is refused gets no 100, and the connection ends', async () => {
    const bytes = 'POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n';
    const answers = readAnswers(await exchangeRaw(proxy.port, bytes));
    expect(answers.map((answer) => answer.status)).toEqual([413]);
    expect(peer.connections).toBe(0);
  });

  it('HTTP/1.0 stays only when it asks to, and never gets chunks or a 100', async () => {
    const two = await exchangeRaw(
      proxy.port,
      'POST /1 HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nxGET /2 HTTP/1.0\r\n\r\nGET /3 HTTP/1.0\r\n\r\n',
    );
    const answers = readAnswers(two);
    expect(answers.map((answer) => [answer.status, answer.fields.get('connection')])).toEqual([
      [200, 'keep-alive'],
      [200, 'close'],
    ]);
    expect(peer.received.join('')).not.toContain('/3');
  });

  it('OPTIONS * is for no location and ends nothing', async () => {
    const answers = readAnswers(
      await exchangeRaw(proxy.port, `OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n${last}`),
    );
    expect(answers.map((answer) => answer.status)).toEqual([405, 200]);
    expect(peer.received).toEqual([lastForm]);
  });

  it('Connection: close is obeyed whatever follows', async () => {
    const answers = readAnswers(
      await exchangeRaw(
        proxy.port,
        `${GET}Connection: x, CLOSE\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n`,
      ),
    );
    expect(answers.map((answer) => answer.fields.get('connection'))).toEqual(['close']);
    expect(peer.received.join('')).not.toContain('evil');
  });
});
