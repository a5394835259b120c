// What our strict parser accepts, the default (strict) parser of node:http reads the same way: method, target, fields, body.
// It is one of the recipients that may stand behind us, and an independent reading of the same RFCs.
// Left out, because we accept by decision what llhttp does not: a lone LF at the end of a line, methods it has no name for,
// minor versions above 1, an extension of a chunk that is no token (we drop extensions unread).
import { createServer, METHODS, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChunkedDecoder } from '../../src/http/chunked.ts';
import { latin1, readRequest } from './heads.ts';

interface Reading {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly string[])[];
  readonly body: string;
}

let server: Server;

beforeAll(async () => {
  server = createServer(
    { insecureHTTPParser: false, maxHeaderSize: 65_536, keepAliveTimeout: 1 },
    (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const fields = Array.from({ length: req.rawHeaders.length / 2 }, (_, i) =>
          req.rawHeaders.slice(2 * i, 2 * i + 2),
        );
        const body = Buffer.concat(chunks).toString('latin1');
        const reading: Reading = { method: req.method ?? '', target: req.url ?? '', fields, body };
        res.writeHead(200, { connection: 'close' }).end(JSON.stringify(reading));
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** What node:http made of the bytes; the answer's first line when it refused them. */
function readByNode(bytes: Buffer): Promise<Reading | string> {
  return new Promise((resolve, reject) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.setTimeout(3000, () =>
      socket.destroy(new Error(`no answer to ${JSON.stringify(bytes.toString('latin1'))}`)),
    );
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => {
      socket.destroy();
      const text = Buffer.concat(chunks).toString('utf8').replace('HTTP/1.1 100 Continue\r\n\r\n', '');
      const json = /\{.*\}/s.exec(text);
      resolve(
        text.startsWith('HTTP/1.1 200') && json !== null
          ? (JSON.parse(json[0]) as Reading)
          : text.slice(0, 60),
      );
    });
    socket.write(bytes);
  });
}

/** What we make of them; undefined when they are no complete request that both sides claim to understand. */
function readByUs(bytes: Buffer): Reading | undefined {
  const outcome = readRequest(bytes);
  if (outcome.kind !== 'head') return undefined;
  const { method, target, fields, chunked, contentLength } = outcome.head as {
    method: string;
    target: string;
    fields: (readonly [string, string])[];
    chunked: boolean;
    contentLength: number;
  };
  const head = bytes.latin1Slice(0, outcome.size);
  if (/(?<!\r)\n/.test(head) || !METHODS.includes(method) || !/ HTTP\/1\.[01]\r\n/.test(head))
    return undefined;
  const rest = Buffer.from(bytes.subarray(outcome.size));
  if (chunked) {
    const decoder = new ChunkedDecoder();
    const n = decoder.decode(rest, 0, rest.length);
    if (!decoder.done || decoder.consumed !== rest.length) return undefined;
    return { method, target, fields, body: rest.latin1Slice(0, n) };
  }
  if (rest.length !== Math.max(0, contentLength)) return undefined;
  return { method, target, fields, body: rest.latin1Slice() };
}

const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
const target = fc.oneof(
  fc
    .string({ unit: fc.constantFrom(...visible.filter((c) => c !== '#')), maxLength: 20 })
    .map((rest) => `/${rest}`),
  fc.constantFrom('/', '/a//b/../c?d=%zz', 'http://b:80/x?y', 'http://[::1]/'),
);
const name = fc.oneof(
  fc.constantFrom('Accept', 'X_y', 'a', '__proto__', "!#$%&'*+.^_`|~-"),
  fc.string({ unit: fc.constantFrom(...visible), minLength: 1, maxLength: 8 }),
);
const value = fc.string({
  unit: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...visible, ' ', '\t', '\xe4', '\xff') },
    { weight: 1, arbitrary: fc.nat(255).map((c) => String.fromCharCode(c)) },
  ),
  maxLength: 20,
});
const plainField = fc
  .tuple(name, fc.constantFrom(':', ': ', ':\t '), value, fc.constantFrom('', ' ', '\t'))
  .map((parts) => `${parts.join('')}\r\n`);
const special = fc.constantFrom(
  'Connection: keep-alive\r\n',
  'Connection: close\r\n',
  'Connection: x, te\r\n',
  'Expect: 100-continue\r\n',
  'Keep-Alive: timeout=5\r\n',
  'TE: trailers\r\n',
);
const chunk = fc
  .tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.constantFrom('', '', ';a', ';a=b', ';a="b c"'))
  .map(([text, extension]) => {
    const data = Buffer.from(text).toString('latin1');
    return `${data.length.toString(16)}${extension}\r\n${data}\r\n`;
  });
const framedBody = fc
  .oneof(
    fc.constant(''),
    fc.constant('\r\n'),
    fc.string({ maxLength: 40 }).map((text) => {
      const data = Buffer.from(text).toString('latin1');
      return `Content-Length: ${data.length}\r\n\r\n${data}`;
    }),
    fc
      .tuple(fc.array(chunk, { maxLength: 4 }), fc.constantFrom('', 'X-Sum: 1\r\n', 'a:b\r\nc: d\r\n'))
      .map(
        ([chunks, trailers]) => `Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n${trailers}\r\n`,
      ),
  )
  .map((text) => (text === '' ? '\r\n' : text));

const request = fc
  .tuple(
    fc.constantFrom('', '', '\r\n'),
    fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'M-SEARCH', 'PATCH'),
    target,
    fc.constantFrom('1', '1', '1', '0'),
    fc.array(fc.oneof({ weight: 4, arbitrary: plainField }, { weight: 1, arbitrary: special }), {
      maxLength: 4,
    }),
    framedBody,
    fc.option(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { freq: 2 }),
  )
  .map(([before, method, uri, minor, fields, body, change]) => {
    const bytes = latin1(`${before}${method} ${uri} HTTP/1.${minor}\r\nHost: a\r\n${fields.join('')}${body}`);
    if (change !== null) bytes[Math.floor(change[0] * (bytes.length - 1))] = change[1];
    return bytes;
  });

describe('node:http reads what we accept', () => {
  it('the same way', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(request, async (bytes) => {
        const ours = readByUs(bytes);
        // Bytes of UTF-8 stand in targets as they are, as in nginx (test/nginx/raw-bytes); node:http refuses them.
        if (ours === undefined || /[\x80-\xff]/.test(ours.target)) return;
        // Names that are no tokens are dropped behind the parser, as in nginx (test/nginx/field-names).
        if (ours.fields.some(([name]) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))) return;
        compared++;
        expect(await readByNode(bytes)).toEqual(ours);
      }),
      { numRuns: 1500 },
    );
    expect(compared).toBeGreaterThan(400);
  });
});
