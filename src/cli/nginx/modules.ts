// nginx's modules as `-V` tells of them: scripts, and nginx's own tests, read there what they may use. A test holds the table equal to the
// directives that are there, so that nothing is claimed that is not.

/** Module, and a directive that is there if the module is. nginx has them unless it is built without. */
const BUILT_IN: readonly (readonly [module: string, directive: string])[] = [
  ['http_charset', 'charset'],
  ['http_gzip', 'gzip'],
  ['http_ssi', 'ssi'],
  ['http_userid', 'userid'],
  ['http_access', 'allow'],
  ['http_auth_basic', 'auth_basic'],
  ['http_mirror', 'mirror'],
  ['http_autoindex', 'autoindex'],
  ['http_geo', 'geo'],
  ['http_map', 'map'],
  ['http_split_clients', 'split_clients'],
  ['http_referer', 'valid_referers'],
  ['http_rewrite', 'rewrite'],
  ['http_proxy', 'proxy_pass'],
  ['http_fastcgi', 'fastcgi_pass'],
  ['http_uwsgi', 'uwsgi_pass'],
  ['http_scgi', 'scgi_pass'],
  ['http_grpc', 'grpc_pass'],
  ['http_memcached', 'memcached_pass'],
  ['http_limit_conn', 'limit_conn'],
  ['http_limit_req', 'limit_req'],
  ['http_empty_gif', 'empty_gif'],
  ['http_browser', 'ancient_browser'],
  ['http_upstream_hash', 'hash'],
  ['http_upstream_ip_hash', 'ip_hash'],
  ['http_upstream_least_conn', 'least_conn'],
  ['http_upstream_least_time', 'least_time'],
  ['http_upstream_random', 'random'],
  ['http_upstream_keepalive', 'keepalive'],
  ['http_upstream_zone', 'zone'],
  ['http_upstream_sticky', 'sticky'],
  ['http_tunnel', 'tunnel_pass'],
];

/** nginx has these only if it is built with them. */
const WANTED: readonly (readonly [module: string, directive: string])[] = [
  ['http_ssl', 'ssl_certificate'],
  ['http_v2', 'http2'],
  ['http_v3', 'http3'],
  ['http_realip', 'real_ip_header'],
  ['http_addition', 'add_after_body'],
  ['http_xslt', 'xslt_stylesheet'],
  ['http_image_filter', 'image_filter'],
  ['http_geoip', 'geoip_country'],
  ['http_sub', 'sub_filter'],
  ['http_dav', 'dav_methods'],
  ['http_flv', 'flv'],
  ['http_mp4', 'mp4'],
  ['http_gunzip', 'gunzip'],
  ['http_gzip_static', 'gzip_static'],
  ['http_auth_request', 'auth_request'],
  ['http_random_index', 'random_index'],
  ['http_secure_link', 'secure_link'],
  ['http_degradation', 'degradation'],
  ['http_slice', 'slice'],
  ['http_stub_status', 'stub_status'],
];

/** Of both lists, what is not there. `http2`, `zone` and their like are accepted without effect: that is no module. */
const MISSING: ReadonlySet<string> = new Set([
  'http_grpc',
  'http_memcached',
  'http_browser',
  'http_upstream_least_time',
  'http_upstream_sticky',
  'http_tunnel',
  'http_v2',
  'http_v3',
  'http_xslt',
  'http_image_filter',
  'http_geoip',
  'http_dav',
  'http_flv',
  'http_mp4',
  'http_degradation',
  'http_slice',
]);

/** All that nginx could have, with whether it is claimed. */
export const MODULES: readonly { module: string; directive: string; claimed: boolean }[] = [
  ...BUILT_IN,
  ...WANTED,
].map(([module, directive]) => ({ module, directive, claimed: !MISSING.has(module) }));

export function configureArguments(): string[] {
  const withThem = WANTED.filter(([module]) => !MISSING.has(module));
  const without = BUILT_IN.filter(([module]) => MISSING.has(module));
  return [
    ...withThem.map(([module]) => `--with-${module}_module`),
    ...without.map(([module]) => `--without-${module}_module`),
  ];
}
