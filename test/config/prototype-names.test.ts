// Words of a file that every object of the language has as properties: they mean what any other unknown word means.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: nginx writes variables so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/cli/read-config.ts';
import { ROWS } from '../../src/config/registry.ts';
import type { Context } from '../../src/config/row.ts';
import { createTypeOf } from '../../src/serve/mime.ts';
import { peersOf } from '../../src/upstream/discovery.ts';
import { runLbproxy } from '../support/cli.ts';

const NAMES = Object.getOwnPropertyNames(Object.prototype);
/** A word of the same shape that is known to nobody, and near to nothing. */
const neutralOf = (word: string): string => (word.startsWith('__') ? '__qqneutralqq__' : 'qqneutralqq');

const directory = mkdtempSync(join(tmpdir(), 'lbproxy-names-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** What is said of a text and what is made of it, with a word of it called W, and without suggestions. */
function outcomeOf(text: string, word: string, json = false): unknown {
  const file = join(directory, json ? 'main.json' : 'main.conf');
  writeFileSync(file, text);
  const { model, problems } = readConfig(file, {});
  const said = problems.list.map(({ severity, message }) => `${severity}: ${message}`);
  const plain = (list: unknown): string =>
    JSON.stringify(list)
      .replaceAll(new RegExp(`${word}|${word.toLowerCase()}`, 'g'), 'W')
      .replaceAll(/; did you mean [^?]*\?/g, '')
      .replaceAll(/:\d+"/g, ':N"');
  return { said: plain(said), model: plain(model ?? null) };
}

const BLOCKS: Readonly<Record<Context, (inside: string) => string>> = {
  main: (inside) => `${inside} http { server { listen 80; } }`,
  events: (inside) => `events { ${inside} } http { server { listen 80; } }`,
  http: (inside) => `http { ${inside} server { listen 80; } }`,
  upstream: (inside) => `http { upstream u { server 127.0.0.1:1; ${inside} } server { listen 80; } }`,
  server: (inside) => `http { server { listen 80; ${inside} } }`,
  location: (inside) => `http { server { listen 80; location / { ${inside} } } }`,
  'if in server': (inside) => `http { server { listen 80; if ($host) { ${inside} } } }`,
  'if in location': (inside) => `http { server { listen 80; location / { if ($host) { ${inside} } } } }`,
  limit_except: (inside) => `http { server { listen 80; location / { limit_except GET { ${inside} } } } }`,
  types: (inside) => `http { types { ${inside} } server { listen 80; } }`,
  map: (inside) => `http { map $host $m { ${inside} } server { listen 80; } }`,
  geo: (inside) => `http { geo $g { ${inside} } server { listen 80; } }`,
  split_clients: (inside) => `http { split_clients $host $s { ${inside} } server { listen 80; } }`,
  charset_map: (inside) => `http { charset_map a b { ${inside} } server { listen 80; } }`,
  otel_exporter: (inside) => `http { otel_exporter { endpoint h:1; ${inside} } server { listen 80; } }`,
  program: (inside) => `program p { command "app"; ${inside} }`,
};

type Place = readonly [name: string, make: (word: string) => string];

const inContext = (name: string, context: Context, inside: (word: string) => string): Place => [
  name,
  (word) => BLOCKS[context](inside(word)),
];

/** Every directive of a context with the word as each of its arguments, alone and as the name and the value of a parameter. */
function directivesIn(context: Context, word: string): string {
  const lines = ROWS.filter((row) => row.contexts.includes(context)).flatMap((row) => {
    const end = row.kind === 'structure' && row.opens !== undefined ? '{ }' : ';';
    return [...new Set([row.args[0], Math.min(row.args[1], row.args[0] + 1)])].flatMap((count) =>
      Array.from({ length: count }, (_, i) => {
        // As a name it is refused, and named so: no object can hold it.
        const isRefused = row.name === 'environment' && word === '__proto__';
        const forms = isRefused ? [] : [word, `${word}=1`, `a=${word}`, `$${word}`];
        const others = Array.from({ length: count }, () => '80');
        return forms.map((form) => `${row.name} ${others.with(i, form).join(' ')}${end}`);
      }).flat(),
    );
  });
  return BLOCKS[context](lines.join('\n'));
}

/** The different messages of a text, with its word called W, and without suggestions. */
function messagesOf(text: string, word: string): string[] {
  const file = join(directory, 'rows.conf');
  writeFileSync(file, text);
  const messages = readConfig(file, {}).problems.list.map(({ message }) =>
    message
      .replaceAll(word, 'W')
      .replaceAll(word.toUpperCase(), 'W')
      .replaceAll(/at line \d+/g, 'at line N')
      .replaceAll(/; did you mean [^?]*\?/g, ''),
  );
  return [...new Set(messages)].sort();
}

const OWN: readonly Place[] = [
  ...(Object.keys(BLOCKS) as Context[]).flatMap((context) => [
    inContext(`a directive in ${context}`, context, (word) => `${word} x;`),
    inContext(`a block in ${context}`, context, (word) => `${word} { }`),
  ]),
  inContext('a modifier', 'server', (word) => `location ${word} /x { }`),
  inContext('a named location', 'server', (word) => `location @${word} { }`),
  inContext('a flag', 'location', (word) => `rewrite ^/a$ /b ${word};`),
  inContext('an operator', 'server', (word) => `if ($host ${word} x) { return 204; }`),
  inContext('a file test', 'server', (word) => `if (-${word} x) { return 204; }`),
  inContext('a variable', 'location', (word) => `return 200 "$${word} \${${word}}";`),
  inContext('families', 'location', (word) => `return 200 "$http_${word} $arg_${word} $cookie_${word}";`),
  inContext('a variable made', 'location', (word) => `set $${word} x; return 200 $${word};`),
  inContext('a capture', 'server', (word) => `location ~ ^/(?<${word}>.*) { return 200 $${word}; }`),
  inContext('a format', 'http', (word) => `access_log /dev/null ${word};`),
  inContext('a format made', 'http', (word) => `log_format ${word} x; access_log /dev/null ${word};`),
  inContext('an escape', 'http', (word) => `log_format f escape=${word} x;`),
  inContext('an extension', 'types', (word) => `text/x ${word};`),
  inContext('a type', 'types', (word) => `text/${word} x;`),
  inContext('a percent form', 'program', (word) => `process_name "%(${word})s";`),
  inContext('a variable of the environment', 'program', (word) => `process_name "%(ENV_${word})s";`),
  inContext('a placeholder', 'program', (word) => `process_name "{${word}}";`),
  [
    'a group',
    (word) =>
      `http { upstream ${word} { server 127.0.0.1:1; } server { listen 80; location / { proxy_pass http://${word}; } } }`,
  ],
  [
    'a program',
    (word) =>
      `program ${word} { command "app"; } http { upstream u { program ${word}; } server { listen 80; location / { proxy_pass http://u; } } }`,
  ],
  ['no group', (word) => `http { server { listen 80; location / { proxy_pass http://${word}/$uri; } } }`],
  inContext('no program', 'http', (word) => `upstream v { program ${word}; }`),
];

const JSON_PLACES: readonly Place[] = [
  ['a key', (word) => `{ "${word}": 1, "servers": [{ "listen": 80 }] }`],
  ['a key of an object', (word) => `{ "${word}": {}, "servers": [{ "listen": 80 }] }`],
  ['a key of a server', (word) => `{ "servers": [{ "listen": 80, "${word}": "x" }] }`],
  [
    'a key of a location',
    (word) => `{ "servers": [{ "listen": 80, "locations": { "/": { "${word}": ["x"] } } }] }`,
  ],
  ['a location', (word) => `{ "servers": [{ "listen": 80, "locations": { "${word} /x": {} } }] }`],
  [
    'an upstream',
    (word) =>
      `{ "upstreams": { "${word}": "127.0.0.1:1" }, "servers": [{ "listen": 80, "locations": { "/": "http://${word}" } }] }`,
  ],
  [
    'a parameter',
    (word) =>
      `{ "upstreams": { "u": [{ "address": "127.0.0.1:1", "${word}": 1 }] }, "servers": [{ "listen": 80 }] }`,
  ],
  ['a program', (word) => `{ "programs": { "${word}": "app" } }`],
  ['a key of a program', (word) => `{ "programs": { "p": { "command": "app", "${word}": 1 } } }`],
  ['a field', (word) => `{ "servers": [{ "listen": 80, "proxy_set_header": { "${word}": "x" } }] }`],
  ['a type', (word) => `{ "servers": [{ "listen": 80, "types": { "text/x": "${word}", "${word}": "x" } }] }`],
  ['twice', (word) => `{ "servers": [{ "listen": 80, "${word}": 1, "${word}": 1 }] }`],
];

describe.each(NAMES)('%s', (word) => {
  const neutral = neutralOf(word);
  const differing = (places: readonly Place[], json = false): string[] =>
    places
      .filter(([, make]) => {
        const got = JSON.stringify(outcomeOf(make(word), word, json));
        return got !== JSON.stringify(outcomeOf(make(neutral), neutral, json));
      })
      .map(([name]) => name);

  it.each(Object.keys(BLOCKS) as Context[])('as an argument of every directive of %s', (context) => {
    const expected = messagesOf(directivesIn(context, neutral), neutral);
    const got = messagesOf(directivesIn(context, word), word);
    const missing =
      word === '__proto__' && context === 'program'
        ? expected.filter((m) => !m.includes('environment'))
        : expected;
    expect(got.filter((message) => !expected.includes(message))).toEqual([]);
    expect(missing.filter((message) => !got.includes(message))).toEqual([]);
  });

  it('in every place of an nginx file', () => {
    expect(differing(OWN)).toEqual([]);
  });

  it('in every place of a JSON file', () => {
    expect(differing(JSON_PLACES, true)).toEqual([]);
  });

  it('as a type, a host, a program that nobody has', () => {
    expect(createTypeOf(null, 'x/default')(`/a.${word}`)).toBe('x/default');
    expect(createTypeOf([[word, 'x/own']], 'x/default')(`/a.${word}`)).toBe('x/own');
    const file = join(directory, 'main.conf');
    const upstreams = `upstream u { program ${word}; } upstream v { server ${word}:80; }`;
    writeFileSync(
      file,
      `program ${word} { command x; first_port 9000; } http { ${upstreams} server { listen 80; } }`,
    );
    const { model } = readConfig(file, {});
    const found = { hosts: {}, programs: {} };
    expect(model?.upstreams.map((upstream) => peersOf(upstream, found))).toEqual([[], []]);
  });
});

it.each(['constructor', '__proto__', 'toString'])('%s as a flag, a signal, a command', async (word) => {
  const results = await Promise.all([
    runLbproxy([`--${word}`], { cwd: directory }),
    runLbproxy(['-s', word], { cwd: directory }),
    runLbproxy([word], { cwd: directory }),
  ]);
  expect(results.map(({ code }) => code)).toEqual([1, 1, 1]);
  expect(results[0].stderr).toContain(`unknown option '--${word}'`);
  expect(results[1].stderr).toContain(`argument '${word}' is invalid`);
  expect(results[2].stderr).toContain(`there is no command "${word}"`);
});
