// JSON values to directives, shown as the nginx text they equal; places; every problem in words.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from '../../../src/config/json/read.ts';
import { printNginx } from '../../../src/config/print.ts';
import { formatPosition, Problems } from '../../../src/config/problem.ts';
import { shapeOf } from '../shapes.ts';
import { nearlyConf } from '../trees.ts';

function read(text: string, parent: string | null = null) {
  const problems = new Problems();
  const tree = readJson(text, 'f', problems, shapeOf, parent);
  return { tree, errors: problems.list.map((p) => `${formatPosition(p.at)}: ${p.message}`) };
}

/** The tree as nginx text in one line, without problems. */
function asNginx(text: string, parent: string | null = null): string {
  const { tree, errors } = read(text, parent);
  expect(errors).toEqual([]);
  return printNginx(tree).replace(/\s+/g, ' ').trim();
}

describe('a value', () => {
  it.each([
    ['{"root": "a b"}', 'root "a b";'],
    ['{"listen": "443 ssl"}', 'listen 443 ssl;'],
    ['{"return": "200 \'a b\'"}', 'return 200 "a b";'],
    ['{"return": 404}', 'return 404;'],
    ['{\n/* a\n# heading\n # and one */\n"return": 404}', 'return 404;'],
    ['{ // "a /*\n"return": 404 /*\n# b */}', 'return 404;'],
    ['{"return": "404 /*", // */\n"root": "*/ x"}', 'return 404 /*; root "*/ x";'],
    ['{"server_name": ""}', 'server_name "";'],
    ['{"proxy_buffering": true}', 'proxy_buffering on;'],
    ['{"proxy_buffering": false}', 'proxy_buffering off;'],
    ['{"internal": true, "root": "x"}', 'internal; root x;'],
    ['{"internal": ""}', 'internal;'],
    ['{"internal": false}', ''],
    ['{"numprocs": 1e3}', 'numprocs 1e3;'],
    ['{"acceptors": "auto"}', 'worker_processes auto;'],
    // Lists: repeated where the directive may stand several times, else arguments, each as it stands.
    ['{"listen": ["80", 81, "443 ssl"]}', 'listen 80; listen 81; listen 443 ssl;'],
    ['{"proxy_next_upstream": ["error", "timeout"]}', 'proxy_next_upstream error timeout;'],
    ['{"server_name": ["a b", "c"]}', 'server_name "a b" c;'],
    ['{"add_header": [["A", "1 2"], "B 3"]}', 'add_header A "1 2"; add_header B 3;'],
    // Objects: the key is the first argument.
    [
      '{"proxy_set_header": {"Host": "$http_host", "X": "a b"}}',
      'proxy_set_header Host $http_host; proxy_set_header X "a b";',
    ],
    ['{"log_format": {"main": ["escape=json", "$a $b"]}}', 'log_format main escape=json "$a $b";'],
    ['{"add_header": [{"A": ["1", "always"]}, {"A": 2}]}', 'add_header A 1 always; add_header A 2;'],
  ])('%s', (json, want) => expect(asNginx(json)).toBe(want));
});

