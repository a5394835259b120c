// Random directives about what goes to peers and what of their answers is passed on.
import { type Kind, k } from './kind.ts';
import { of, onOff, proxySetHeader } from './lines.ts';
import { textOf } from './values.ts';

const PROXY_KINDS: readonly Kind[] = [
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
  k('hs', 1, 'proxy_method', of('POST', 'GET', 'PUT')),
  // A copy is told the method of its request when it is sent there, when it is made here: `/copy` inherits none from a variable.
  k('l', 1, 'proxy_method', of('POST', 'GET', '$request_method', 'PUT')),
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
];

const NEXT = of('off', 'error http_500 http_503', 'http_404 invalid_header');

const appKinds = (family: string): Kind[] => [
  k('hsl', 1, `${family}_hide_header`, of('X-Peer', 'ETag', 'Set-Cookie', 'Location'), false),
  k('hsl', 1, `${family}_intercept_errors`, onOff),
  k('hsl', 1, `${family}_pass_request_headers`, onOff),
  k('hsl', 1, `${family}_pass_request_body`, onOff),
  k('hsl', 1, `${family}_force_ranges`, onOff),
  k('hsl', 1, `${family}_buffering`, onOff),
  k('hsl', 1, `${family}_ignore_headers`, of('X-Accel-Redirect', 'Expires Cache-Control')),
  k('hsl', 1, `${family}_next_upstream`, NEXT),
];

/** With the host, so that each server has entries of its own. */
export const KEYS = ['$host$uri', '$host$request_uri', '"$host $arg_a"', '$host$uri$is_args$args', '$host'];

/** Zones are each family's own: what one has stored another cannot read. */
const cacheKinds = (family: string, zones: readonly string[], weight: number): Kind[] => [
  k('sl', 3 * weight, `${family}_cache`, of(...zones, ...zones, 'off')),
  k('sl', weight, `${family}_cache_key`, of(...KEYS)),
  k('hsl', weight, `${family}_cache_valid`, of('1h', 'any 1h', '200 404 2h', '301 302 1h', '500 0'), false),
  k('hsl', weight, `${family}_cache_bypass`, of('$arg_a', '$cookie_c $arg_b', '$http_authorization')),
  k('hsl', weight, `${family}_no_cache`, of('$arg_b', '$http_x_test', '$cookie_c')),
  k('hsl', weight, `${family}_cache_methods`, of('GET', 'GET HEAD POST')),
  k('hsl', weight, `${family}_cache_min_uses`, of('1', '2')),
  k('hsl', weight, `${family}_cache_revalidate`, onOff),
  k('hsl', weight, `${family}_cache_lock`, onOff),
  k('hsl', weight, `${family}_cache_use_stale`, of('off', 'error http_500 http_503', 'http_404 http_403')),
];

export const PEER_KINDS: readonly Kind[] = [
  ...PROXY_KINDS,
  ...cacheKinds('proxy', ['k0', 'k1'], 2),
  k('hsl', 1, 'fastcgi_index', of('index.php', 'x')),
  k('hsl', 1, 'fastcgi_keep_conn', onOff),
  ...['fastcgi', 'uwsgi', 'scgi'].flatMap((family) => [
    ...appKinds(family),
    ...cacheKinds(family, [`k_${family}`], 1),
  ]),
];
