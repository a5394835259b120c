// Static files, answer by answer, against the real nginx on the same directory: status, fields, body, connection.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';
import { ask, type NginxReference, nginxVersion, startNginx } from '../support/nginx.ts';
import { makeFiles, nginxLocations, type OurSite, ourSite, SERVER_NAME, TYPES_BLOCK } from './site.ts';

const MTIME = 'Tue, 14 Nov 2023 22:13:20 GMT';
const BEFORE = 'Tue, 14 Nov 2023 22:13:19 GMT';
const AFTER = 'Wed, 15 Nov 2023 22:13:20 GMT';
/** Of small.txt: 36 bytes. */
const ETAG = '"6553f100-24"';

/** Method and target, then field lines. */
type Case = readonly [requestLine: string, ...fields: string[]];

const PLAIN: Case[] = [
  ['GET /'],
  ['HEAD /'],
  ['POST /'],
  ['GET /small.txt'],
  ['HEAD /small.txt'],
  ['GET /small.txt?a=b'],
  ['GET /empty.txt'],
  ['HEAD /empty.txt'],
  ['GET /big.bin'],
  ['HEAD /big.bin'],
  ['GET /PIC.JPG'],
  ['GET /noext'],
  ['GET /.profile'],
  ['GET /a.b.CSS'],
  ['GET /dot.d/plain'],
  ['GET /d.txt/inner'],
  ['GET /nanos.txt'],
  ['GET /sp%20ace%20%C3%A9%22%3Cx%3E.txt'],
  ['GET /link.txt'],
  ['GET /pics/'],
  ['GET /second/'],
  ['GET /second/?q'],
  ['GET /notype/noext'],
  ['GET /notag/small.txt'],
  ['GET /ancient.txt'],
];
const FAILURES: Case[] = [
  ['GET /nothing'],
  ['HEAD /nothing'],
  ['GET /nothing/'],
  ['GET /noindex/'],
  ['HEAD /noindex/'],
  ['GET /small.txt/'],
  ['GET /small.txt/x'],
  [`GET /${'n'.repeat(300)}`],
  ['GET /fifo'],
  ['GET /gone/x'],
  ['GET /gone/'],
  ['PUT /small.txt'],
  ['DELETE /small.txt'],
  ['OPTIONS /small.txt'],
  ['POST /small.txt'],
  ['PATCH /nothing'],
  ['PUT /noindex/'],
  ['POST /noindex/'],
  ['POST /nothing'],
  ['PROPFIND /'],
];
const DIRECTORIES: Case[] = [
  ['GET /pics'],
  ['HEAD /pics'],
  ['POST /pics'],
  ['GET /pics?a=b&c'],
  ['GET /dir%20%C3%A9%20%23%25'],
  ['GET /dirindex/'],
  ['GET /rel/pics'],
  ['GET /rel/pics?x=1'],
  ['GET /noport/pics'],
  ['GET /named/pics'],
  ['GET /al/../pics'],
];
const ALIASES: Case[] = [
  ['GET /al/1.jpg'],
  ['GET /al/'],
  ['GET /al/nothing'],
  ['GET /al'],
  ['GET /exact'],
  ['GET /re/small.txt'],
  ['GET /re/pics/'],
  ['GET /re/pics'],
  ['GET /absindex/'],
  ['GET /absindex/noindex/?a'],
  ['GET /re/'],
];
const CONDITIONS: Case[] = [
  ['GET /small.txt', `If-Modified-Since: ${MTIME}`],
  ['HEAD /small.txt', `If-Modified-Since: ${MTIME}`],
  ['GET /small.txt', `If-Modified-Since: ${BEFORE}`],
  ['GET /small.txt', `If-Modified-Since: ${AFTER}`],
  ['GET /imsoff/small.txt', `If-Modified-Since: ${MTIME}`],
  ['GET /imsbefore/small.txt', `If-Modified-Since: ${AFTER}`],
  ['GET /imsbefore/small.txt', `If-Modified-Since: ${BEFORE}`],
  ['GET /imsbefore/small.txt', 'If-Modified-Since: never'],
  ['GET /small.txt', 'If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT'],
  ['GET /small.txt', 'If-Modified-Since: Tue Nov 14 22:13:20 2023'],
  ['GET /small.txt', 'If-Modified-Since: soon'],
  ['GET /small.txt', 'If-Modified-Since: Tue, 31 Feb 2023 22:13:20 GMT'],
  ['GET /ancient.txt', 'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT'],
  ['GET /nanos.txt', `If-Modified-Since: ${MTIME}`],
  ['GET /small.txt', `If-None-Match: ${ETAG}`],
  ['GET /small.txt', `If-None-Match: W/${ETAG}`],
  ['GET /small.txt', 'If-None-Match: *'],
  ['GET /small.txt', 'If-None-Match: "x"'],
  ['GET /small.txt', `If-None-Match: "x", ${ETAG} , "y"`],
  ['GET /small.txt', `If-None-Match: "x",W/${ETAG}`],
  ['GET /small.txt', `If-None-Match: ${ETAG}x`],
  ['GET /notag/small.txt', `If-None-Match: ${ETAG}`],
  ['GET /notag/small.txt', 'If-None-Match: *'],
  ['GET /small.txt', `If-None-Match: ${ETAG}`, `If-Modified-Since: ${BEFORE}`],
  ['GET /small.txt', 'If-None-Match: "x"', `If-Modified-Since: ${MTIME}`],
  ['GET /small.txt', `If-None-Match: ${ETAG}`, `If-Modified-Since: ${MTIME}`],
  ['GET /small.txt', `If-Match: ${ETAG}`],
  ['GET /small.txt', `If-Match: W/${ETAG}`],
  ['GET /small.txt', 'If-Match: *'],
  ['GET /small.txt', 'If-Match: "x"'],
  ['HEAD /small.txt', 'If-Match: "x"'],
  ['GET /notag/small.txt', `If-Match: ${ETAG}`],
  ['GET /small.txt', `If-Unmodified-Since: ${MTIME}`],
  ['GET /small.txt', `If-Unmodified-Since: ${BEFORE}`],
  ['GET /small.txt', `If-Unmodified-Since: ${AFTER}`],
  ['GET /small.txt', 'If-Unmodified-Since: x'],
  ['GET /small.txt', `If-Match: ${ETAG}`, `If-None-Match: ${ETAG}`],
  ['GET /nothing', 'If-Match: "x"'],
  ['GET /small.txt', 'If-Match: "x"', 'Range: bytes=0-1'],
  ['GET /small.txt', `If-None-Match: ${ETAG}`, 'Range: bytes=0-1'],
];
const RANGES: Case[] = [
  'bytes=0-0',
  'bytes=0-9',
  'bytes=10-',
  'bytes=-5',
  'bytes=-100',
  'bytes=-0',
  'bytes=35-35',
  'bytes=35-100',
  'bytes=36-',
  'bytes=36-40',
  'bytes=9-5',
  'bytes=0-99999999999999999999',
  'bytes=99999999999999999999-',
  'bytes=9223372036854775807-',
  'BYTES=0-1',
  'bytes= 0-1',
  'bytes=0 - 1 ',
  'bytes=0- 1',
  'bytes=- 5',
  'bytes=-5 ',
  'bytes=-',
  'bytes=',
  'bytes=x',
  'bytes=0-1,',
  'bytes=,0-1',
  'bytes=0-1x',
  'items=0-1',
  'bytes 0-1',
  'bytes=0-1,4-5',
  'bytes=0-1, 4-5 ,-2',
  'bytes=0-1,99-',
  'bytes=99-,98-',
  'bytes=0-30,10-35',
  'bytes=0-35,0-0',
  'bytes=4-5,0-1',
  'bytes=0-17,18-35',
  `bytes=${Array.from({ length: 16 }, (_, i) => `${i}-${i}`).join()}`,
  `bytes=${Array.from({ length: 17 }, (_, i) => `${i}-${i}`).join()}`,
  'bytes=0-1,0-1,0-1,x',
].map((range) => ['GET /small.txt', `Range: ${range}`]);
const MORE_RANGES: Case[] = [
  ['HEAD /small.txt', 'Range: bytes=0-9'],
  ['HEAD /small.txt', 'Range: bytes=0-9,20-21'],
  ['HEAD /small.txt', 'Range: bytes=99-'],
  ['GET /big.bin', 'Range: bytes=1000-150000'],
  ['GET /big.bin', 'Range: bytes=0-99999,100000-199999'],
  ['GET /big.bin', 'Range: bytes=0-65535'],
  ['GET /big.bin', 'Range: bytes=0-65536'],
  ['GET /big.bin', 'Range: bytes=0-262143'],
  ['GET /big.bin', 'Range: bytes=0-262144'],
  ['GET /big.bin', 'Range: bytes=0-299999,300000-599999'],
  ['GET /big.bin', 'Range: bytes=-65536,0-3'],
  ['GET /empty.txt', 'Range: bytes=0-'],
  ['GET /empty.txt', 'Range: bytes=-1'],
  ['GET /empty.txt', 'Range: bytes=1-'],
  ['GET /empty.txt', 'Range: bytes=0-0'],
  ['GET /noranges/small.txt'],
  ['GET /noranges/small.txt', 'Range: bytes=0-1'],
  ['GET /tworanges/small.txt', 'Range: bytes=0-1,3-4'],
  ['GET /tworanges/small.txt', 'Range: bytes=0-1,3-4,6-7'],
  ['GET /notype/noext', 'Range: bytes=0-0'],
  ['GET /notype/big.bin', 'Range: bytes=0-0,5-5'],
  ['POST /small.txt', 'Range: bytes=0-1'],
  ['GET /pics', 'Range: bytes=0-1'],
  ['GET /nothing', 'Range: bytes=0-1'],
  ['GET /small.txt', 'Range: bytes=0-1', `If-Range: ${ETAG}`],
  ['GET /small.txt', 'Range: bytes=0-1', 'If-Range: "x"'],
  ['GET /small.txt', 'Range: bytes=0-1', `If-Range: W/${ETAG}`],
  ['GET /small.txt', 'Range: bytes=0-1', `If-Range: ${MTIME}`],
  ['GET /small.txt', 'Range: bytes=0-1', `If-Range: ${AFTER}`],
  ['GET /small.txt', 'Range: bytes=0-1', `If-Range: ${BEFORE}`],
  ['GET /small.txt', 'Range: bytes=0-1', 'If-Range: x'],
  ['GET /notag/small.txt', 'Range: bytes=0-1', `If-Range: ${ETAG}`],
  ['GET /small.txt', 'Range: bytes=99-', 'If-Range: "x"'],
];

