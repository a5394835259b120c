// A directive that stands twice in a block: refused where nginx calls it duplicate, and taken as nginx takes it everywhere else.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Settings } from '../../src/config/model.ts';
import { ROWS } from '../../src/config/registry.ts';
import type { Context, Row } from '../../src/config/row.ts';
import { makeCertificate } from '../support/certificates.ts';
import { nginxComplaint, nginxVersion, tempPaths } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-twice-'));
for (const file of ['a', 'b']) writeFileSync(join(dir, `${file}.ticket`), Buffer.alloc(48, file));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const pem = makeCertificate(dir, 'twice', 'localhost');

/** Families of apps, which get parameters. */
const APPS: readonly string[] = ['fastcgi', 'uwsgi', 'scgi'];

/** Rows that may stand twice; all others are refused. */
const TWICE = new Set(
  'include server listen types if rewrite return set break index location server_name access_log upstream'
    .split(' ')
    .concat(
      'inspector_mask limit_req limit_req_zone limit_conn limit_conn_zone error_page auth_request_set'.split(
        ' ',
      ),
    )
    .concat('add_header add_trailer sub_filter sub_filter_types mirror allow deny'.split(' '))
    .concat('charset_types charset_map'.split(' '))
    .concat('fault_delay fault_abort fault_cut fault_rate'.split(' '))
    .concat('proxy_set_header proxy_pass_header proxy_hide_header proxy_redirect log_format'.split(' '))
    .concat('proxy_cookie_domain proxy_cookie_path proxy_cookie_flags'.split(' '))
    .concat('fastcgi_param uwsgi_param scgi_param fastcgi_catch_stderr'.split(' '))
    // The last one holds.
    .concat('method ip_hash least_conn hash random error_log fastcgi_split_path_info'.split(' '))
    // All together hold.
    .concat('ssl_protocols proxy_next_upstream environment addition_types'.split(' '))
    .concat(['proxy_ignore_headers', 'ssi_types', 'uwsgi_ssl_protocols', 'uwsgi_ssl_conf_command'])
    .concat(
      APPS.flatMap((family) =>
        ['pass_header', 'hide_header', 'next_upstream', 'ignore_headers'].map((name) => `${family}_${name}`),
      ),
    )
    .concat(
      ['proxy', ...APPS].flatMap((family) =>
        'cache_path cache_valid cache_bypass no_cache cache_methods cache_use_stale'
          .split(' ')
          .map((name) => `${family}_${name}`),
      ),
    )
    .concat('proxy_ssl_protocols gzip_disable gzip_proxied gzip_types brotli_types zstd_types'.split(' '))
    .concat(
      'proxy_ssl_conf_command ssl_conf_command ssl_certificate ssl_certificate_key ssl_session_ticket_key'.split(
        ' ',
      ),
    )
    .concat(['ssl_ech_file'])
    .concat(['proxy_ssl_conf_command', 'set_real_ip_from', 'valid_referers', 'userid_flags'])
    .concat(['empty_gif', 'stub_status', 'keepalive_disable', 'otel_resource_attr', 'otel_span_attr'])
    // Without effect here.
    .concat('debug_connection env thread_pool http2_push'.split(' '))
    .concat('http2_max_requests http2_max_field_size http2_max_header_size'.split(' '))
    .concat('http2_recv_timeout http2_idle_timeout'.split(' '))
    .concat('ssl_session_cache zone program control map geo split_clients'.split(' ')),
);

