// Answers and log lines beside nginx where several directives meet: kinds that random configurations have found.
import { ask, describeTable, type TableCase } from './request-table.ts';

const chunked = (host: string, method: string, target: string, body: string): TableCase => ({
  name: `${host} ${method} ${target} chunked`,
  bytes: `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
});

const HOST = 'letters.test';
const VALIDATORS = ['If-None-Match: *', 'If-None-Match: "x"', 'If-Match: "x"', 'If-Match: *'];
const DATES = ['If-Unmodified-Since: Tue, 14 Nov 2033 22:13:20 GMT', 'If-Modified-Since: yesterday'];

describeTable(
  'where directives meet',
  ({ root, peer }) => `
    server { listen {port}; server_name ${HOST}; root ${root};
      location /text { return 200 "a text"; }
      location /added { add_header Cache-Control a; add_header Cache-Control "b $sent_http_cache_control"; return 200 x; }
      location /moved { add_header Last-Modified "Tue, 14 Nov 2023 22:13:20 GMT"; return 301 /x; }
      location /length { add_header X-Length "<$content_length>"; return 200 x; }
      location /small { client_max_body_size 5; error_page 413 /echo/413; proxy_pass http://${peer}; }
      location /echo/ { proxy_pass http://${peer}; }
      location /meets { proxy_intercept_errors on; error_page 404 = /text; proxy_pass http://${peer}; }
      location /aliased/ { rewrite ^ /aliased/small.txt break; alias ${root}/; }
      location /tried/ { rewrite ^ /tried/small.txt break; alias ${root}/; try_files $uri =404; }
      location ~ ^/file/ { alias ${root}/small.txt; }
      location /deep { try_files /nothing @limited; }
      location @limited { client_max_body_size 5; return 200 limited; }
      location /two { error_page 400 =416 @empty; return 400; }
      location @empty { return 204; }
      location /nothing { error_page 404 /text; }
    }`,
  [
    ...[...VALIDATORS, ...DATES].map((line) => ask(HOST, 'GET', '/text', [line])),
    ...['/text', '/length', '/nothing', '/small', '/echo/x', '/index.html'].map((target) =>
      chunked(HOST, 'POST', target, 'more than five'),
    ),
    ...['/added', '/moved', '/aliased/x', '/tried/x', '/file/x/', '/file/x', '/two'].map((target) =>
      ask(HOST, 'GET', target),
    ),
    ...['/text?', '/second?', '/second?a', '/meets'].map((target) => ask(HOST, 'GET', target)),
    ask(HOST, 'POST', '/deep'),
  ],
);
