// FastCGI apps that do what they should not, byte for byte: no request hangs, no answer looks complete that is not, nothing is sent twice.
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Proxy, startProxy } from '../../support/proxy.ts';
import { startRawUpstream, type TestPeer } from '../../support/upstream.ts';
import { type Answer, exchangeOnce } from '../../support/wire.ts';

const record = (
  type: number,
  content: string,
  more: { padding?: number; id?: number; version?: number } = {},
): string => {
  const { padding = 0, id = 1, version = 1 } = more;
  const head = [version, type, id >> 8, id & 255, content.length >> 8, content.length & 255, padding, 0];
  return String.fromCharCode(...head) + content + '\0'.repeat(padding);
};
const out = (text: string, padding = 0): string => record(6, text, { padding });
const err = (text: string): string => record(7, text);
const end = (status = 0, padding = 0): string =>
  record(3, `\0\0\0\0${String.fromCharCode(status)}\0\0\0`, { padding });
const OK = out('Content-Type: text/plain\r\n\r\nfine') + out('') + end();

/** `[what, bytes, status of the answer or '' where it is cut off, body, words of the error log]`. */
const CASES: readonly (readonly [string, string, string, string, string])[] = [
  ['a good answer', OK, '200', 'fine', ''],
  ['one without the end of its output', out('A: b\n\nfine') + end(), '200', 'fine', ''],
  ['padding everywhere', out('A: b\n\n', 7) + out('fine', 255) + out('', 3) + end(0, 8), '200', 'fine', ''],
  [
    'words to the error log between',
    out('A: b\n\nfi') + err('hm') + out('ne') + end(),
    '200',
    'fine',
    'FastCGI sent in stderr: "h',
  ],
  ['more than its length', out('Content-Length: 4\n\nfine and more') + end(), '200', 'fine', ''],
  [
    'more records than its length',
    out('Content-Length: 4\n\nfi') + out('ne!') + out('x') + end(),
    '200',
    'fine',
    '',
  ],
  [
    'less than its length',
    out('Content-Length: 9\n\nfine') + end(),
    '',
    '',
    'the app ended its answer before the length that it said',
  ],
  ['no end', out('A: b\n\nfine'), '', '', 'the peer closed the connection in the middle of its answer'],
  ['no end, but its length', out('Content-Length: 4\n\nfine'), '200', 'fine', ''],
  [
    'half a record',
    out('A: b\n\nfine').slice(0, -2),
    '',
    '',
    'the peer closed the connection in the middle of its answer',
  ],
  ['half a head', out('A: b\n').slice(0, -1), '502', '', 'the peer closed the connection before it answered'],
  ['nothing', '', '502', '', 'the peer closed the connection before it answered'],
  [
    'HTTP',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    '502',
    '',
    'its bytes are no FastCGI of version 1 (72)',
  ],
  [
    'another version',
    record(6, 'A: b\n\nx', { version: 2 }),
    '502',
    '',
    'its bytes are no FastCGI of version 1 (2)',
  ],
  [
    'another request',
    record(6, 'A: b\n\nx', { id: 2 }),
    '502',
    '',
    'a FastCGI record is of another request (2)',
  ],
  [
    'another request in its body',
    out('A: b\n\nfi') + record(6, 'ne', { id: 258 }),
    '',
    '',
    'a FastCGI record is of another request (256 or more)',
  ],
  [
    'an unknown record',
    record(11, '12345678'),
    '502',
    '',
    'a FastCGI record of type 11 has no place in an answer',
  ],
  ['an end only', end(), '502', '', 'the request ended before a head'],
  ['empty output', out('') + end(), '502', '', 'its output ended before a head'],
  ['cannot multiplex', end(1), '502', '', 'FCGI_CANT_MPX_CONN'],
  ['overloaded', end(2), '502', '', 'the app is overloaded (FCGI_OVERLOADED)'],
  ['unknown role', end(3), '502', '', 'FCGI_UNKNOWN_ROLE'],
  ['no head', out('hello world\n\n') + end(), '502', '', 'space before colon or in a field name'],
  ['NUL in its head', out('A: \0\n\n') + end(), '502', '', 'control character in a field'],
  ['a bad status', out('Status: x\n\n') + end(), '502', '', 'invalid Status field'],
  ['an interim status', out('Status: 100 Continue\n\n') + end(), '502', '', 'invalid Status field'],
  ['a huge head', `${out(`A: ${'x'.repeat(5000)}\n\n`)}${end()}`, '502', '', 'field line too long'],
  ['a head without end', out('x'.repeat(60_000)), '502', '', 'head too large'],
  ['a thousand fields and one', out(`${'A: b\n'.repeat(1001)}\n`) + end(), '502', '', 'too many fields'],
  [
    'a line that splits the answer',
    out('X: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n') + end(),
    '200',
    'HTTP/1.1 200 OK\r\n\r\n',
    '',
  ],
  ['Transfer-Encoding', out('Transfer-Encoding: chunked\n\n0\r\n\r\n') + end(), '200', '0\r\n\r\n', ''],
];