/** Arguments of a first and a second one; where there is only one, both are the same. */
const ARGUMENTS: Readonly<Record<string, readonly [string, string?]>> = {
  events: ['{ }'],
  http: ['{ }'],
  server: ['{ listen 127.0.0.1:1; }'],
  types: ['{ text/html html; }'],
  if: ['($arg_a) { }'],
  upstream: ['one { server 127.0.0.1:1; }', 'two { server 127.0.0.1:1; }'],
  location: ['/x { }', '/y { }'],
  satisfy: ['any', 'all'],
  limit_except: ['GET { }', 'POST { }'],
  allow: ['all', '10.0.0.0/8'],
  deny: ['all', '::1'],
  program: ['one { command "sleep 1"; }', 'two { command "sleep 1"; }'],
  map: ['$host $one { }', '$host $two { }'],
  geo: ['$one { }', '$host $two { }'],
  split_clients: ['$host $one { * x; }', '$host $two { * x; }'],
  otel_exporter: ['{ endpoint h:1; }'],
  otel_resource_attr: ['a b', 'c d'],
  otel_span_attr: ['a b', 'c d'],
  otel_trace_context: ['inject'],
  include: ['/dev/null'],
  error_page: ['404 /a', '500 /b'],
  try_files: ['/a /b'],
  auth_request_set: ['$one 1', '$two 2'],
  add_before_body: ['/a'],
  add_after_body: ['/a'],
  addition_types: ['text/css', 'text/plain'],
  ssi_types: ['text/css', 'text/plain'],
  ssi_value_length: ['1k'],
  mirror: ['/a', '/b'],
  rewrite: ['^ /x last'],
  return: ['404'],
  set: ['$x 1'],
  listen: ['127.0.0.1:1', '127.0.0.1:2'],
  server_name: ['a', 'b'],
  redirect: ['https port=443'],
  ready_lost: ['keep'],
  resolver: ['127.0.0.1'],
  ssl: ['off'],
  tcp_nodelay: ['on'],
  use: ['epoll'],
  debug_connection: ['127.0.0.1'],
  epoll_events: ['64'],
  http2_streams_index_size: ['32'],
  user: ['root'],
  worker_cpu_affinity: ['auto'],
  worker_rlimit_core: ['1m'],
  timer_resolution: ['100ms'],
  accept_mutex_delay: ['10ms'],
  thread_pool: ['one threads=2', 'two threads=2'],
  env: ['A', 'B'],
  ssl_engine: ['dynamic'],
  method: ['ip_hash', 'least_conn'],
  ...Object.fromEntries(
    ['proxy', ...APPS].flatMap((family): [string, [string, string?]][] => [
      [`${family}_cache_path`, [`${dir}/one keys_zone=${family}1:1m`, `${dir}/two keys_zone=${family}2:1m`]],
      [`${family}_cache`, ['off']],
      [`${family}_cache_key`, ['$uri']],
      [`${family}_cache_valid`, ['1m', '404 2m']],
      [`${family}_cache_bypass`, ['$arg_a', '$arg_b']],
      [`${family}_no_cache`, ['$arg_a', '$arg_b']],
      [`${family}_cache_methods`, ['GET', 'POST']],
      [`${family}_cache_max_range_offset`, ['10']],
      [`${family}_cache_use_stale`, ['error', 'timeout']],
      [`${family}_cache_min_uses`, ['2']],
      [`${family}_cache_revalidate`, ['on']],
      [`${family}_cache_lock_age`, ['3s']],
      [`${family}_store`, ['on']],
      [`${family}_store_access`, ['user:rw']],
      [`${family}_bind`, ['127.0.0.1']],
      [`${family}_next_upstream`, ['error', 'timeout']],
      [`${family}_pass_header`, ['A', 'B']],
      [`${family}_hide_header`, ['A', 'B']],
      [`${family}_ignore_headers`, ['Expires', 'Vary']],
      [`${family}_buffers`, ['8 8k']],
      [`${family}_busy_buffers_size`, ['16k']],
      [`${family}_temp_file_write_size`, ['16k']],
      [`${family}_limit_rate`, ['1k']],
      [`${family}_socket_keepalive`, ['on']],
      [`${family}_socket_rcvbuf`, ['64k']],
      [`${family}_socket_sndbuf`, ['64k']],
    ]),
  ),
  ...Object.fromEntries(
    APPS.flatMap((family): [string, [string, string?]][] => [
      [`${family}_pass`, ['127.0.0.1:1']],
      [`${family}_param`, ['A b', 'C d']],
    ]),
  ),
  ...Object.fromEntries(
    ['proxy', 'uwsgi'].flatMap((family): [string, [string, string?]][] => [
      [`${family}_ssl_name`, ['a']],
      [`${family}_ssl_verify_depth`, ['2']],
      [`${family}_ssl_trusted_certificate`, [pem.certificate]],
      [`${family}_ssl_crl`, [pem.certificate]],
      [`${family}_ssl_certificate`, [pem.certificate]],
      [`${family}_ssl_certificate_key`, [pem.key]],
      [`${family}_ssl_certificate_cache`, ['off']],
      [`${family}_ssl_password_file`, [pem.key]],
      [`${family}_ssl_protocols`, ['TLSv1.2', 'TLSv1.3']],
      [`${family}_ssl_ciphers`, ['HIGH']],
      [`${family}_ssl_conf_command`, ['MinProtocol TLSv1.2', 'Options Bugs']],
    ]),
  ),
  uwsgi_string: ['a'],
  uwsgi_modifier1: ['1'],
  uwsgi_modifier2: ['1'],
  hash: ['$uri', '$host consistent'],
  random: ['two', 'two least_conn'],
  zone: ['u 64k'],
  ssl_certificate: [pem.certificate],
  ssl_certificate_key: [pem.key],
  ssl_protocols: ['TLSv1.2', 'TLSv1.3'],
  ssl_ciphers: ['HIGH'],
  ssl_session_cache: ['none'],
  ssl_ecdh_curve: ['auto'],
  ssl_dhparam: ['/nowhere'],
  ssl_certificate_cache: ['max=1'],
  ssl_password_file: [pem.key],
  ssl_verify_client: ['optional_no_ca'],
  ssl_verify_depth: ['2'],
  ssl_client_certificate: [pem.certificate],
  ssl_trusted_certificate: [pem.certificate],
  ssl_crl: [pem.certificate],
  ssl_session_ticket_key: [`${dir}/a.ticket`, `${dir}/b.ticket`],
  ssl_conf_command: ['MinProtocol TLSv1.2', 'Options Bugs'],
  ssl_ocsp: ['off'],
  ssl_ocsp_cache: ['off'],
  ssl_ocsp_responder: ['http://127.0.0.1/'],
  ssl_stapling_file: [pem.certificate],
  ssl_stapling_responder: ['http://127.0.0.1/'],
  ssl_ech_file: [pem.certificate],
  server_tokens: ['on'],
  large_client_header_buffers: ['4 8k'],
  keepalive_disable: ['msie6', 'safari'],
  client_body_in_file_only: ['on'],
  client_body_temp_path: [`${dir}/body`],
  proxy_pass: ['http://127.0.0.1:1'],
  proxy_set_header: ['A b', 'C d'],
  proxy_redirect: ['/a /b', '/c /d'],
  proxy_cookie_domain: ['a b', 'c d'],
  proxy_cookie_path: ['/a /b', '/c /d'],
  proxy_cookie_flags: ['a secure', 'b httponly'],
  proxy_http_version: ['1.1'],
  proxy_method: ['GET'],
  fastcgi_catch_stderr: ['A', 'B'],
  fastcgi_split_path_info: ['^(.+)(/x)$'],
  index: ['a', 'b'],
  default_type: ['text/plain'],
  if_modified_since: ['exact'],
  expires: ['3s'],
  sub_filter: ['a b', 'c d'],
  limit_rate: ['4k'],
  inspector: ['4k'],
  limit_rate_after: ['4k'],
  sub_filter_types: ['text/css', 'text/x'],
  add_header: ['X-A b', 'X-C d always'],
  add_header_inherit: ['merge'],
  add_trailer: ['X-A b', 'X-C d always'],
  add_trailer_inherit: ['merge'],
  limit_req_zone: ['$arg_x zone=x:64k rate=1r/s', '$arg_y zone=y:64k rate=1r/m'],
  limit_req: ['zone=a', 'zone=b burst=3 nodelay'],
  limit_req_log_level: ['warn'],
  limit_req_status: ['429'],
  limit_conn_zone: ['$arg_x zone=x:64k', '$arg_y zone=y:64k'],
  limit_conn: ['c 3', 'd 4'],
  limit_conn_log_level: ['warn'],
  limit_conn_status: ['429'],
  autoindex_format: ['json'],
  autoindex_exact_size: ['on'],
  autoindex_localtime: ['on'],
  ignore_invalid_headers: ['off'],
  underscores_in_headers: ['on'],
  merge_slashes: ['off'],
  disable_symlinks: ['on'],
  lingering_close: ['off'],
  reset_timedout_connection: ['on'],
  early_hints: ['$arg_a'],
  msie_padding: ['on'],
  msie_refresh: ['on'],
  aio_write: ['on'],
  directio_alignment: ['512'],
  open_file_cache_events: ['on'],
  send_lowat: ['0'],
  proxy_send_lowat: ['0'],
  debug_points: ['abort'],
  fastcgi_modifier1: ['1'],
  fastcgi_modifier2: ['1'],
  ssl_object_cache_inheritable: ['on'],
  fastcgi_send_lowat: ['0'],
  http2_max_concurrent_streams: ['64'],
  http2_max_concurrent_pushes: ['10'],
  keepalive_min_timeout: ['1s'],
  postpone_output: ['1460'],
  empty_gif: [''],
  stub_status: [''],
  secure_link: ['$arg_a'],
  secure_link_md5: ['$arg_a'],
  secure_link_secret: ['x'],
  valid_referers: ['a', 'b'],
  referer_hash_max_size: ['1024'],
  referer_hash_bucket_size: ['64'],
  set_real_ip_from: ['127.0.0.1', 'unix:'],
  real_ip_header: ['X-Forwarded-For'],
  userid: ['log'],
  userid_service: ['1'],
  userid_name: ['a'],
  userid_domain: ['a'],
  userid_path: ['/'],
  userid_expires: ['max'],
  userid_flags: ['secure', 'httponly'],
  userid_p3p: ['a'],
  userid_mark: ['x'],
  log_format: ['one "x"', 'two "x"'],
  access_log: [`${dir}/a.log`],
  error_log: [`${dir}/e.log`],
  open_log_file_cache: ['max=10'],
  open_file_cache: ['max=10'],
  aio: ['off'],
  output_buffers: ['1 32k'],
  gzip_types: ['text/css', 'text/x'],
  gzip_proxied: ['any', 'auth'],
  gzip_disable: ['msie6', 'x'],
  gzip_buffers: ['16 8k'],
  gunzip_buffers: ['16 8k'],
  brotli_buffers: ['16 8k'],
  zstd_buffers: ['16 8k'],
  brotli_window: ['4k'],
  brotli_types: ['text/css', 'text/x'],
  zstd_types: ['text/css', 'text/x'],
  brotli_comp_level: ['3'],
  zstd_comp_level: ['3'],
  gzip_window: ['4k'],
  gzip_http_version: ['1.1'],
  gzip_comp_level: ['3'],
  charset: ['utf-8'],
  source_charset: ['koi8-r'],
  charset_types: ['text/css', 'text/x'],
  charset_map: ['a b { }', 'a c { }'],
  command: ['"sleep 1"'],
  autorestart: ['true'],
  stopsignal: ['TERM'],
  environment: ['A=1', 'B=2'],
  exitcodes: ['1'],
  umask: ['022'],
  ready: ['running'],
  drain: ['3s'],
  slow_start: ['3s'],
  max_unavailable: ['3'],
  max_memory: ['1m'],
  stdout_logfile_maxbytes: ['4k'],
  stderr_logfile_maxbytes: ['4k'],
  stdout_logfile_backups: ['3'],
  stderr_logfile_backups: ['3'],
  logfile_total: ['4k'],
  fault_delay: ['200ms', '1s 2s share=10% if=$arg_x'],
  fault_abort: ['503', 'reset share=0.5%'],
  fault_cut: ['1k', '0'],
  fault_rate: ['10k', '1m'],
  control: ['127.0.0.1:9001', '127.0.0.1:9002'],
};