describe('a block', () => {
  it.each([
    ['{"http": {"root": "x"}}', 'http { root x; }'],
    ['{"events": {}}', 'events { }'],
    ['{"servers": [{"listen": 80}, {}]}', 'server { listen 80; } server { }'],
    ['{"server": {"listen": 80}}', 'server { listen 80; }'],
    ['{"http": {"upstreams": {"u": {}}}}', 'http { upstream u { } }'],
    ['{"programs": {"p": {"command": "a -b \\"c d\\""}}}', 'program p { command \'a -b "c d"\'; }'],
    [
      '{"upstreams": {"u": {"program": "p"}, "v": {"servers": "a:1 weight=2"}}}',
      'upstream u { program p; } upstream v { server a:1 weight=2; }',
    ],
    [
      '{"servers": [{"locations": {"= /x": {}, "/": {}, "~* \\\\.png$": {}, "~ ^/\\\\d{2};$": {}, "^~ \\"/a b\\"": {}}}]}',
      'server { location = /x { } location / { } location ~* \\.png$ { } location ~ "^/\\d{2};$" { } location ^~ "/a b" { } }',
    ],
    ['{"if": {"($a = \\"b\\")": {"return": 403}}}', 'if ($a = b ) { return 403; }'],
    ['{"if": [{"($a)": {}}, {"($a)": {}}]}', 'if ($a) { } if ($a) { }'],
    [
      '{"types": {"text/html": "html htm", "a/b": ["c", "d"], "include": "m.types"}}',
      'types { text/html html htm; a/b c d; include m.types; }',
    ],
    ['{"include": ["a.json", "b*.conf"]}', 'include a.json; include b*.conf;'],
  ])('%s', (json, want) => expect(asNginx(json)).toBe(want));

  it('reads an included file as part of its block', () => {
    expect(asNginx('{"servers": ["a:1"]}', 'upstream')).toBe('server a:1;');
    expect(asNginx('{"text/html": "html htm"}', 'types')).toBe('text/html html htm;');
  });

  it('reads the servers of an upstream', () => {
    const servers =
      '["a:1", {"down": false, "weight": 2, "address": "b:1", "backup": true}, {"address": "unix:/a b"}]';
    expect(asNginx(`{"upstreams": {"u": {"servers": ${servers}}}}`)).toBe(
      'upstream u { server a:1; server b:1 weight=2 backup; server "unix:/a b"; }',
    );
  });
});

describe('names that nobody knows', () => {
  it.each([
    ['{"lisen": "80 ssl"}', 'lisen "80 ssl";'],
    ['{"lisen": [80, true]}', 'lisen 80 on;'],
    ['{"serverz": {"listen": 80}}', 'serverz { listen 80; }'],
    ['{"serverz": [{"listen": 80}]}', 'serverz;'],
    ['{"constructor": 1, "__proto__": 2}', 'constructor 1; __proto__ 2;'],
  ])('%s', (json, want) => expect(asNginx(json)).toBe(want));
});

describe('places', () => {
  it('are those of keys, values, and words in values', () => {
    const { tree } = read('\uFEFF{"listen": "443 ssl",\n "return": "200 \\"x\\" y"}');
    expect(
      tree.map(({ at, args }) => [at, ...args.map((arg) => arg.at)].map((p) => `${p.line}:${p.column}`)),
    ).toEqual([
      ['1:2', '1:13', '1:17'],
      // Behind the escape: the place of the whole text.
      ['2:2', '2:13', '2:17', '2:12'],
    ]);
  });

  it('of the elements of a list are their own', () => {
    const { tree } = read('{"servers": [\n {},\n {"locations": {"/": {}}}]}');
    expect(tree.map(({ at }) => at.line)).toEqual([2, 3]);
    expect(tree[1].block?.[0].at.column).toBe(17);
    expect(tree[0].fromList).toBe(true);
  });
});

