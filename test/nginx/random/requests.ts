// Random requests to a random configuration: as parts, so that a report can do without those that do not matter.
import { createHash } from 'node:crypto';
import { Random } from '../../fuzz/random.ts';
import { KINDS } from './answers.ts';
import { ETAGS, NAMES } from './site.ts';

export interface Request {
  readonly id: string;
  readonly line: string;
  /** Without those that every request has. */
  readonly fields: readonly string[];
  readonly body: string;
}

const MODIFIED = 'Tue, 14 Nov 2023 22:13:20 GMT';
const LATER = 'Wed, 15 Nov 2023 22:13:20 GMT';
const EARLIER = 'Mon, 13 Nov 2023 22:13:20 GMT';

const METHODS = [
  ...Array.from({ length: 12 }, () => 'GET'),
  ...['HEAD', 'HEAD', 'POST', 'POST', 'POST', 'PUT', 'OPTIONS', 'DELETE'],
];

export function requestsOf(
  seed: number,
  site: number,
  prefixes: readonly string[],
  count: number,
): Request[] {
  const random = new Random(seed ^ 0x5eed, site);
  const host = `s${site % 1000}.test`;
  const targets: string[] = [];
  return Array.from({ length: count }, (_, i) => {
    // Caches and limits know what was asked for before.
    const isAgain = targets.length > 0 && random.chance(30);
    const target = isAgain ? random.pick(targets) : targetOf(random, prefixes);
    targets.push(target);
    return one(random, host, target, `c${site}-${i}`);
  });
}

function one(random: Random, host: string, target: string, id: string): Request {
  const method = random.pick(METHODS);
  const version = random.chance(8) ? '1.0' : '1.1';
  const withBody = method === 'POST' || method === 'PUT' || random.chance(3);
  const body = withBody
    ? random.pick(['', 'x=1&y=2', 'a body of some words', 'b'.repeat(300), 'c'.repeat(20_000)])
    : '';
  const isChunked = withBody && version === '1.1' && random.chance(35);
  const framing = isChunked
    ? ['Transfer-Encoding: chunked']
    : withBody
      ? [`Content-Length: ${body.length}`]
      : [];
  return {
    id,
    line: `${method} ${target} HTTP/${version}`,
    fields: [hostField(random, host), ...fieldsOf(random), ...framing],
    body: isChunked ? inChunks(body) : body,
  };
}

const hostField = (random: Random, host: string): string =>
  `Host: ${random.pick([host, host, host, host, host, `${host}:8080`, host.toUpperCase(), `${host}.`])}`;

function targetOf(random: Random, prefixes: readonly string[]): string {
  const prefix = random.pick(prefixes);
  const dice = random.below(100);
  const name = dice < 30 ? `k${random.below(KINDS)}` : dice < 90 ? random.pick(NAMES) : random.pick(ODD);
  const slash = prefix.endsWith('/') || random.chance(60) ? '' : '/';
  const path = random.chance(12) ? prefix : `${prefix}${slash}${name}`;
  return path.replaceAll(' ', '%20') + (random.chance(40) ? random.pick(ARGS) : '');
}

/** Nothing that leads out of the root or cannot be decoded: of such a request nginx has not read the fields, by which it is known here. */
const ODD = [
  ...['./small.txt', 'dir/../small.txt', '/small.txt', '//x', 'sm%61ll.txt', 'dir/%2e%2e/small.txt'],
  ...['small.txt%20', 'a%2Fb', 'caf%C3%A9', 'x%3Fy', '%25', 'small.txt/', 'x.php', 'é', 'a+b', '%7e', '.'],
];

/** What `secure_link_md5 word` signs. */
const SIGNED = createHash('md5').update('word').digest('base64url');

const ARGS = [
  ...[
    '?',
    '?a=1',
    '?a=foo',
    '?a=foo&b=1',
    '?a=b2&b=2',
    '?b=1',
    '?r=a',
    '?a=%20x&a=2',
    '?e=1h',
    '?a',
    '?f=x.txt',
  ],
  ...['?a=1?b=2', '?x=/../y', '?i=html', '?a=%C3%A9', '?A=upper', '?u=users'],
  ...[`?s=${SIGNED}`, `?s=${SIGNED}&x=1`, `?x=99999999999&s=${SIGNED}`, '?s=wrong&x=99999999999'],
  ...['?callback=f', '?callback=1f'],
];