/** `program` of an upstream, not the block. */
const isFollowed = (row: Row): boolean => row.name === 'program' && row.kind === 'setting';
/** Families of peers have the same arguments: those of FastCGI, or else of HTTP. */
const kinOf = (name: string): readonly string[] =>
  ['fastcgi_', 'proxy_'].map((family) => name.replace(/^(?:uwsgi|scgi)_/, family));
const mayRepeat = (row: Row): boolean => kinOf(row.name).some((name) => TWICE.has(name)) && !isFollowed(row);

/** For the many that take a number, a time, a size, a flag or a path. */
function argumentsOf(row: Row): readonly [string, string?] {
  if (isFollowed(row)) return ['p'];
  const given = kinOf(row.name)
    .map((name) => ARGUMENTS[name])
    .find((words) => words !== undefined);
  if (given !== undefined)
    return row.name === 'server' && row.contexts[0] === 'upstream' ? ['127.0.0.1:1'] : given;
  if (row.args[1] === 0) return [''];
  if (/pid|lock_file|_path$|directory|^root$|^alias$/.test(row.name)) return [`${dir}/x`];
  if (/hash/.test(row.name)) return ['1024'];
  if (/size|directio|chunk$|read_ahead|postpone|min_length/.test(row.name)) return ['4k'];
  if (/time|delay|valid|secs|hold$/.test(row.name) && row.name !== 'reset_timedout_connection') return ['3s'];
  return /number|…/.test(row.syntax) &&
    /limit|requests|connections|processes|tries|nofile|priority|uses|ranges|headers$|numprocs|port|retries|keepalive$/.test(
      row.name,
    )
    ? ['3']
    : ['on'];
}

