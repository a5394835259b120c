// realip beside nginx: who is believed, which address is taken, and all that follows from it.
import { ask, describeTable, kept, type TableCase, type TablePlaces } from './request-table.ts';

const SHOW = '"$remote_addr|$realip_remote_addr|$geoed|$binary|$proxy_add_x_forwarded_for"';

const configuration = ({ peer }: TablePlaces): string => `
  geo $geoed { default none; 10.0.0.0/8 ten; 192.0.2.0/24 test; 2001:db8::/32 six; }
  map $binary_remote_addr $binary { default other; "\\x0a" x; }
  log_format who '$remote_addr $realip_remote_addr $request_uri $status';
  limit_req_zone $binary_remote_addr zone=r:1m rate=1r/m;
  server { listen {port}; server_name xff.example; set_real_ip_from 127.0.0.0/8; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For;
    location / { return 200 ${SHOW}; }
    location /port/ { return 200 "$remote_port"; }
    location /deep/ { real_ip_recursive on; return 200 ${SHOW}; }
    location /deny/ { deny 192.0.2.1; allow all; alias {dir}/none/; }
    location /allow/ { allow 192.0.2.0/24; allow 2001:db8::/32; deny all; error_page 404 =200 /shown; alias {dir}/none/; }
    location = /shown { return 200 ${SHOW}; }
    location /peer/ { proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Real $remote_addr; proxy_pass http://${peer}; }
    location /limit/ { limit_req zone=r; limit_req_status 429; alias {dir}/none/; }
    location /auth/ { auth_request /sub; return 200 ${SHOW}; try_files /none /shown; }
    location = /sub { allow 192.0.2.0/24; deny all; return 204; }
    location /rewritten { rewrite ^ /deny/x last; }
    location /if { if ($remote_addr = 192.0.2.1) { return 200 "it is $remote_addr"; } return 200 "not"; }
    location /ssi { ssi on; default_type text/html; return 200 '<!--#echo var="remote_addr" --> <!--#include virtual="/shown" -->'; }
  }
  server { listen {port}; server_name real.example; set_real_ip_from 127.0.0.1; 
    location / { alias {dir}/none/; error_page 404 =200 @show; }
    location /off/ { set_real_ip_from 192.0.2.9; error_page 404 =200 @show; alias {dir}/none/; }
    location @show { return 200 ${SHOW}; } }
  server { listen {port}; server_name field.example; set_real_ip_from localhost; set_real_ip_from unix:; real_ip_header CF-Connecting-IP; real_ip_recursive on;
    location / { return 200 ${SHOW}; } }
  server { listen {port}; server_name late.example; real_ip_header X-Forwarded-For;
    location / { set_real_ip_from 127.0.0.1; alias {dir}/none/; error_page 404 =200 @show; }
    location @show { return 200 ${SHOW}; }
    location /early/ { set_real_ip_from 127.0.0.1; set $before $geoed; alias {dir}/none/; error_page 404 =200 @show; }
    location /script/ { set_real_ip_from 127.0.0.1; return 200 ${SHOW}; } }
  server { listen {port}; server_name none.example; set_real_ip_from 192.0.2.0/24; location / { return 200 ${SHOW}; } }
  server { listen {port}; server_name all.example; set_real_ip_from 0.0.0.0/0; set_real_ip_from ::/0; real_ip_recursive on; real_ip_header X-Forwarded-For; location / { return 200 ${SHOW}; } }
`;

const VALUES = [
  ...[
    '192.0.2.1',
    '10.1.1.1',
    '192.0.2.1, 10.0.0.1',
    '203.0.113.7,192.0.2.1 , 10.2.3.4',
    '2001:db8::1',
    '2001:DB8:0:0::0001',
  ],
  ...[
    '::ffff:192.0.2.1',
    '192.0.2.1:8080',
    '[2001:db8::2]:443',
    '[2001:db8::2]',
    '192.0.2.1:0',
    '192.0.2.1:70000',
    'unknown',
    '',
  ],
  ...[
    '192.0.2.1, unknown',
    'unknown, 10.0.0.1',
    '10.0.0.1, 10.0.0.2, 10.0.0.3',
    ',,192.0.2.1,,',
    '192.0.2.01',
    '192.0.2',
    'unix:',
    '1.2.3.4 5.6.7.8',
  ],
];

const show = (host: string, target: string, lines: readonly string[]): TableCase =>
  ask(host, 'GET', target, lines);

describeTable('realip', configuration, [
  ...VALUES.flatMap((value) =>
    ['/', '/deep/', '/deny/', '/allow/x', '/peer/x', '/if', '/rewritten', '/auth/x', '/ssi'].map((target) =>
      show('xff.example', target, [`X-Forwarded-For: ${value}`]),
    ),
  ),
  ...[
    ['192.0.2.1', '10.0.0.1'],
    ['10.0.0.1', '192.0.2.1'],
    ['203.0.113.1', 'x', '10.0.0.1'],
    ['192.0.2.7, 10.0.0.1', '10.0.0.2'],
    ['', '192.0.2.1'],
  ].flatMap((lines) =>
    ['xff.example', 'all.example', 'real.example', 'field.example'].flatMap((host) =>
      ['/', '/deep/'].map((target) =>
        show(
          host,
          target,
          lines.flatMap((line) => [
            `X-Forwarded-For: ${line}`,
            `X-Real-IP: ${line}`,
            `CF-Connecting-IP: ${line}`,
          ]),
        ),
      ),
    ),
  ),
  ...VALUES.flatMap((value) => [
    show('real.example', '/x', [`X-Real-IP: ${value}`]),
    show('field.example', '/x', [`CF-Connecting-IP: ${value}`]),
    show('all.example', '/x', [`X-Forwarded-For: ${value}`]),
    show('late.example', '/x', [`X-Forwarded-For: ${value}`]),
  ]),
  ...['/off/x', '/'].map((target) =>
    show('real.example', target, ['X-Real-IP: 192.0.2.1', 'X-Forwarded-For: 10.0.0.1']),
  ),
  ...['/script/', '/', '/early/'].map((target) =>
    show('late.example', target, ['X-Forwarded-For: 192.0.2.1']),
  ),
  show('xff.example', '/port/', ['X-Forwarded-For: 192.0.2.1']),
  show('xff.example', '/port/', ['X-Forwarded-For: 192.0.2.1:443']),
  show('none.example', '/', ['X-Real-IP: 192.0.2.1']),
  ...['192.0.2.50', '192.0.2.50', '192.0.2.51', '192.0.2.51'].map((value) =>
    show('xff.example', '/limit/x', [`X-Forwarded-For: ${value}`]),
  ),
  ...['xff.example', 'real.example'].map((host) =>
    kept(show(host, '/x', ['X-Forwarded-For: 192.0.2.1', 'X-Real-IP: 192.0.2.1'])),
  ),
]);
