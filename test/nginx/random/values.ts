// Words that random directives are made of: variables, texts, conditions, patterns.
import type { Random } from '../../fuzz/random.ts';

/** Access log formats of a batch, f0 and so on. */
export const FORMATS = 3;

export interface Cx {
  readonly random: Random;
  /** Where the files are. */
  readonly root: string;
}

const PLAIN_VARIABLES = [
  ...['$uri', '$args', '$is_args', '$request_uri', '$host', '$http_host', '$server_name', '$request_method'],
  ...['$scheme', '$server_protocol', '$document_uri', '$query_string', '$arg_a', '$arg_b', '$cookie_c'],
  ...['$http_x_test', '$http_referer', '$remote_addr', '$remote_user', '$content_type', '$content_length'],
  ...['$document_root', '$request_filename', '$m0', '$m1', '$g0', '$s0', '$v0', '$v1', '$v2'],
  ...['$m2', '$g1', '$s1', '$realip_remote_addr'],
];

/** Those of captures; not beside maps with patterns, which DIFFERENCES.md names. */
const CAPTURES = ['$1', '$2', '$n0'];

/** Known late. No fields of the answer: nginx logs what the first that asked was told. */
const LATE = [
  ...['$status', '$upstream_status', '$upstream_http_x_peer', '$proxy_host'],
  ...['$proxy_port', '$upstream_http_etag', '$limit_req_status', '$realpath_root'],
  ...['$proxy_add_x_forwarded_for', '$w0', '$w1', '$upstream_cache_status', '$secure_link', '$uid_got'],
];

export const some = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: random.below(most + 1) }, make);

export const variable = ({ random }: Cx): string =>
  random.pick(random.chance(20) ? CAPTURES : PLAIN_VARIABLES);

export const lateVariable = (cx: Cx): string => (cx.random.chance(40) ? cx.random.pick(LATE) : variable(cx));

/** A quoted text with some variables. */
export function textOf(cx: Cx, late = false): string {
  const { random } = cx;
  const word = (): string =>
    random.chance(60) ? (late ? lateVariable(cx) : variable(cx)) : random.pick(['x', 'a b', 'y-z', 'é', '1']);
  const text = Array.from({ length: 1 + random.below(3) }, word).join(random.pick([' ', '|', '/', '.']));
  return `"${/\$[12]/.test(text) ? text.replaceAll('$m1', '$m0') : text}"`;
}

export const pathOf = ({ random }: Cx): string =>
  random.pick([
    ...[
      '/small.txt',
      '/a/index.html',
      '/files/x',
      '/a/b/',
      '/dir/',
      '/nothing',
      '/files/page.html',
      '/exact',
    ],
    ...['/a/b/small.txt', '/p/k4', '/p/k0', '/', '/final/x.php', '/re/12/small.txt', '/auth'],
  ]);

export const urlOf = (cx: Cx): string =>
  cx.random.pick([
    'http://other.test/x',
    'https://$host/y',
    '$scheme://$http_host$request_uri',
    pathOf(cx),
    `${pathOf(cx)}?q=$arg_a`,
    '//other.test/z',
    'relative',
    `$uri/added`,
  ]);

const PATTERNS = [
  ...[
    '^/a/(.*)$',
    '^/files/(?<n0>[^/]+)$',
    '\\.txt$',
    '^/(\\w+)/(.+)$',
    '^',
    '(?i)SMALL',
    '^/re/(\\d+)',
    'k(\\d)',
  ],
];

export const patternOf = ({ random }: Cx): string => random.pick(PATTERNS);

export function conditionOf(cx: Cx): string {
  const { random, root } = cx;
  return random.pick([
    '$arg_a',
    '$arg_b = 1',
    '$arg_a != foo',
    '$http_x_test ~ ^foo(.*)$',
    '$http_x_test ~* ^FOO',
    '$http_x_test !~ bar',
    '$request_method = POST',
    '$request_method ~ ^(HEAD|PUT)$',
    '-f $request_filename',
    '!-e $request_filename',
    `-d ${root}$uri`,
    `$uri ~ "${patternOf(cx)}"`,
    '$cookie_c',
    '$cookie_c ~ "(\\d+)"',
    '$m0',
    '$m1 = two',
    '$v0',
    '$host !~* s\\d',
    '$remote_user',
    '$is_args',
    ...['$arg_b = ""', '$secure_link = ""', '$secure_link = 0', '$secure_link', '$g1 = near', '$s1'],
    ...['$http_x_test !~ "^(foo)"', '$host !~ s1', '$uri !~* "TXT$"', '$cookie_c = 77'],
    ...['!-f $request_filename', '-e $document_root$uri', '!-d $request_filename', '-x $request_filename'],
    ...[`!-x ${root}$uri`, '-d $request_filename', '!-e $document_root/a$uri'],
  ]);
}