const HOSTS: Case[] = [
  ['GET /pics', 'Host: Example.COM'],
  ['GET /pics', 'Host: example.com:8080'],
  ['GET /pics', 'Host: example.com.'],
  ['GET /pics', 'Host: [::1]:99'],
  ['GET http://other.example/pics', 'Host: example.com'],
];

describe.skipIf(nginxVersion === '')('static files answer as nginx does', () => {
  let nginx: NginxReference;
  let site: OurSite;
  let files: ReturnType<typeof makeFiles>;

  beforeAll(async () => {
    files = makeFiles();
    site = ourSite(files.root, nginxVersion);
    const http = `${TYPES_BLOCK} default_type application/x-default; index index.html index.htm; max_ranges 16;`;
    nginx = await startNginx(`server_name ${SERVER_NAME}; ${nginxLocations(files.root)}`, http);
  });
  afterAll(async () => {
    await nginx?.stop();
    files?.remove();
  });

  async function compare(requestLine: string, fields: readonly string[]): Promise<void> {
    const host = fields.some((field) => field.startsWith('Host:')) ? [] : ['Host: example.org'];
    const head = [`${requestLine} HTTP/1.1`, ...host, ...fields, '', ''].join('\r\n');
    const expected = await ask(nginx.port, head);
    const client = new FakeClient({ localPort: nginx.port });
    // nginx resolves dot segments of a path itself; here the exchange comes with a path that has none.
    const exchange = fakeExchange(client, head.replace('/al/../', '/'), {}, SERVER_NAME);
    site.handle(exchange);
    const answer = await client.answer;
    const ours = comparable(
      answer.status,
      [...answer.fields, ['Connection', answer.closeAfter ? 'close' : 'keep-alive']],
      answer.body,
    );
    expect(ours).toEqual(comparable(expected.status, expected.fields, expected.body));
    expect(answer.end).toBe('finished');
  }

  for (const [group, cases] of Object.entries({
    PLAIN,
    FAILURES,
    DIRECTORIES,
    ALIASES,
    CONDITIONS,
    RANGES,
    MORE_RANGES,
    HOSTS,
  })) {
    describe(group.toLowerCase().replace('_', ' '), () => {
      it.each(cases.map((c) => ({ name: c.join(' | ').slice(0, 90), c })))(
        '$name',
        ({ c: [line, ...fields] }) => compare(line, fields),
      );
    });
  }
});

/** Boundaries of multipart bodies are numbers of their maker: both get the same one. */
function comparable(status: number, fields: readonly (readonly [string, string])[], body: Buffer): unknown {
  const boundary = /boundary=(\d{20})$/.exec(
    fields.find(([name]) => name === 'Content-Type')?.[1] ?? '',
  )?.[1];
  const same = (text: string): string =>
    boundary === undefined ? text : text.replaceAll(boundary, '0'.repeat(20));
  const kept = fields.filter(([name]) => name !== 'Server' && name !== 'Date');
  return {
    status,
    fields: kept.map(([name, value]) => `${name}: ${same(value)}`).sort(),
    body: same(body.toString('latin1')),
  };
}