const UID = 'Cookie: uid=fwAAAbB8CmkAAAAAAAAAAg==; other=x';

function fieldsOf(random: Random): string[] {
  const fields: string[] = [];
  const now = (percent: number, ...choices: string[]): void => {
    if (random.chance(percent)) fields.push(random.pick(choices));
  };
  now(20, 'X-Test: foobar', 'X-Test: bar', 'X-Test: Foo x', 'X-Test:');
  now(20, `X-Kind: ${random.below(KINDS)}`);
  now(
    30,
    'Accept-Encoding: gzip',
    'Accept-Encoding: gzip, deflate, br',
    'Accept-Encoding: gzip;q=0',
    'Accept-Encoding: *',
    'Accept-Encoding: identity',
    'Accept-Encoding: deflate, gzip;q=0.5',
  );
  now(
    18,
    'Range: bytes=0-4',
    'Range: bytes=2-',
    'Range: bytes=-5',
    'Range: bytes=0-1,4-5',
    'Range: bytes=999999-',
    'Range: bytes=5-2',
    'Range: bytes=0-0,-1',
    'Range: bytes=0-2,1-9,3-',
    'Range: lines=1-2',
    'Range: bytes=0-999999',
  );
  now(
    5,
    `If-Range: ${random.pick(ETAGS)}`,
    `If-Range: ${MODIFIED}`,
    `If-Range: ${LATER}`,
    'If-Range: "peer-1"',
  );
  now(10, `If-Modified-Since: ${random.pick([MODIFIED, LATER, EARLIER, 'yesterday'])}`);
  now(
    10,
    `If-None-Match: ${random.pick([random.pick(ETAGS), '*', '"peer-1"', `W/${random.pick(ETAGS)}`, `"x", ${random.pick(ETAGS)}`, '"added"'])}`,
  );
  now(4, `If-Match: ${random.pick([random.pick(ETAGS), '*', '"none"', '"peer-1"'])}`);
  now(4, `If-Unmodified-Since: ${random.pick([MODIFIED, LATER, EARLIER])}`);
  now(15, 'Cookie: c=1', 'Cookie: c=abc; d=2', 'Cookie: d=1; c=77', UID, `Cookie: s=${SIGNED}`);
  now(
    15,
    'Authorization: Basic dXNlcjpzZWNyZXQ=',
    'Authorization: Basic b3RoZXI6cGFzcw==',
    'Authorization: Basic dXNlcjp3cm9uZw==',
    'Authorization: Basic %%%',
    'Authorization: Bearer x',
  );
  now(
    12,
    'X-Forwarded-For: 10.1.1.1',
    'X-Forwarded-For: 10.1.1.1, 10.2.2.2',
    'X-Forwarded-For: 10.1.1.1, x, 127.0.0.1',
    'X-Forwarded-For: 10.3.3.3:80',
  );
  now(5, 'X-Real-IP: 10.4.4.4', 'X-Real-IP: 127.0.0.1, 10.5.5.5', 'X-Real-IP: nobody');
  now(6, 'Referer: http://ref.test/x', 'User-Agent: tester/1', 'Via: 1.1 proxy', 'Cache-Control: no-cache');
  now(6, 'Content-Type: text/plain', 'Content-Type: application/x-www-form-urlencoded');
  now(25, 'Connection: close', 'Connection: close', 'Connection: keep-alive');
  return fields;
}

function inChunks(body: string): string {
  // Where a body is too large, its first chunk is, too: nginx logs as $content_length how many bytes of chunks came before.
  const pieces = body === '' ? [] : [body.slice(0, -1), body.slice(-1)];
  return `${pieces
    .filter((piece) => piece !== '')
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
    .join('')}0\r\n\r\n`;
}

export const bytesOf = ({ id, line, fields, body }: Request): string =>
  `${[line, ...fields, `X-Case: ${id}`].join('\r\n')}\r\n\r\n${body}`;