/** A whole configuration with this text in a context. */
function configured(context: Context, text: string): string {
  const main = context === 'main' ? text : '';
  const events = main.startsWith('events') ? '' : `events { ${context === 'events' ? text : ''} }`;
  if (main.startsWith('http')) return `${main} ${events}`;
  const zones = ['req', 'conn'].some((kind) => text.startsWith(`limit_${kind} `))
    ? `limit_req_zone $arg_a zone=a:64k rate=1r/s; limit_req_zone $arg_a zone=b:64k rate=1r/s;
       limit_conn_zone $arg_a zone=c:64k; limit_conn_zone $arg_a zone=d:64k; `
    : '';
  const exporter = text.startsWith('otel_trace ') ? 'otel_exporter { endpoint h:1; }' : '';
  const inside: Partial<Record<Context, string>> = {
    http: `${exporter}${zones}${text} server { listen 127.0.0.1:9; }`,
    server: `server { ${text} }`,
    location: `server { listen 127.0.0.1:9; location / { ${text} } }`,
    upstream: `upstream u { ${text} server 127.0.0.1:2; } server { listen 127.0.0.1:9; }`,
  };
  const followed =
    text.startsWith('program p') && context === 'upstream'
      ? 'program p { command "sleep 1"; first_port 1; }'
      : '';
  const program =
    context === 'program'
      ? `program p { ${text} ${text.includes('command') ? '' : 'command "sleep 1";'} }`
      : followed;
  // Only one of them is asked about.
  const logs = tempPaths(dir);
  const paths = /temp_path/.test(text) ? '' : logs;
  return `${main} ${program} ${events} http { access_log off; ${program === '' ? paths : ''} ${inside[context] ?? 'server { listen 127.0.0.1:9; }'} }`;
}

