// Random directives: for each the levels it may stand at, how often it comes, and how its line is made.
import { addHeader, errorPage, of, onOff, proxySetHeader } from './lines.ts';
import { block, line, type Node } from './tree.ts';
import { type Cx, pathOf, some, textOf } from './values.ts';

/** http, server, location, `if` in a location. */
export type Level = 'h' | 's' | 'l' | 'i';

interface Kind {
  readonly name: string;
  readonly levels: string;
  /** How often it comes, beside the others'. */
  readonly weight: number;
  /** Stands once in a block. */
  readonly once: boolean;
  make(cx: Cx): string | Node;
}

const TYPES = [
  'text/html html',
  'text/plain txt',
  'text/css css',
  'application/json json',
  'text/x-own HTML txt',
  'image/x-bin bin',
  'text/html shtml',
];
const MIME = ['text/html', 'text/plain', 'text/css', '*', 'application/json'];

const k = (levels: string, weight: number, name: string, words: (cx: Cx) => string, once = true): Kind => ({
  name,
  levels,
  weight,
  once,
  make: (cx) => `${name} ${words(cx)}`,
});

const KINDS: readonly Kind[] = [
  k(
    'sli',
    4,
    'root',
    ({ root, random }) => root + random.pick(['', '', '/a', '/files', '/nowhere', '/$arg_r', '/$m0', '/']),
  ),
  k(
    'hsl',
    3,
    'index',
    of(
      'index.html',
      'nothing.html small.txt',
      'index.$arg_i index.html',
      'nothing /small.txt',
      'page.html',
      'dir/index.html',
    ),
  ),
  k('sl', 3, 'default_type', of('text/plain', 'application/x-own', '""', 'text/html')),
  {
    name: 'types',
    levels: 'sl',
    weight: 2,
    once: false,
    make: ({ random }) => block('types', [...new Set(some(random, 4, () => random.pick(TYPES)))].map(line)),
  },
  k('hsli', 4, 'expires', of('1h', '-1', 'epoch', 'max', 'off', 'modified 24h', '0', '$m0', '$arg_e', '5')),
  k('hsli', 12, 'add_header', addHeader, false),
  k(
    'hsli',
    1,
    'add_trailer',
    (cx) => `X-Trailer ${textOf(cx, true)}${cx.random.chance(30) ? ' always' : ''}`,
    false,
  ),
  k('hsl', 2, 'etag', onOff),
  k('hsl', 2, 'if_modified_since', of('off', 'exact', 'before')),
  k('hsl', 2, 'max_ranges', of('0', '1', '2', '5')),
  k('hsli', 9, 'error_page', errorPage, false),
  k('hsl', 3, 'recursive_error_pages', onOff),
  k('hsl', 1, 'absolute_redirect', onOff),
  k('hsl', 1, 'port_in_redirect', onOff),
  k('hsl', 1, 'server_name_in_redirect', onOff),
  k('hsl', 1, 'ssi_silent_errors', onOff),
  k('hsl', 1, 'log_not_found', onOff),
  k('hsl', 1, 'gzip_disable', of('"tester"', '"^nobody"')),
  k('hsl', 1, 'source_charset', of('iso-8859-1', 'utf-8')),
  k('hsl', 1, 'chunked_transfer_encoding', onOff),
  // Not 0: nginx overlooks it where an internal location says 404.
  k('hsl', 1, 'keepalive_timeout', of('70s 50s', '75s 60s', '65s')),
  k('hsl', 2, 'client_max_body_size', of('0', '5', '100', '1m')),
  // Not smaller: what came with the head stays in memory in nginx.
  k('sl', 1, 'client_body_buffer_size', of('1k', '64k')),
  // Not in a location: nginx keeps it for the next one.
  k('hs', 1, 'client_body_in_file_only', of('off', 'clean')),
  k('hsl', 1, 'client_body_in_single_buffer', onOff),
  k('sl', 4, 'proxy_http_version', of('1.0', '1.1')),
  k('hsl', 8, 'proxy_set_header', proxySetHeader, false),
  k(
    'hsl',
    3,
    'proxy_hide_header',
    of('X-Peer', 'ETag', 'Cache-Control', 'Set-Cookie', 'Vary', 'Location', 'Content-Type'),
    false,
  ),
  // Not Server and Date: where the peer sends none, nginx sends none.
  k('hsl', 2, 'proxy_pass_header', of('X-Pad', 'X-Accel-Buffering'), false),
  k('hsl', 4, 'proxy_intercept_errors', onOff),
  k(
    'hsl',
    2,
    'proxy_redirect',
    of(
      'off',
      'http://{peer}/ /mapped/',
      '~^http://[^/]+(/.*)$ $1',
      '~*/THERE(.*) http://$host/found$1',
      '/a/ http://$http_host/b/',
      'http://other.test/ /',
    ),
    false,
  ),
  // Not HEAD: nginx announces a body to a GET that never comes.
  k('hsl', 1, 'proxy_method', of('POST', 'GET', '$request_method', 'PUT')),
  k('hsl', 1, 'proxy_set_body', (cx) => textOf(cx)),
  k('hsl', 1, 'proxy_pass_request_body', onOff),
  k('hsl', 1, 'proxy_pass_request_headers', onOff),
  k('hsl', 2, 'proxy_buffering', onOff),
  k(
    'hsl',
    2,
    'proxy_next_upstream',
    of(
      'off',
      'error timeout',
      'error http_500 http_503',
      'http_404 invalid_header',
      'http_429 http_403 non_idempotent',
    ),
  ),
  k('hsl', 2, 'proxy_force_ranges', onOff),
  k('hsl', 1, 'proxy_buffer_size', of('4k', '8k')),
  k('hsl', 1, 'proxy_max_temp_file_size', of('0', '1m')),
  k('hsl', 1, 'proxy_limit_rate', of('0', '100m')),
  k('hsl', 1, 'proxy_next_upstream_tries', of('0', '1', '2')),
  k(
    'hsl',
    2,
    'proxy_ignore_headers',
    of(
      'X-Accel-Redirect',
      'X-Accel-Limit-Rate X-Accel-Buffering',
      'Expires Cache-Control',
      'Set-Cookie Vary',
    ),
  ),
  k(
    'hsl',
    2,
    'proxy_cookie_domain',
    of('peer.test own.test', '~\\.test$ .$host', '~^(?<n2>\\w+)\\.test$ $n2.example', 'peer.test $arg_a'),
    false,
  ),
  k('hsl', 2, 'proxy_cookie_path', of('/ /mapped/', '/base/ /', '"~^/(\\w+)" /re/$1', '/base $uri'), false),
  k(
    'hsl',
    2,
    'proxy_cookie_flags',
    of('a secure httponly', '~^pre_ samesite=strict', '~. nosecure', 'b nosamesite $arg_f'),
    false,
  ),
  k('hsl', 1, 'proxy_ssl_server_name', onOff),
  k('hsl', 1, 'proxy_ssl_name', of('peer.test', '$host', 'other.test')),
  k('hsl', 1, 'proxy_ssl_verify', onOff),
  k('hsl', 1, 'proxy_ssl_session_reuse', onOff),
  k('hsl', 2, 'mirror', of('/copy', '/copy', '/copy', 'off'), false),
  k('hsl', 1, 'fastcgi_index', of('index.php', 'x')),
  k('hsl', 1, 'fastcgi_keep_conn', onOff),
  k('hsl', 2, 'fastcgi_hide_header', of('X-Peer', 'ETag', 'Set-Cookie', 'Location'), false),
  k('hsl', 2, 'fastcgi_intercept_errors', onOff),
  k('hsl', 1, 'fastcgi_pass_request_headers', onOff),
  k('hsl', 1, 'fastcgi_pass_request_body', onOff),
  k('hsl', 1, 'fastcgi_force_ranges', onOff),
  k('hsl', 1, 'fastcgi_buffering', onOff),
  k('hsl', 1, 'fastcgi_ignore_headers', of('X-Accel-Redirect', 'Expires Cache-Control')),
  k('hsl', 1, 'fastcgi_next_upstream', of('off', 'error http_500 http_503', 'http_404 invalid_header')),
  k('hsl', 2, 'limit_req', of('zone=z0', 'zone=z0 burst=5', 'zone=z1 burst=20 nodelay')),
  k('hsl', 1, 'limit_req_dry_run', onOff),
  k('hsl', 1, 'limit_req_status', of('429', '503', '444')),
  k('hsl', 2, 'limit_conn', of('c0 20', 'c0 50')),
  k('hsl', 1, 'limit_conn_dry_run', onOff),
  k('hsl', 3, 'auth_request', of('/auth', '/auth', '/auth$arg_a', 'off', '/p/k9', '/p/k12')),
  k(
    'hsl',
    2,
    'auth_request_set',
    (cx) =>
      `$w${cx.random.below(2)} ${cx.random.pick(['$upstream_http_x_peer', '$upstream_status', textOf(cx, true)])}`,
    false,
  ),
  k('hsl', 3, 'allow', of('127.0.0.1', '10.0.0.0/8', 'all'), false),
  k('hsl', 3, 'deny', of('127.0.0.1', '10.0.0.0/8', 'all'), false),
  k('hsl', 2, 'satisfy', of('all', 'any')),
  k('hsl', 3, 'auth_basic', of('"a realm"', 'off', '"realm of $arg_a"', '$m0')),
  k(
    'hsl',
    3,
    'auth_basic_user_file',
    ({ root, random }) => `${root}/${random.pick(['users', 'users', 'nowhere', '$arg_u'])}`,
  ),
  k('hsli', 5, 'gzip', onOff),
  k('hsl', 3, 'gzip_types', of('text/plain', '*', 'text/css application/json')),
  k('hsl', 3, 'gzip_min_length', of('0', '1', '20', '100')),
  k('hsl', 2, 'gzip_vary', onOff),
  k(
    'hsl',
    2,
    'gzip_proxied',
    of('any', 'off', 'expired no-cache', 'no_etag', 'auth', 'private no_last_modified'),
  ),
  k('hsl', 1, 'gzip_http_version', of('1.0', '1.1')),
  k('hsl', 1, 'gzip_comp_level', of('1', '6')),
  k('hsl', 2, 'gunzip', onOff),
  k('hsl', 3, 'gzip_static', of('on', 'off', 'always')),
  k('hsli', 3, 'charset', of('utf-8', 'off', 'iso-8859-1', '$m0')),
  k('hsl', 1, 'charset_types', of('*', 'text/plain', 'text/css text/html')),
  k('hsl', 1, 'override_charset', onOff),
  k(
    'hsl',
    4,
    'sub_filter',
    (cx) => `${cx.random.pick(['page', '<p>', 'PEER', '</head>', 'a', '0123', '$arg_a'])} ${textOf(cx)}`,
    false,
  ),
  k('hsl', 2, 'sub_filter_once', onOff),
  k('hsl', 2, 'sub_filter_types', ({ random }) => random.pick(MIME)),
  k('hsl', 1, 'sub_filter_last_modified', onOff),
  k('hsl', 2, 'add_before_body', (cx) => pathOf(cx)),
  k('hsl', 2, 'add_after_body', (cx) => pathOf(cx)),
  k('hsl', 1, 'addition_types', ({ random }) => random.pick(MIME)),
  k('hsli', 2, 'ssi', onOff),
  k('hsl', 1, 'ssi_types', ({ random }) => random.pick(MIME)),
  k('hsl', 1, 'ssi_last_modified', onOff),
  k('hsli', 1, 'limit_rate', of('100m', '0')),
  k('hsl', 1, 'limit_rate_after', of('1k', '0')),
];