describe('problems', () => {
  it.each([
    ['', '1:1: unexpected end of file: a value is expected'],
    ['[]', '1:1: a configuration is an object, { … }, not a list; write { "servers": [ … ] }'],
    ['{"a": 1 "b": 2}', '1:9: a "," is missing before this'],
    ['{"a": }', '1:7: unexpected "}": a value is expected here'],
    ['{"a": 1,, "b": 2}', '1:9: unexpected ",": a key in double quotes is expected here'],
    ['{a: 1}', '1:2: keys and text stand in double quotes: write "a"'],
    ['{"a" 1}', '1:6: a ":" is missing between the key and its value'],
    ['{"a": ["b": 1]}', '1:11: unexpected ":" in a list, [ … ]: keys stand in an object, { … }'],
    ['{"a": 1]}', '1:8: unexpected "]": it closes nothing'],
    [
      '{"a": {}}}',
      '1:10: unexpected "}" behind the end of the configuration: is there a closing bracket too many?',
    ],
    ['{"a": "b\\\\\\.c"}', '1:11: no such escape in JSON: write a backslash as \\\\'],
    ['{"a": "\\u12"}', '1:7: four hexadecimal digits must follow \\u'],
    ['{"a": "b\tc"}', '1:7: a tab or control character inside quotes: write a tab as \\t'],
    ['{"a": 1e}', '1:7: 1e is not a number'],
    ['{"a": "b}', '1:7: this quote is never closed: a " is missing on this line'],
    ['{} /* x', '1:4: this comment is never closed: a */ is missing'],
    ['{"a": {\n"b": [1}\n}', '2:6: this "[" is never closed: a "]" is missing'],
    ['{"a": {}', '1:1: this "{" is never closed: a "}" is missing'],
    [
      '{"a": 1, "b": 2, "a": 3}',
      '1:18: the key "a" stands twice: the first one is at line 1; put several values in a list, [ … ]',
    ],
    ['{"root": null}', '1:10: "root" cannot be null: leave the key out, or give it a value'],
    [
      '{"server_name": ["a", ["b"]]}',
      '1:23: "server_name" cannot be a list: write text, a number, true or false',
    ],
    ['{"events": true}', '1:12: "events": an object, { … }, is expected here, not true'],
    ['{"upstreams": {"u": 1}}', '1:21: "u": an object, { … }, is expected here, not 1'],
    ['{"locations": {" ": {}}}', '1:16: a name is expected here in "locations", not " "'],
    ['{"return": "200 \'a"}', '1:17: this quote is never closed'],
    [
      '{"upstreams": {"u": {"servers": [{}]}}}',
      '1:34: this server has no "address", such as "127.0.0.1:8001"',
    ],
    ['{"listen": []}', '1:12: "listen": an empty list says nothing; leave "listen" out, or give it a value'],
    [
      '{"listen": [{}]}',
      '1:13: "listen": an empty object says nothing; leave "listen" out, or give it a value',
    ],
  ])('%j', (text, want) => expect(read(text).errors).toEqual([`f:${want}`]));

  it('of a bracket do not drown in what follows from it', () => {
    const rest = Array.from({ length: 20 }, (_, i) => `"k${i}": { "root": "x" }`).join(',\n');
    expect(read(`{ "listen": ["80",\n${rest} }`).errors).toEqual([
      'f:1:13: this "[" is never closed: a "]" is missing',
    ]);
  });

  it('are found on one line as on several', () => {
    expect(read('{"a": "\\.", "b": "\\-", "c": null}').errors).toHaveLength(3);
  });

  it('bound the depth', () => {
    expect(read('['.repeat(200_000)).errors).toEqual([
      'f:1:501: brackets nest more than 500 deep: are closing ones missing before this?',
    ]);
    expect(read('[{"a":],"b":'.repeat(50_000)).errors.at(-1)).toMatch(/brackets nest more than 500 deep/);
  });
});

describe('any text', () => {
  it('is read without throwing; what is valid has no syntax problem', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          nearlyConf,
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"a": ${json}`),
        ),
        (text) => {
          const problems = new Problems();
          readJson(text, 'f', problems, shapeOf);
          let valid = true;
          try {
            JSON.parse(text);
          } catch {
            valid = false;
          }
          // Comments and trailing commas aside, what JSON.parse refuses is reported.
          if (!valid && !/\/[/*]|,\s*[}\]]/.test(text)) expect(problems.hasErrors).toBe(true);
          if (valid)
            expect(problems.list.filter((p) => /never closed|missing b/.test(p.message))).toEqual([]);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('of any object becomes directives with places in the text', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom(
            'listen',
            'servers',
            'upstreams',
            'locations',
            'types',
            'if',
            'log_format',
            'x',
            'internal',
          ),
          fc.jsonValue(),
        ),
        (value) => {
          const text = JSON.stringify(value, null, 1);
          const lines = text.split('\n');
          const problems = new Problems();
          const tree = readJson(text, 'f', problems, shapeOf);
          for (const { at } of [...problems.list, ...tree, ...tree.flatMap((d) => d.args)]) {
            expect(at.column).toBeLessThanOrEqual(lines[at.line - 1].length);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
