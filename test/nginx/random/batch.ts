// A batch: what stands at the http level for several servers, and those servers.
import { Random } from '../../fuzz/random.ts';
import { satisfiesAny, withoutErrorsOfAccess } from './avoided.ts';
import { makeSite, type Site } from './configuration.ts';
import { directivesOf } from './directives.ts';
import { block, fixed, line, type Node } from './tree.ts';
import { type Cx, FORMATS, variable } from './values.ts';

export interface Batch {
  readonly http: readonly Node[];
  readonly sites: readonly Site[];
}

/** Variables in access logs. Those of times and of bytes to peers are each program's own, and several lines of a field are one here as in newer nginx. */
const LOGGED = [
  ...[
    'request',
    'status',
    'body_bytes_sent',
    'bytes_sent',
    'request_length',
    'uri',
    'args',
    'host',
    'server_name',
  ],
  ...['remote_user', 'request_uri', 'document_root', 'sent_http_content_type'],
  ...[
    'sent_http_content_length',
    'sent_http_location',
    'sent_http_x_a',
    'sent_http_etag',
    'sent_http_cache_control',
  ],
  ...['sent_http_last_modified', 'sent_http_transfer_encoding', 'upstream_status'],
  ...['upstream_addr', 'upstream_http_content_type', 'upstream_http_x_peer', 'upstream_http_etag'],
  ...[
    'proxy_host',
    'request_method',
    'm0',
    'm1',
    'v0',
    'v1',
    'w0',
    'w1',
    's0',
    'g0',
    'n0',
    'm2',
    'g1',
    's1',
    'limit_req_status',
  ],
  ...[
    'limit_conn_status',
    'upstream_cache_status',
    'secure_link',
    'secure_link_expires',
    'uid_got',
    'uid_set',
    'remote_addr',
    'realip_remote_addr',
    'request_body',
    'upstream_bytes_received',
    'server_protocol',
    'content_length',
    'scheme',
  ],
];

/** Caches, and what else they need. Entries of one server are no other's. */
function cachesOf({ random }: Cx): Node[] {
  return ['proxy', 'fastcgi', 'uwsgi', 'scgi'].flatMap((family) => [
    ...(family === 'proxy' ? ['k0', 'k1'] : [`k_${family}`]).map((zone) =>
      line(`${family}_cache_path {dir}/${zone} keys_zone=${zone}:1m${random.pick(['', ' levels=1:2'])}`),
    ),
    fixed(`${family}_cache_key $host$request_uri`),
    ...(random.chance(60) ? [line(`${family}_cache_valid any 1h`)] : []),
  ]);
}

/** A root that names the map whose value names the root has none. */
const notOfPath = (name: string): string =>
  /^\$(?:document_root|request_filename|uri|document_uri|args|is_args|query_string|arg_\w+|\d|[nmvs]\d)$/.test(
    name,
  )
    ? '$host'
    : name;

export function makeBatch(seed: number, index: number, root: string, count: number): Batch {
  const random = new Random(seed, index);
  const cx: Cx = { random, root };
  const formats = Array.from({ length: FORMATS }, (_, i) => {
    const picked = [...new Set(Array.from({ length: 14 }, () => random.pick(LOGGED)))];
    const escape = random.pick(['', '', 'escape=json ', 'escape=none ']);
    return line(
      `log_format f${i} ${escape}'$http_x_case ${picked.map((name) => `${name}=$\{${name}}`).join(' ')}'`,
    );
  });
  const definitions: Node[] = [
    fixed(`root ${root}`),
    // The defaults are others here.
    fixed('proxy_http_version 1.1'),
    fixed('client_body_buffer_size 16k'),
    fixed(`proxy_ssl_trusted_certificate ${root}/peer.crt`),
    ...['REQUEST_METHOD $request_method', 'REQUEST_URI $request_uri', 'QUERY_STRING $query_string'].map(
      (text) => fixed(`fastcgi_param ${text}`),
    ),
    ...[
      'SCRIPT_NAME $fastcgi_script_name',
      'CONTENT_LENGTH $content_length',
      'PATH_INFO $fastcgi_path_info if_not_empty',
    ].map((text) => fixed(`fastcgi_param ${text}`)),
    ...['uwsgi', 'scgi'].flatMap((family) =>
      ['REQUEST_METHOD $request_method', 'REQUEST_URI $request_uri', 'REMOTE_ADDR $remote_addr'].map((text) =>
        fixed(`${family}_param ${text}`),
      ),
    ),
    fixed('uwsgi_param CONTENT_LENGTH $content_length'),
    ...cachesOf(cx),
    ...formats,
    fixed(
      'types { text/html html htm; text/plain txt; text/css css; application/json json; } default_type text/plain',
    ),
    line(`limit_req_zone $http_x_case zone=z0:1m rate=1000r/s`),
    line(`limit_req_zone $arg_a zone=z1:1m rate=1000r/s`),
    line('limit_req_zone $host$uri zone=z2:1m rate=1r/m'),
    line('limit_req_zone $host$arg_a zone=z3:1m rate=1r/m'),
    line('limit_conn_zone $server_name zone=c0:1m'),
    line('limit_conn_zone $http_x_case zone=c1:1m'),
    block('map $arg_a $m0', [
      line('default ""'),
      line('foo one'),
      line('~^b two'),
      line(`1 ${notOfPath(variable(cx))}`),
    ]),
    block('map $http_x_test$arg_b $m1', [
      line('foobar two'),
      line('"~*^f(?<n1>.*)$" "<$n1>"'),
      line('default $host'),
    ]),
    block('map $http_host $m2', [
      line('hostnames'),
      line('volatile'),
      line('default $m0'),
      line('*.test $arg_b'),
      line('s1.* $uri'),
    ]),
    block('geo $g0', [line('default 0'), line('127.0.0.0/8 local')]),
    block('geo $http_x_forwarded_for $g1', [
      line('default none'),
      line('10.0.0.0/8 ten'),
      line('10.1.1.0/24 near'),
      line('delete 10.2.0.0/16'),
    ]),
    block('split_clients "$remote_addr$arg_a" $s1', [line('20% a'), line('33.3% $uri'), line('* ""')]),
    block('split_clients $request_uri $s0', [line('30% first'), line('* rest')]),
    // All letters that stand anywhere: what nginx does with others depends on its buffers.
    block('charset_map iso-8859-1 utf-8', ['E9 C3A9', 'FC C3BC', 'C3 C383', 'A9 C2A9'].map(fixed)),
    { text: 'upstream apps', fixed: true, children: [fixed('server {app}'), fixed('keepalive 4')] },
    { text: 'upstream uwsgis', fixed: true, children: [fixed('server {uwsgi}')] },
    { text: 'upstream scgis', fixed: true, children: [fixed('server {scgi}'), fixed('keepalive 2')] },
    { text: 'upstream secure', fixed: true, children: [fixed('server {tls}')] },
    { text: 'upstream peers', fixed: true, children: [fixed('server {peer}')] },
    {
      text: 'upstream twice',
      fixed: true,
      children: [fixed('server {peer} max_fails=0'), fixed('server {peer} backup max_fails=0')],
    },
  ];
  const http = [...definitions, ...directivesOf(cx, 'h', 6)];
  const sites = Array.from({ length: count }, (_, i) =>
    makeSite({ random: new Random(seed, index * 1000 + i + 1), root }, i),
  );
  return {
    http: http.map(withoutErrorsOfAccess),
    sites: http.some(satisfiesAny)
      ? sites.map((site) => ({ ...site, server: withoutErrorsOfAccess(site.server) }))
      : sites,
  };
}
