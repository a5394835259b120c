// Every maker of answers, with a location that has it make one: a new one is one entry more.
import { LATE } from '../support/late-calls.ts';

export interface Maker {
  /** The classes that take part: all of src that make answers are in this table. */
  readonly classes: readonly string[];
  /** The location of `/made/`, and what stands beside it and around the server. PEER: one that says `says`, and no more before it is late. */
  readonly location: string;
  readonly beside?: string;
  readonly around?: string;
  /** The request behind `GET /made/`, where it is not `a`; NEW: a name that was never asked for. */
  readonly target?: string;
  readonly method?: string;
  /** Field lines of the request, and bytes behind its head. */
  readonly more?: string;
  /** What the peer says at once to whom it hears. */
  readonly says?: string;
  /** The client takes nothing. */
  readonly slow?: boolean;
  /** It cannot be replaced: its answer has begun. */
  readonly begins?: boolean;
  /** What has come of the request's body is gone: no other peer can answer. */
  readonly consumes?: boolean;
  /** What the peer says for the exchange to end as it should; without it and with a peer it never does. */
  readonly rest?: string;
  /** A request that makes it wait, and is answered; one that is not. */
  readonly before?: string;
  readonly meanwhile?: string;
}

export const BIG = 3_000_000;
const half = (body: string, fields = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length * 2}\r\n\r\n${body}`;
const record = (type: number, content: string): string =>
  `\x01${String.fromCharCode(type)}\0\x01${String.fromCharCode(content.length >> 8, content.length & 255)}\0\0${content}`;
/** More than sockets hold. */
const SPOOLED = 'e'.repeat(12_000_000);
const PROXY = 'proxy_pass http://PEER;';
const CACHE =
  'proxy_cache c; proxy_cache_key a; proxy_cache_lock on; proxy_cache_lock_timeout 1h; proxy_cache_lock_age 1h;';
export const MADE: Readonly<Record<string, Maker>> = {
  'a small file': { classes: ['FileWait', 'FileTransfer'], location: '', target: 'NEW' },
  'a large file': { classes: ['FileWait', 'FileTransfer'], location: '', target: 'large', slow: true },
  'parts of a file': {
    classes: ['FileTransfer'],
    location: '',
    target: 'large',
    more: 'Range: bytes=0-1,9-12\r\n\r\n',
  },
  'a file through a filter': { classes: ['FileTransfer'], location: 'sub_filter a b;', target: 'NEW' },
  'a compressed file': {
    classes: ['FileWait'],
    location: 'gzip_static on;',
    target: 'NEW',
    more: 'Accept-Encoding: gzip\r\n\r\n',
  },
  'an index': { classes: ['FileWait'], location: 'index none.html none.htm index.html;', target: '' },
  autoindex: { classes: ['FileWait'], location: 'index none; autoindex on;', target: '' },
  try_files: { classes: ['Search'], location: 'try_files $uri.none $uri/ $uri.html =404;' },
  auth_basic: {
    classes: ['Login'],
    location: 'auth_basic a; auth_basic_user_file DIR/users;',
    more: `Authorization: Basic ${btoa('u:p')}\r\n\r\n`,
  },
  'auth_basic that refuses': {
    classes: ['Login'],
    location: 'auth_basic a; auth_basic_user_file DIR/users;',
    more: `Authorization: Basic ${btoa('u:q')}\r\n\r\n`,
  },
  auth_request: {
    classes: ['Asking', 'HeadOnly', 'Forward'],
    location: 'auth_request /asked;',
    rest: LATE.latin1Slice(),
  },
  'auth_request that is told half': {
    classes: ['Asking', 'HeadOnly'],
    location: 'auth_request /asked;',
    says: half('x'.repeat(70_000)),
  },
  'a body for mirrors': {
    classes: ['BodyFirst'],
    consumes: true,
    location: `mirror /asked; ${PROXY}`,
    method: 'POST',
    more: 'Content-Length: 9\r\n\r\nhalf',
  },
  'a mirror': { classes: ['Aside'], location: `mirror /asked; ${PROXY}` },
  limit_req: {
    classes: ['Delayed'],
    location: 'limit_req zone=z burst=9;',
    around: 'limit_req_zone a zone=z:1m rate=30r/m;',
    before: '/before/a',
    beside: 'location /before/ { limit_req zone=z burst=9; alias DIR/made/; }',
  },
  proxy_pass: { classes: ['Forward', 'AttemptRun'], location: PROXY, rest: LATE.latin1Slice() },
  'proxy_pass with half a head': {
    classes: ['Forward'],
    location: PROXY,
    says: 'HTTP/1.1 200 OK\r\nX-Early: ',
  },
  'proxy_pass with an interim head': {
    classes: ['Forward'],
    location: PROXY,
    says: 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n',
  },
  'proxy_pass with half a body': { classes: ['Forward'], location: PROXY, says: half('early'), begins: true },
  'proxy_pass through filters': {
    classes: ['Forward'],
    location: `sub_filter a b; ${PROXY}`,
    says: half('early'),
    begins: true,
  },
  'proxy_pass by name': {
    classes: ['Forward'],
    location: 'proxy_pass http://localhost:$arg_port;',
    target: 'a?port=PORT',
  },
  'a body for proxy_pass': {
    classes: ['Forward'],
    consumes: true,
    location: PROXY,
    method: 'POST',
    more: 'Content-Length: 9\r\n\r\nhalf',
  },
  'a streamed body': {
    classes: ['Forward'],
    consumes: true,
    location: `proxy_request_buffering off; ${PROXY}`,
    method: 'POST',
    more: 'Content-Length: 9\r\n\r\nhalf',
  },
  'an answer that is intercepted': {
    classes: ['Forward'],
    location: `proxy_intercept_errors on; error_page 404 /asked-file; ${PROXY}`,
    beside: 'location /asked-file { alias DIR/large; }',
    says: half('early').replace('200 OK', '404 Not Found'),
  },
  'X-Accel-Redirect': {
    classes: ['Forward', 'FileTransfer'],
    location: PROXY,
    beside: 'location /asked-file { alias DIR/large; }',
    says: half('early', 'X-Accel-Redirect: /asked-file\r\n'),
    slow: true,
  },
  'a spool in memory': {
    classes: ['Spool'],
    location: PROXY,
    says: half(SPOOLED),
    slow: true,
    begins: true,
  },
  'a spool on a disk': {
    classes: ['Spool'],
    location: `proxy_buffers 2 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k; proxy_temp_path DIR/temp; ${PROXY}`,
    says: half(SPOOLED),
    slow: true,
    begins: true,
  },
  'a pace': {
    classes: ['Forward'],
    location: `proxy_limit_rate 1k; ${PROXY}`,
    says: half('e'.repeat(9000)),
    begins: true,
  },
  'a body for a cache': {
    classes: ['BodyBefore'],
    consumes: true,
    location: `proxy_cache_methods POST; ${CACHE} ${PROXY}`,
    around: 'proxy_cache_path DIR/cache keys_zone=c:1m;',
    method: 'POST',
    more: 'Content-Length: 9\r\n\r\nhalf',
  },
  'a cache that another request fills': {
    classes: ['CachedExchange'],
    location: `${CACHE} ${PROXY}`,
    around: 'proxy_cache_path DIR/cache keys_zone=c:1m;',
    beside: `location /before/ { ${CACHE} ${PROXY} }`,
    meanwhile: '/before/a',
  },
  fastcgi_pass: { classes: ['Forward', 'AttemptRun'], location: 'fastcgi_pass PEER;' },
  'fastcgi_pass with half a body': {
    classes: ['Forward'],
    location: 'fastcgi_pass PEER;',
    says: record(6, 'Status: 200\r\n\r\nearly'),
    begins: true,
  },
  'a tunnel': {
    classes: ['Tunnel'],
    location: PROXY,
    more: 'Upgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    says: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nearly',
    begins: true,
  },
  'ssi that includes': {
    classes: ['Insert'],
    location: 'ssi on;',
    target: 'page.html',
    begins: true,
    rest: LATE.latin1Slice(),
  },
  'ssi that sets': {
    classes: ['SetInsert'],
    location: 'ssi on;',
    target: 'set.html',
    begins: true,
    rest: LATE.latin1Slice(),
  },
  'ssi with a stub': {
    classes: ['StubInsert'],
    location: 'ssi on;',
    target: 'stub.html',
    begins: true,
    rest: LATE.latin1Slice(),
  },
  'addition behind an answer': {
    classes: ['Insert'],
    location: 'add_after_body /asked; addition_types *; return 200 a;',
    begins: true,
  },
};
