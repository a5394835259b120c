// What people write at their first try, from other tools or by guess: taken where it can mean one thing only, else answered with the
// right form.
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/config/model.ts';
import { readModel } from '../support/proxy.ts';
import { whole } from '../support/whole-model.ts';

function read(text: string): { model: Model; warnings: string } {
  const { model, warnings, remove } = readModel(text);
  remove();
  return { model, warnings };
}

/** The model without places, as two spellings have different ones. */
function meaningOf(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(whole(value), (key, v) => (key === 'at' || key === 'prefix' ? undefined : v)),
  );
}

/** The problems as `line:column: text`. */
function problemsOf(text: string): string[] {
  try {
    read(text);
    return [];
  } catch (error) {
    return [...(error as Error).message.matchAll(/^[a-z.]+:(\d+:\d+: .*)$/gm)].map(([, problem]) => problem);
  }
}

const server = (more: string): string => `{ "servers": [{ "listen": 9000, ${more} }] }`;
const location = (inside: string): string => server(`"locations": { "/": { ${inside} } }`);

describe('JSON: two spellings of one meaning', () => {
  it.each([
    [location('"return": [200, "hi there"]'), location('"return": "200 \'hi there\'"')],
    [location('"return": ["301", "https://a.example/"]'), location('"return": "301 https://a.example/"')],
    [location('"return": ["204"]'), location('"return": 204')],
    [location('"set": ["$a", "b c"], "return": 204'), location('"set": "$a \'b c\'", "return": 204')],
    [location('"rewrite": ["^/a$", "/b", "last"]'), location('"rewrite": "^/a$ /b last"')],
    [location('"rewrite": ["^/a /b", "^/c /d"]'), location('"rewrite": [["^/a", "/b"], ["^/c", "/d"]]')],
    [
      location('"proxy_set_header": ["X-A", "b c"], "proxy_pass": "http://[::1]:1"'),
      location('"proxy_set_header": { "X-A": "b c" }, "proxy_pass": "http://[::1]:1"'),
    ],
    [server('"return": 204').replace('9000', '":9000"'), server('"return": 204')],
    [server('"return": 204').replace('9000', '[":9000"]'), server('"return": 204')],
    [
      server('"locations": { "/": "http://127.0.0.1:3000" }'),
      location('"proxy_pass": "http://127.0.0.1:3000"'),
    ],
    [
      `{ "upstreams": { "a": ["127.0.0.1:1", "127.0.0.1:2 weight=2"] }, ${location('"proxy_pass": "http://a"').slice(1)}`,
      `{ "upstreams": { "a": { "servers": ["127.0.0.1:1", "127.0.0.1:2 weight=2"] } }, ${location('"proxy_pass": "http://a"').slice(1)}`,
    ],
    [
      `{ "upstreams": { "a": "127.0.0.1:1" }, ${server('"return": 204').slice(1)}`,
      `{ "upstreams": { "a": { "servers": "127.0.0.1:1" } }, ${server('"return": 204').slice(1)}`,
    ],
    [
      `{ "programs": { "a": "node a.js" }, ${server('"return": 204').slice(1)}`,
      `{ "programs": { "a": { "command": "node a.js" } }, ${server('"return": 204').slice(1)}`,
    ],
    [
      `{ "programs": { "a": { "command": "a", "cwd": "b", "env": { "C": "d" }, "instances": 3 } }, ${server('"return": 204').slice(1)}`,
      `{ "programs": { "a": { "command": "a", "directory": "b", "environment": { "C": "d" }, "numprocs": 3 } }, ${server('"return": 204').slice(1)}`,
    ],
    ...['"least_connections": true', '"method": "least_connections"', '"method": "least-conn"'].map(
      (word) => [
        `{ "upstreams": { "a": { "servers": "127.0.0.1:1", ${word} } }, ${server('"return": 204').slice(1)}`,
        `{ "upstreams": { "a": { "servers": "127.0.0.1:1", "least_conn": true } }, ${server('"return": 204').slice(1)}`,
      ],
    ),
    [
      server('"locations": [{ "/": { "return": 204 } }, { "/a": { "return": 205 } }]'),
      server('"locations": { "/": { "return": 204 }, "/a": { "return": 205 } }'),
    ],
  ])('%s', (tried, form) => {
    expect(meaningOf(read(tried).model)).toEqual(meaningOf(read(form).model));
    expect(read(tried).warnings).toBe('');
  });

  it('"websocket": true needs no saying', () => {
    expect(read(location('"proxy_pass": "http://127.0.0.1:1", "websocket": true')).warnings).toContain(
      'warning: "websocket" has no effect: WebSockets pass by themselves',
    );
  });
});