function complaint(text: string): string {
  try {
    readModel(text).remove();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const CASES = ROWS.map((row) => {
  const [first, second = first] = argumentsOf(row);
  const line = (words: string): string => `${row.name} ${words}${words.endsWith('}') ? '' : ';'}`;
  const once = configured(row.contexts[0], line(first));
  const twice = configured(row.contexts[0], `${line(first)}\n${line(second)}`);
  return { name: `${row.name} in ${row.contexts[0]}`, row, once, twice };
});

/** Of these nginx 1.22 asks for more, or it is built without them. */
const NOT_ASKED =
  /^(?:ssl|proxy_ssl_certificate_cache|ssl_dhparam|ssl_certificate|redirect|method|program|state_path|error_detail|aio|otel_trace)$/;

describe('twice in one block', () => {
  it.each(CASES)('$name', ({ row, once, twice }) => {
    if (row.name === 'ssl_certificate_key') return;
    expect(complaint(once)).toBe('');
    if (mayRepeat(row)) expect(complaint(twice)).toBe('');
    else
      expect(complaint(twice)).toContain(`"${row.name}" is given twice in this block; the first is at line `);
  });

  it
    .skipIf(nginxVersion === '')
    .each(CASES.filter(({ row }) => !NOT_ASKED.test(row.name) && !row.contexts.includes('program')))(
    '$name, as nginx has it',
    ({ row, once, twice }) => {
      const first = nginxComplaint(dir, once);
      // This nginx does not know it yet.
      if (first.includes(`unknown directive "${row.name}"`)) return;
      expect(first).toBe('');
      expect(nginxComplaint(dir, twice) === '').toBe(mayRepeat(row));
    },
  );
});

const settingsOf = (
  context: 'server' | 'location',
  text: string,
): { settings: Settings; warnings: string } => {
  const { model, warnings, remove } = readModel(configured(context, text));
  remove();
  const [server] = model.servers;
  return { settings: context === 'server' ? server.settings : server.locations[0].settings, warnings };
};

describe('what two of them mean', () => {
  it('together: protocols and conditions', () => {
    expect(
      settingsOf('server', 'ssl_protocols TLSv1.3; ssl_protocols TLSv1.2 TLSv1.3;').settings.sslProtocols,
    ).toEqual(['TLSv1.3', 'TLSv1.2']);
    const next = (text: string) => settingsOf('location', text).settings.proxyNextUpstream;
    expect(next('proxy_next_upstream error; proxy_next_upstream http_500 error;')).toEqual([
      'error',
      'http_500',
    ]);
  });

  it('the last one, with a word about the first unless they say the same', () => {
    const twice = (second: string) =>
      settingsOf('server', `ssl_session_cache none;\nssl_session_cache ${second};`);
    expect(twice('builtin').settings.sslSessionCache).toMatchObject({ kind: 'builtin' });
    expect(twice('builtin').warnings).toMatch(
      /conf:2:1: warning: "ssl_session_cache" is given twice in this block: this one holds, that at line 1 has no effect/,
    );
    expect(twice('none').warnings).toBe('');
  });

  it('proxy_redirect off stands alone', () => {
    for (const text of [
      'proxy_redirect off; proxy_redirect /a /b;',
      'proxy_redirect /a /b; proxy_redirect off;',
    ]) {
      expect(complaint(configured('location', text))).toContain('"proxy_redirect off" stands alone');
      if (nginxVersion !== '')
        expect(nginxComplaint(dir, configured('location', text))).toContain('is duplicate');
    }
  });

  it('names the other directive where it is another, and its file', () => {
    expect(complaint(configured('location', 'root /a; alias /b/;'))).toContain(
      '"alias" cannot stand beside "root", which is at line 1',
    );
    const file = join(dir, 'options.conf');
    writeFileSync(file, '\nroot /a;');
    expect(complaint(configured('location', `include ${file}; root /b;`))).toContain(
      `"root" is given twice in this block; the first is at ${file}:2:1`,
    );
  });

  it.each([
    ['location /x { } location /x { }', 'location "/x" exists already in this block, at '],
    ['location /x { } location ^~ /x { }', 'location "/x" exists already in this block, at '],
    ['location = /x { } location = /x { }', 'location "= /x" exists already in this block, at '],
    ['location = /x { } location /x { }', ''],
    ['location ~ /x { } location ~ /x { }', ''],
    ['listen 127.0.0.1:1; listen 127.0.0.1:1;', 'this server listens on 127.0.0.1:1 twice; remove one'],
  ])('%s', (text, message) => {
    const ours = complaint(configured('server', text));
    if (message === '') expect(ours).toBe('');
    else expect(ours).toContain(message);
    if (nginxVersion !== '')
      expect(nginxComplaint(dir, configured('server', text)) === '').toBe(message === '');
  });
});
