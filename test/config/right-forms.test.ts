// What beginners write, from other tools, from JSON's and nginx's neighbours, or by guess, and the whole of what is answered: the place, the
// cause, the right form. Nothing else is said beside it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/cli/read-config.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-forms-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function problemsOf(name: string, text: string): string[] {
  const file = join(dir, name);
  writeFileSync(file, text);
  const { problems } = readConfig(file, { test: true });
  return problems.list.map(({ at, severity, message }) => {
    const mark = severity === 'warning' ? 'warning: ' : '';
    return `${at.line}:${at.column}: ${mark}${message}`;
  });
}

/** A row: what is written, then what is said of it. */
type Row = readonly [text: string, ...problems: readonly string[]];

const http = (inside: string): string => `http { server { listen 80;\n${inside}\n} }`;
const json = (inside: string): string => `{ "servers": [{ "listen": 80,\n${inside}\n}] }`;
const inLocation = (inside: string): string => json(`"locations": { "/": {\n${inside}\n} }`);
const withPeers = (servers: string): string =>
  `{ "upstreams": { "a": { "servers":\n${servers}\n} }, "servers": [{ "listen": 80 }] }`;

const QUOTE = 'begins a block, also inside of a word; put the word in quotes';

const NGINX: readonly Row[] = [
  [http('location ~ ^/[0-9]{4}$ { return 204; }'), `2:19: "{" ${QUOTE}: "^/[0-9]{4}$"`],
  [http('location ~ ^/[0-9]{2,4}/x{1}$ {\nreturn 204; }'), `2:19: "{" ${QUOTE}: "^/[0-9]{2,4}/x{1}$"`],
  [http('if ($uri ~ ^/a{2}) { return 204; }'), `2:15: "{" ${QUOTE}: "^/a{2}"`],
  [http('rewrite ^/a{2,}$ /b last;'), `2:12: "{" ${QUOTE}: "^/a{2,}$"`],
  [http('server_name ~^a{2}\\.x$;'), `2:16: "{" ${QUOTE}: "~^a{2}\\.x$"`],
  [
    `program web {\ncommand node app.js --port={port}; first_port 8001; }`,
    `2:28: "{" ${QUOTE}: "--port={port}"`,
  ],
  [`program web {\ncommand "node a.js"; directory /a/{index}/x; }`, `2:35: "{" ${QUOTE}: "/a/{index}/x"`],
  [
    http('location /a { root /x;\nalias /y; }'),
    '3:1: "alias" cannot stand beside "root", which is at line 2; keep one of them',
  ],
  [
    'http { upstream a { ip_hash;\nleast_conn; server 127.0.0.1:1; }\nserver { listen 80; } }',
    '2:1: warning: "least_conn" and "ip_hash" exclude each other: this one holds, that at line 1 has no effect; remove one',
  ],
  [
    'server {\nlisten: 80; }',
    '1:1: warning: "server" stands outside of "http { }"; taken as if inside, wrap it: http { … }',
    '2:1: unknown directive "listen:"; write listen 80;',
  ],
  [http('root=/x;'), '2:1: unknown directive "root=/x"; write root /x;'],
  [http('root = /x;'), '2:1: "root" takes 1 argument, not 2: root path; there is no "=" in it: root /x;'],
  [
    http('server_name = a.example;'),
    '2:13: warning: "=" is an argument here, not a sign; write server_name a.example;',
  ],
  [
    http('return 200 hello world;'),
    '2:1: "return" takes 1 to 2 arguments, not 3: return code [text] | code URL | URL; a text with blanks stands in quotes: return 200 "hello world";',
  ],
  [
    http('proxy_set_header X-A a b;'),
    '2:1: "proxy_set_header" takes 2 arguments, not 3: proxy_set_header field value; a text with blanks stands in quotes: proxy_set_header X-A "a b";',
  ],
  [http('proxy_set_header Host: $host;'), '2:18: "Host:" is no field name; write it without the colon: Host'],
  [
    http('server_name http://a.example/;'),
    '2:13: "http://a.example/" is no server name, which is a host alone; write a.example',
  ],
  [
    http('server_name a.example/x;'),
    '2:13: "a.example/x" is no server name, which is a host alone; write a.example',
  ],
  [
    http('server_name a.example:80;'),
    '2:13: warning: "a.example:80" matches no request: a server name has no port; write a.example',
  ],
  [
    http('server_name a.example, b.example;'),
    '2:13: warning: "a.example," matches no request: names stand without commas; write a.example',
  ],
  [
    'http { upstream a {\nserver http://127.0.0.1:1/x; }\nserver { listen 80; } }',
    '2:8: "http://127.0.0.1:1/x" is no address, which has no scheme and no path; write 127.0.0.1:1',
  ],
  [
    http('client_max_body_size 10MB;'),
    '2:22: "client_max_body_size": "10MB" is not a size such as 8k, 1m or 512; write 10m',
  ],
  [
    http('client_max_body_size 1.5g;'),
    '2:22: "client_max_body_size": "1.5g" is not a size such as 8k, 1m or 512; write 1536m',
  ],
  [
    'inspector 2g;\nhttp {}',
    '1:11: "inspector": "2g" is not a size such as 8k, 1m or 512, at most 1g; write 1g',
  ],
  [
    http('send_timeout 5min;'),
    '2:14: "send_timeout": "5min" is not a time such as 60s, 500ms or 1h; write 5m',
  ],
  [
    http('send_timeout 1.5s;'),
    '2:14: "send_timeout": "1.5s" is not a time such as 60s, 500ms or 1h; write 1500ms',
  ],
  [http('keepalive_timeout 30seconds;'), '2:19: "30seconds" is not a time such as 75s; write 30s'],
  [http('etag true;'), '2:6: "etag": "true" is not "on" or "off"; write on'],
  [http('if ($uri == /a) { return 204; }'), '2:10: unknown operator "=="; write ='],
  [
    http('if ($uri = /a && $args = b) { return 204; }'),
    '2:15: "&&" does not exist in a condition: set a variable under the one, and test it in the other',
  ],
  [
    http('if ($uri = /a) { return 204; } else { return 205; }'),
    '2:32: unknown directive "else"; what stands behind the "if" is for all others; or write a second if with !=',
  ],
  [
    http('location *.php { return 204; }'),
    '2:10: warning: location "*.php" matches no request: paths begin with "/"; for an ending write location ~ \\.php$',
  ],
  [
    http('location \\.php$ { return 204; }'),
    '2:10: warning: location "\\.php$" matches no request: paths begin with "/"; a regular expression has a ~ before it: location ~ \\.php$',
  ],
  [
    http('location api { return 204; }'),
    '2:10: warning: location "api" matches no request: paths begin with "/"; write location /api',
  ],
  [
    http('location /api/* { return 204; }'),
    '2:10: warning: "*" stands for itself in location "/api/*"; it begins with its path in any case: write location /api/',
  ],
  [
    http('proxy_pass http://127.0.0.1:1;'),
    '2:1: "proxy_pass" is not allowed in server; it goes in location, if in location, limit_except: location / { proxy_pass http://127.0.0.1:1; }',
  ],
  [
    http('error_log off;'),
    '2:11: warning: "error_log" has no "off": this is a file called off; write error_log stderr crit;',
  ],
  [
    http('access_log on;'),
    '2:12: warning: "access_log" has no "on": this is a file called on; write its path, stdout or stderr',
  ],
  ['[program:web]\ncommand=node a.js\n'],
  [
    '[program:web\ncommand=node a.js\n',
    '1:1: this is a file of Supervisor, which cannot stand in another: name it with --programs',
  ],
  [
    'servers:\n  - listen: 80\n',
    "1:1: this is YAML, which is not read; write nginx's syntax, http { server { listen 80; } }, or JSON",
  ],
  [
    '<VirtualHost *:80>\n</VirtualHost>\n',
    '1:1: this is a file of Apache, which is not read; write http { server { listen 80; } }',
  ],
  ['// comment\n{ "servers": [{ "listen": 80, "return": 204 }] }'],
  ['/* a\n b */ { "servers": [{ "listen": 80, "return": 204 }] }'],
  ['"servers": [{ "listen": 80 }]', '1:1: the keys of a configuration stand in an object: { "servers": … }'],
];