/** Cut off; or, where nothing of it had gone out yet, a page in its place. */
const isCut = (got: Answer | Error): boolean =>
  got instanceof Error || got.framing === 'cut' || got.statusLine.includes(' 502 ');

interface Plan {
  answer: string;
  /** How it is cut into writes: 1 = byte by byte. */
  pieces: number;
}

describe('a FastCGI app', () => {
  const plan: Plan = { answer: '', pieces: 0 };
  const seen: string[] = [];
  let app: TestPeer & { readonly connections: number };
  let proxy: Proxy;

  beforeAll(async () => {
    app = await startRawUpstream((socket) => {
      let got = '';
      socket.on('data', (chunk: Buffer) => {
        got += chunk.latin1Slice();
        // The end of the body: an empty record of type 5.
        if (!got.endsWith('\x01\x05\0\x01\0\0\0\0')) return;
        seen.push(got);
        got = '';
        void answer(socket, plan);
      });
    });
    proxy = await startProxy(`http { upstream one { server ${app.address} max_fails=0; }
      upstream two { server ${app.address} max_fails=0; server ${app.address} max_fails=0 weight=1; }
      upstream kept { server ${app.address} max_fails=0; keepalive 4; }
      fastcgi_buffer_size 4k; fastcgi_param A b;
      server { listen 127.0.0.1:0; location / { fastcgi_pass one; } location /two { fastcgi_pass two; }
        location /kept { fastcgi_pass kept; fastcgi_keep_conn on; }
        location /catch { fastcgi_pass one; fastcgi_catch_stderr "Fatal error"; } } }`);
  });
  afterAll(async () => {
    await proxy?.close();
    await app?.close();
  });

  async function ask(target: string, answerText: string, pieces = 0, method = 'GET') {
    plan.answer = answerText;
    plan.pieces = pieces;
    seen.length = 0;
    proxy.log.length = 0;
    const text = `${method} ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    return exchangeOnce(proxy.port, text).catch((error: Error) => error);
  }

  for (const pieces of [0, 1]) {
    it.each(CASES)(
      `${pieces === 0 ? 'at once' : 'byte by byte'}: %s`,
      async (_what, bytes, status, body, words) => {
        if (pieces === 1 && bytes.length > 3000) return expect(bytes).not.toBe('');
        const got = await ask('/', bytes, pieces);
        expect(seen).toHaveLength(1);
        if (words === '') expect(proxy.log).toEqual([]);
        else expect(proxy.log.join('\n')).toContain(words);
        // Whatever came of an answer that is cut off, it does not look complete.
        if (status === '') return expect(isCut(got)).toBe(true);
        if (got instanceof Error) throw got;
        expect(got.statusLine.slice(9, 12)).toBe(status);
        if (body !== '') expect(got.body).toBe(body);
      },
    );
  }

  it('that is overloaded did nothing: even a POST goes to the next one', async () => {
    await ask('/two', end(2), 0, 'POST');
    expect(seen).toHaveLength(2);
    await ask('/two', end(1), 0, 'POST');
    expect(seen).toHaveLength(1);
  });

  it('keeps its connection where both want that, and nothing came behind the end', async () => {
    const opened = async (bytes: string): Promise<number> => {
      const before = app.connections;
      expect(await ask('/kept', bytes)).toMatchObject({ body: 'fine' });
      return app.connections - before;
    };
    expect(await opened(OK)).toBe(1);
    expect(await opened(OK)).toBe(0);
    expect(await opened(`${OK}x`)).toBe(0);
    expect(await opened(OK)).toBe(1);
    expect(await opened(OK)).toBe(0);
  });

  it('is heard where fastcgi_catch_stderr listens', async () => {
    const got = await ask('/catch', err('PHP Fatal error: x') + OK);
    expect(got).toMatchObject({ status: 502 });
    expect(await ask('/catch', err('a warning') + OK)).toMatchObject({ body: 'fine' });
  });
});

async function answer(socket: Socket, { answer: bytes, pieces }: Plan): Promise<void> {
  const keep = bytes.includes(end()) && pieces === 0;
  if (pieces === 0) socket.write(bytes, 'latin1');
  else
    for (const byte of bytes) {
      socket.write(byte, 'latin1');
      await new Promise((resolve) => setImmediate(resolve));
    }
  if (!keep) socket.end();
}
