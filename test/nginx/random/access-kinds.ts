// Random directives about who may come, how often, and who they are.
import { type Kind, k } from './kind.ts';
import { of, onOff } from './lines.ts';
import { textOf } from './values.ts';

/** One in a minute: what a second more or less changes nothing of. */
const TINY = [
  'zone=z2 nodelay',
  'zone=z2 burst=1 nodelay',
  'zone=z2 burst=3 nodelay',
  'zone=z3 burst=2 nodelay',
];

export const ACCESS_KINDS: readonly Kind[] = [
  k('hsl', 2, 'limit_req', of('zone=z0', 'zone=z0 burst=5', 'zone=z1 burst=20 nodelay', ...TINY), false),
  k('hsl', 1, 'limit_req_dry_run', onOff),
  k('hsl', 1, 'limit_req_status', of('429', '503', '444')),
  k('hsl', 2, 'limit_conn', of('c0 20', 'c0 50', 'c1 1'), false),
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
  // Not in a location: nginx keeps the address that variables were told before.
  k('hs', 3, 'set_real_ip_from', of('127.0.0.1', '127.0.0.0/8', '10.2.0.0/16', '0.0.0.0/0', 'unix:'), false),
  k('hsl', 2, 'real_ip_header', of('X-Forwarded-For', 'X-Real-IP', 'X-Test')),
  k('hsl', 1, 'real_ip_recursive', onOff),
  k('hsl', 2, 'userid', of('on', 'v1', 'log', 'off')),
  k('hsl', 1, 'userid_name', of('uid', 'other')),
  k('hsl', 1, 'userid_domain', of('own.test', 'none')),
  k('hsl', 1, 'userid_path', of('/', '/a')),
  k('hsl', 1, 'userid_expires', of('max', 'off')),
  k('hsl', 1, 'userid_flags', of('off', 'httponly', 'secure samesite=lax')),
  k('hsl', 1, 'userid_p3p', of('none', '\'policyref="/p3p.xml"\'')),
  k('hsl', 1, 'userid_mark', of('off', 'a', '=')),
  k('sl', 3, 'secure_link', of('$arg_s', '$arg_s,$arg_x', '$cookie_s')),
  k('sl', 3, 'secure_link_md5', of('word', '"word"', '"$secure_link_expires$uri word"')),
];