const JSON_ROWS: readonly Row[] = [
  [
    '{ "http": { "servers": [] } }',
    '1:3: JSON has no "http" level: its keys stand at the top of the file; write { "upstreams": { … }, "servers": [ … ] }',
  ],
  [withPeers('[8001]'), '2:2: a server of an upstream is an address; write "127.0.0.1:8001"'],
  [withPeers('8001'), '2:1: a server of an upstream is an address; write "127.0.0.1:8001"'],
  [
    withPeers('[{ "host": "10.0.0.1", "port": 8001 }]'),
    '2:2: a server has its address in one; write { "address": "10.0.0.1:8001" }',
  ],
  [
    withPeers('[{ "host": "::1", "port": 8001, "weight": 2 }]'),
    '2:2: a server has its address in one; write { "address": "[::1]:8001", "weight": 2 }',
  ],
  [
    withPeers('[{ "port": 8001 }]'),
    '2:2: a server has its address in one; write { "address": "127.0.0.1:8001" }',
  ],
  [
    withPeers('[{ "url": "http://10.0.0.1:8001/" }]'),
    '2:2: a server has its address in one; write { "address": "10.0.0.1:8001" }',
  ],
  [
    json('"return": 204').replace('80', '{ "port": 443, "ssl": true }'),
    '1:27: "listen" is text: write "listen": "443 ssl"',
  ],
  [
    json('"return": 204').replace('80', '[{ "host": "127.0.0.1", "port": 8080 }]'),
    '1:28: "listen" is text: write "listen": "127.0.0.1:8080"',
  ],
  [
    json('"return": 204').replace(
      '80',
      '{ "address": "127.0.0.1", "port": 8080, "default_server": true, "ssl": false }',
    ),
    '1:27: "listen" is text: write "listen": "127.0.0.1:8080 default_server"',
  ],
  ['{ "servers": [8001] }', '1:15: a server is an object; write { "listen": 8001 }'],
  [
    '{ "servers": ["127.0.0.1:8001"] }',
    '1:15: a server is an object; write { "listen": "127.0.0.1:8001" }, or, for what requests go to, "upstreams": { "app": ["127.0.0.1:8001"] }',
  ],
  [
    '{ "upstreams": ["127.0.0.1:8001"], "servers": [{ "listen": 80 }] }',
    '1:17: an upstream is named by its key; write "upstreams": { "app": ["127.0.0.1:8001"] }',
  ],
  [
    '{ "upstreams": [["a", "127.0.0.1:8001"]], "servers": [{ "listen": 80 }] }',
    '1:17: an upstream is named by its key; write "upstreams": { "app": { … } }',
  ],
  [
    '{ "upstream": { "name": "a", "servers": ["127.0.0.1:1"] }, "servers": [{ "listen": 80 }] }',
    '1:15: an upstream is named by its key; write "upstream": { "a": { … } }',
  ],
  [
    '{ "programs": ["node a.js"], "servers": [{ "listen": 80 }] }',
    '1:16: a program is named by its key; write "programs": { "web": "node a.js" }',
  ],
  [
    json('"locations": ["/", "/a"]'),
    '2:15: a location is named by its key; write "locations": { "/": { … } }',
    '2:20: a location is named by its key; write "locations": { "/a": { … } }',
  ],
  [
    json('"locations": [["/", "http://a.example"]]'),
    '2:15: a location is named by its key; write "locations": { "/": { … } }',
  ],
  [
    json('"location /": { "return": 204 }'),
    '2:1: unknown directive "location /"; write "locations": { "/": { … } }',
  ],
  [
    inLocation('"proxy_set_header": ["Host", "$host", "X-A", "b"]'),
    '3:21: "proxy_set_header" has its names as keys; write { "Host": "$host" }',
  ],
  [
    inLocation('"proxy_set_header": [{ "name": "Host", "value": "$host" }]'),
    '3:22: "proxy_set_header" has its names as keys; write { "Host": "$host" }',
  ],
  [
    inLocation('"proxy_set_header": ["Host: $host", "X-A: b"]'),
    '3:23: "Host:" is no field name; write it without the colon: Host',
    '3:38: "X-A:" is no field name; write it without the colon: X-A',
  ],
  [
    inLocation('"proxy_pass": { "url": "http://a.example" }'),
    '3:15: "proxy_pass" is no object; write "proxy_pass": "http://a.example"',
  ],
  [
    inLocation('"proxy_pass": ["http://a.example", "http://b.example"]'),
    '3:1: "proxy_pass" takes 1 argument, not 2: proxy_pass URL',
  ],
  [
    inLocation('"return": { "code": 200, "text": "a b" }'),
    '3:11: "return" is no object; write "return": [200, "a b"]',
  ],
  [
    json('"ssl": { "certificate": "a", "key": "b" }'),
    '2:8: "ssl" is no object; write "ssl_certificate": "a", "ssl_certificate_key": "b" and "listen": "443 ssl"',
  ],
  [json('"root": "/x;"'), '2:9: a ";" ends nothing in JSON; write "/x"'],
  [json('"return": "204;"'), '2:11: a ";" ends nothing in JSON; write "204"'],
  [
    "{ 'servers': [{ 'listen': 80 }] }",
    '1:3: JSON has double quotes: write "servers"',
    '1:17: JSON has double quotes: write "listen"',
  ],
  [
    '{ servers: [{ listen: 80 }] }',
    '1:3: keys and text stand in double quotes: write "servers"',
    '1:15: keys and text stand in double quotes: write "listen"',
  ],
  [json('"etag": True'), '2:9: JSON writes true'],
  [
    json('"etag": False, "root": None'),
    '2:9: JSON writes false',
    '2:24: JSON has no None: leave the key out',
  ],
  [json('"etag": undefined'), '2:9: JSON has no undefined: leave the key out'],
  [json('# a comment\n"etag": true'), '2:1: "#" begins no comment in JSON; write //'],
  [
    '# a comment: here\n{ "servers": [{ "listen": 80, "return": 204 }] }',
    '1:1: "#" begins no comment in JSON; write //',
  ],
  ['{ "servers": [{ "listen" = 80 }] }', '1:26: a ":" stands between a key and its value, not "="'],
  ['{ "servers": [{ "listen": 80; "return": 204 }] }', '1:29: a "," stands between two values, not ";"'],
  ['', '1:1: this file is empty; write { "servers": [{ "listen": 80, … }] }'],
  ['// nothing\n', '1:1: this file is empty; write { "servers": [{ "listen": 80, … }] }'],
  [
    'http {\n  server { listen 80; return 204; }\n}\n',
    "1:1: this is nginx's syntax in a file called .json; call it .conf",
  ],
  [
    '# nginx\nworker_processes 2;\nhttp { }\n',
    "2:1: this is nginx's syntax in a file called .json; call it .conf",
  ],
  [
    'servers:\n  - listen: 80\n',
    '1:1: this is YAML, which is not read; write { "servers": [{ "listen": 80 }] }',
  ],
  ['[{ "listen": 80 }]', '1:1: a configuration is an object, { … }, not a list; write { "servers": [ … ] }'],
  ['{ "port": 8080 }', '1:3: unknown directive "port"; here it is "listen", in "servers"'],
  [json('"https": true'), '2:1: unknown directive "https"; write "listen": "443 ssl" and "certificate": "…"'],
];

describe('nginx syntax', () => {
  it.each(NGINX)('%s', (text, ...problems) => {
    expect(problemsOf('nginx.conf', text)).toEqual(problems);
  });
});

describe('JSON', () => {
  it.each(JSON_ROWS)('%s', (text, ...problems) => {
    expect(problemsOf('upstreams.json', text)).toEqual(problems);
  });
});

describe('names of one or two letters', () => {
  it.each(['$a', '$zz'])('%s: a guess would be any', (name) => {
    expect(problemsOf('nginx.conf', http(`return 200 ${name};`))).toEqual([
      `2:12: unknown variable "${name}"`,
    ]);
  });
});