const BY_LEVEL = new Map<Level, readonly Kind[]>();
for (const level of ['h', 's', 'l', 'i'] as const)
  BY_LEVEL.set(
    level,
    KINDS.filter(({ levels }) => levels.includes(level)).flatMap((kind) =>
      Array.from({ length: kind.weight }, () => kind),
    ),
  );

/** Up to `most` directives of a level. */
export function directivesOf(cx: Cx, level: Level, most: number): Node[] {
  const taken = new Set<string>();
  const nodes: Node[] = [];
  for (let i = cx.random.below(most + 1); i > 0; i--) {
    const kind = cx.random.pick(BY_LEVEL.get(level) ?? []);
    if (kind.once && taken.has(kind.name)) continue;
    if (isAlone(kind.name, nodes)) continue;
    taken.add(kind.name);
    const made = kind.make(cx);
    const node = typeof made === 'string' ? line(made) : made;
    if (nodes.some((other) => clash(other.text, node.text))) continue;
    nodes.push(node);
  }
  return nodes;
}

/** `off` and another value of these do not stand side by side. */
function isAlone(name: string, nodes: readonly Node[]): boolean {
  if (!/^(?:mirror|proxy_(?:redirect|cookie_\w+))$/.test(name)) return false;
  return (
    nodes.some(({ text }) => text === `${name} off`) || nodes.some(({ text }) => text.startsWith(`${name} `))
  );
}

const HOST = /^proxy_set_header Host /;

/** nginx refuses what names the same thing twice; a second Host is sent there and not here. */
function clash(a: string, b: string): boolean {
  if (HOST.test(a) && HOST.test(b)) return true;
  return a === b && !/^(?:add_header|proxy_set_header|error_page)/.test(a);
}