describe('JSON: the right form is shown', () => {
  it.each([
    [
      server('"locations": { "/": "demo" }'),
      '"/": "demo" is no URL; write "http://…", or an object such as { "proxy_pass": "http://…" }',
    ],
    [
      server('"locations": [{ "path": "/a/", "proxy_pass": "http://127.0.0.1:1" }]'),
      'a location is named by its key; write "locations": { "/a/": { … } }',
    ],
    [
      server('"locations": [{ "proxy_pass": "http://127.0.0.1:1" }]'),
      'a location is named by its key; write "locations": { "/": { … } }',
    ],
    [
      '{ "programs": [{ "name": "web", "command": "node a.js" }], "servers": [{ "return": 204 }] }',
      'a program is named by its key; write "programs": { "web": { … } }',
    ],
    [
      '{ "upstreams": [{ "name": "web", "servers": ["127.0.0.1:1"] }], "servers": [{ "return": 204 }] }',
      'a upstream is named by its key; write "upstreams": { "web": { … } }'.replace(
        'a upstream',
        'an upstream',
      ),
    ],
    [server('"return": 204').replace('9000', '["8443", "ssl"]'), '"ssl" goes behind an address: "8443 ssl"'],
    [server('"port": 9000, "return": 204'), 'unknown directive "port"; here it is "listen"'],
    [location('"target": "http://a"'), 'unknown directive "target"; here it is "proxy_pass"'],
    [
      '{ "upstreams": { "a": { "servers": "127.0.0.1:1", "algorithm": "ip_hash" } }, "servers": [{ "return": 204 }] }',
      'unknown directive "algorithm"; here it is "method"',
    ],
    [
      '{ "programs": { "a": { "cmd": "a", "command": "b", "port": 1 } }, "servers": [{ "return": 204 }] }',
      'unknown directive "cmd"; here it is "command"',
    ],
    [
      '{ "upstreams": { "a": { "servers": "127.0.0.1:1", "method": "least" } }, "servers": [{ "return": 204 }] }',
      'unknown method "least"; there are round_robin, ip_hash, least_conn',
    ],
  ])('%s', (text, hint) => {
    const problems = problemsOf(text);
    expect(problems[0]).toContain(hint);
  });
});

it.each([
  ['dav_methods PUT;', 'files are only read here'],
  ['slice 1m;', 'ranges of a cached answer are not fetched in slices'],
])('nginx: %s is not there yet', (text, why) => {
  const name = text.split(' ')[0];
  expect(problemsOf(`http { server { listen 9000;\nlocation / { return 204;\n${text} } } }`)[0]).toBe(
    `3:1: "${name}" is known to nginx but not supported yet: ${why}; remove it, or see "Not yet" in docs/DIRECTIVES.md`,
  );
});

describe('nginx: a missing semicolon', () => {
  const http = (lines: string): string => `http {\nserver {\n${lines}\n}\n}`;

  it.each([
    ['listen 9000\nlocation / { return 204; }', '3:1'],
    ['listen 9000\nserver_name a;', '3:1'],
    ['listen 9000;\nlocation / {\nreturn 204\nexpires max;\n}', '5:1'],
    ['listen 9000;\nclient_max_body_size 1m\nsend_timeout 1s;\nreturn 204;', '4:1'],
    ['listen 9000;\nset $a b\nset $c d;\nreturn 204;', '4:1'],
  ])('%j is asked for where it is missing, and nothing else is said', (lines, place) => {
    const line = Number(place.split(':')[0]);
    expect(problemsOf(http(lines))).toEqual([
      expect.stringMatching(
        new RegExp(`^${place}: is a ";" missing at the end of line ${line}, before "\\w+"\\?$`),
      ),
    ]);
  });

  it('what was said of the one that it seemed to be is not said of the two', () => {
    expect(
      problemsOf(
        http('listen 9000;\nwebsocket on;\nlocation / {\nwebsocket on\nwebsockets $nope;\nreturn 204;\n}'),
      ),
    ).toEqual([
      '4:1: warning: "websocket" has no effect: WebSockets pass by themselves (2 times, here first)',
      '6:1: is a ";" missing at the end of line 6, before "websockets"?',
      '7:1: warning: "websockets" has no effect: WebSockets pass by themselves',
    ]);
    expect(problemsOf(http('listen 9000;\nsticky a b;\nsticky a b\nserver_name a;\nreturn 204;'))).toEqual([
      '4:1: "sticky" is known to nginx but not supported yet: hash $cookie_name keeps clients with their server; remove it, or see "Not yet" in docs/DIRECTIVES.md (2 times, here first)',
      '5:1: is a ";" missing at the end of line 5, before "server_name"?',
    ]);
  });

  it('is suspected where the words could be arguments', () => {
    const { model, warnings } = read(http('server_name a.example\nlisten 9000;\nreturn 204;'));
    expect(warnings).toMatch(
      /^nginx\.conf:3:1: warning: is a ";" missing at the end of line 3, before "listen"\?/,
    );
    expect(model.servers[0].settings.serverNames).toEqual([['a.example', 'listen', '9000']]);
  });

  it('is not suspected in what runs over lines', () => {
    const { warnings } = read(
      "http { log_format main '$remote_addr'\n 'x';\nserver { listen 9000\n ssl; ssl_certificate self-signed;\nserver_name a\n b\n c; return 204; } }",
    );
    expect(warnings).toBe('');
  });
});
