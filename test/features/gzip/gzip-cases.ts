// What nginx and lbproxy are both asked about gzip: configurations, answers of a peer, and fields of requests.
import { gzipSync } from 'node:zlib';
import { answerWith } from '../../nginx/echo-peer.ts';

const TEXT = 'a line of text that is not too short\n'.repeat(20);
const zipped = gzipSync(TEXT).latin1Slice();

const answer = (lines: readonly string[], body = TEXT, status = '200 OK'): string =>
  [`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n');

const chunked = (lines: readonly string[], pieces: readonly string[]): string =>
  `${['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ...lines].join('\r\n')}\r\n\r\n${[...pieces, '']
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
    .join('')}`;

const HTML = 'Content-Type: text/html';

/** What the peer says. */
export const ANSWERS: Readonly<Record<string, string>> = {
  html: answer([HTML]),
  css: answer(['Content-Type: text/css']),
  'css in capitals': answer(['Content-Type: TEXT/CSS']),
  json: answer(['Content-Type: application/json']),
  'no type': answer([]),
  charset: answer(['Content-Type: text/html; charset=utf-8']),
  'charset without a space': answer(['Content-Type: text/html;charset=utf-8']),
  'quoted charset': answer(['Content-Type: text/html;   Charset="utf-8"']),
  'another parameter': answer(['Content-Type: text/html; version=1']),
  'a parameter and a charset': answer(['Content-Type: text/html; version=1; charset=utf-8']),
  short: answer([HTML], 'nineteen characters'),
  'twenty characters': answer([HTML], 'of twenty characters'),
  empty: answer([HTML], ''),
  'chunked short': chunked([HTML], ['x']),
  'chunked empty': chunked([HTML], []),
  'in chunks': chunked([HTML], [TEXT, 'x', TEXT]),
  'until close': `HTTP/1.1 200 OK\r\n${HTML}\r\n\r\n${TEXT}`,
  'HTTP/1.0': `HTTP/1.0 200 OK\r\n${HTML}\r\n\r\n${TEXT}`,
  'strong ETag': answer([HTML, 'ETag: "abc"']),
  'weak ETag': answer([HTML, 'ETag: W/"abc"']),
  'an ETag that is none': answer([HTML, 'ETag: abc']),
  ranges: answer([HTML, 'Accept-Ranges: bytes', 'Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT']),
  coded: answer([HTML, 'Content-Encoding: br']),
  identity: answer([HTML, 'Content-Encoding: identity']),
  'coded in gzip': answer([HTML, 'Content-Encoding: gzip', 'ETag: "abc"', 'Accept-Ranges: bytes'], zipped),
  'coded in GZIP': answer([HTML, 'Content-Encoding: GZIP'], zipped),
  'coded in x-gzip': answer([HTML, 'Content-Encoding: x-gzip'], zipped),
  'coded in gzip, chunked': chunked([HTML, 'Content-Encoding: gzip'], [...zipped]),
  'two members': answer([HTML, 'Content-Encoding: gzip'], zipped + zipped),
  'empty in gzip': answer([HTML, 'Content-Encoding: gzip'], gzipSync('').latin1Slice()),
  201: answer([HTML], TEXT, '201 Created'),
  206: answer([HTML, 'Content-Range: bytes 0-739/2000'], TEXT, '206 Partial Content'),
  403: answer([HTML], TEXT, '403 Forbidden'),
  404: answer([HTML], TEXT, '404 Not Found'),
  500: answer([HTML], TEXT, '500 Internal Server Error'),
  204: `HTTP/1.1 204 No Content\r\n${HTML}\r\n\r\n`,
  304: 'HTTP/1.1 304 Not Modified\r\nETag: "abc"\r\n\r\n',
  'own Vary': answer([HTML, 'Vary: Cookie']),
  'trailers announced': chunked([HTML, 'Trailer: X-T'], [TEXT]),
};

export const GONE = 'Thu, 01 Jan 1998 00:00:00 GMT';
export const LATER = 'Thu, 01 Jan 2099 00:00:00 GMT';

/** What decides for proxies. */
export const CACHED: Readonly<Record<string, string>> = {
  nothing: answer([HTML]),
  expired: answer([HTML, `Expires: ${GONE}`]),
  'not expired': answer([HTML, `Expires: ${LATER}`]),
  'Expires 0': answer([HTML, 'Expires: 0']),
  'expired and no-cache': answer([HTML, `Expires: ${GONE}`, 'Cache-Control: no-cache']),
  'not expired and no-cache': answer([HTML, `Expires: ${LATER}`, 'Cache-Control: no-cache']),
  'no-cache': answer([HTML, 'Cache-Control: no-cache']),
  'No-Cache': answer([HTML, 'Cache-Control: max-age=1, No-Cache , x']),
  'no-cache of a field': answer([HTML, 'Cache-Control: no-cache="x"']),
  'no-cache and a semicolon': answer([HTML, 'Cache-Control: no-cache; x']),
  'no-cache behind a semicolon': answer([HTML, 'Cache-Control: x; no-cache']),
  'xno-cache': answer([HTML, 'Cache-Control: xno-cache']),
  'no-store': answer([HTML, 'Cache-Control: no-store']),
  private: answer([HTML, 'Cache-Control: private']),
  'in two lines': answer([HTML, 'Cache-Control: max-age=3', 'Cache-Control: private']),
  public: answer([HTML, 'Cache-Control: public']),
  'Last-Modified': answer([HTML, 'Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT']),
  ETag: answer([HTML, 'ETag: "abc"']),
};

export const ACCEPTS: readonly string[] = [
  'gzip',
  'GZIP',
  'gzip, deflate',
  'gzip,deflate',
  'deflate, gzip',
  'deflate,gzip',
  'deflate',
  '*',
  'gzip;q=0',
  'gzip;q=0.0',
  'gzip;q=0.000',
  'gzip;q=0.001',
  'gzip;q=0.0001',
  'gzip;q=1',
  'gzip;q=1.0',
  'gzip;q=1.',
  'gzip;q=0.',
  'gzip;q=1.001',
  'gzip;q=1.0000',
  'gzip;q=2',
  'gzip;q=0.5;x',
  'gzip;q=0.5, x',
  'gzip;q=0.5 x',
  'gzip; q=0.5',
  'gzip ; Q=0.5',
  'gzip; q =0.5',
  'gzip;',
  'gzip; ',
  'gzip;q',
  'gzip;q=',
  'gzip;x=1',
  'gzip x',
  'gzip x, gzip',
  'gzip ,x',
  'xgzip',
  'x-gzip',
  'x gzip',
  'xgzip, gzip',
  'xgzipgzip',
  'gzipx',
  'gzi',
  'identity;q=1, gzip;q=0',
  'br;q=0, gzip',
  'deflate;gzip',
];

export const AGENTS: readonly string[] = [
  'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)',
  'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)',
  'Mozilla/4.0 (compatible; MSIE 5.5; Windows 98)',
  'Mozilla/4.0 (compatible; MSIE 4.0)',
  'Mozilla/4.0 (compatible; MSIE 7.0)',
  'Mozilla/4.0 (compatible; MSIE 6.0) Opera 7',
  'MSIE 6.',
  'MSIE 6.0',
  'MSIE 60',
  'an old-Robot/1',
  'nobody',
];

/** Locations that pass requests on. */
export const PROXIED: Readonly<Record<string, string>> = {
  plain: 'gzip on;',
  off: 'gzip off; gzip_vary on;',
  types: 'gzip on; gzip_types text/css application/json text/html; gzip_vary on;',
  all: 'gzip on; gzip_types *; gzip_min_length 0;',
  long: 'gzip on; gzip_min_length 100; gzip_comp_level 9; gzip_window 1k; gzip_hash 1k;',
  old: 'gzip on; gzip_http_version 1.0; gzip_vary on;',
  agents: 'gzip on; gzip_disable msie6 "old-robot";',
  gunzip: 'gunzip on; gzip_vary on;',
  both: 'gunzip on; gzip on; gzip_vary on; gzip_proxied any;',
  tuned: 'gzip on; gzip_buffers 4 8k; gunzip_buffers 4 8k; proxy_buffering off;',
  expires: 'gzip on; expires max; gzip_proxied expired;',
  'expires-past': 'gzip on; expires epoch; gzip_proxied expired;',
  'expires-max': 'gzip on; expires epoch; gzip_proxied no-cache;',
};

export const PROXIED_WORDS: readonly string[] = [
  'off',
  'expired',
  'no-cache',
  'no-store',
  'private',
  'no_last_modified',
  'no_etag',
  'auth',
  'any',
  'any off',
  'no_last_modified no_etag',
  'expired no-cache no-store private auth',
];

/** A request for a location with fields, which tells the peer what to answer. */
export function asking(
  target: string,
  fields: readonly string[],
  told: string | null = null,
  line = 'GET',
): string {
  const [method, version = '1.1'] = line.split(' ');
  const all = told === null ? fields : [...fields, answerWith(told)];
  return [
    `${method} ${target} HTTP/${version}`,
    'Host: ref.example',
    ...all,
    'Connection: close',
    '',
    '',
  ].join('\r\n');
}

export { HTML, TEXT };
