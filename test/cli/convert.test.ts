// biome-ignore-all lint/suspicious/noTemplateCurlyInString: nginx writes variables so
// lbproxy convert: whatever the repository has for configurations means the same in the other syntax, and comments go along.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runConvert } from '../../src/cli/convert/convert.ts';
import { convertTree, differenceOf, modelOfText } from '../../src/cli/convert/convert-tree.ts';
import { readConfig } from '../../src/cli/read-config.ts';
import { buildModel } from '../../src/config/build.ts';
import { readJson } from '../../src/config/json/read.ts';
import { loadConfig } from '../../src/config/load.ts';
import { printJson } from '../../src/config/print-json.ts';
import { Problems } from '../../src/config/problem.ts';
import { shapeOf } from '../../src/config/registry.ts';
import type { Syntax } from '../../src/config/tree.ts';
import { bare } from '../config/trees.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-convert-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

function filesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter(
      (name) => /\.(?:conf|json)$/.test(name) && !/schema|\.tree\.|^supervisord|^broken|^quoting/.test(name),
    )
    .map((name) => join(folder, name));
}

const FILES = ['config', 'config/classic', 'test/config/golden', 'test/stacks'].flatMap(filesOf);

/** Stacks have places for ports and directories. */
function textOf(file: string): string {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return text.replaceAll(/(?<!\$)\{(\w+)\}/g, (_, name: string) =>
    /dir|fpm|state|root/.test(name) ? join(dir, name) : name === 'tls' ? '8124' : '8123',
  );
}

/** Reads a text as if it stood at `file`; its Model, and what came of a conversion to the other syntax. */
function convertText(text: string, file: string) {
  const path = join(ROOT, file);
  const read = (each: string): string => {
    if (each === path) return text;
    // Of the system, in a stack.
    return existsSync(each) ? readFileSync(each, 'utf8') : '# empty\n';
  };
  const { tree, problems, prefix } = loadConfig(path, { shapeOf, readFile: read });
  if (tree === undefined) throw new Error('not read');
  const model = buildModel(tree, prefix, problems);
  const errors = problems.list.filter(({ severity }) => severity === 'error');
  const syntax: Syntax = tree.syntax === 'json' ? 'nginx' : 'json';
  const converted = convertTree(tree, path, syntax);
  return { errors, model, converted, again: modelOfText(converted.text, { file: path, syntax, prefix }) };
}

function convertOne(name: string, text: string) {
  const file = join(dir, name);
  writeFileSync(file, text);
  const out: string[] = [];
  const said: string[] = [];
  const code = runConvert([file], { print: (line) => out.push(line), fail: (line) => said.push(line) });
  return { code, out: out.join('\n'), said: said.join('\n') };
}

const http = (inner: string): string => `http { server { listen 8080; ${inner} } }`;

describe('the converted file means the same', () => {
  it('there are files', () => {
    expect(FILES.length).toBeGreaterThan(25);
  });

  it.each(FILES)('%s', (file) => {
    const { errors, model, converted, again } = convertText(textOf(file), file);
    expect(errors).toEqual([]);
    expect(converted.problems.list).toEqual([]);
    expect(again.problems.list.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(differenceOf(model, again.model)).toBeUndefined();
  });

  it.each(FILES)('%s, there and back', (file) => {
    const { model, converted } = convertText(textOf(file), file);
    const other = converted.text.startsWith('{') ? 'there.json' : 'there.conf';
    const back = convertText(converted.text, join(dirname(file), other));
    expect(differenceOf(model, back.again.model)).toBeUndefined();
  });

  it('a difference is seen', () => {
    const { model } = convertText(http('location / { return 204; }'), 'a.conf');
    const { again } = convertText(http('location / { return 205; }'), 'a.conf');
    expect(differenceOf(model, again.model)).toMatch(/^servers\.0\.locations\.0/);
  });

  it.each([
    'set $a 1; if ($a) { set $b 2; } set $c "$a $b"; location / { return 200 "$c;\\n"; }',
    'location / { allow 127.0.0.1; deny 127.0.0.0/8; allow all; }',
    'if ($host = a) { return 403; } if ($host = a) { return 404; }',
    'location ~ "^/a{2}/\\d+$" { return 200 "it\'s \\"x\\""; } location ~* "\\.(png|gif)$" { expires max; }',
    'location = /x { return 200; } location @n { proxy_pass http://127.0.0.1:1; } error_page 404 = @n;',
    'add_header A "b c" always; add_header A d; add_header name x;',
    'location / { gzip_types text/a text/b; gzip_types text/c; root a; }',
    'rewrite ^/x(.*)$ /y$1 last; rewrite ^/z /w; return 301 https://$host$request_uri;',
    'access_log off; location / { access_log logs/a.log; }',
    'server_name "" a *.b ~^(?<n>.+)\\.c$; location / { return 200 $n; }',
    'location / { return 200 ""; } location /off { set $x off; set $y on; return 200 "on"; }',
    'location / { limit_except GET { deny all; } proxy_pass http://127.0.0.1:1/a/; }',
  ])('%s', (inner) => {
    const { errors, model, converted, again } = convertText(http(inner), 'config/x.conf');
    expect(errors).toEqual([]);
    expect(converted.problems.list).toEqual([]);
    expect(again.problems.list.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(differenceOf(model, again.model)).toBeUndefined();
  });

  it('blocks that define variables', () => {
    const text =
      'http { map $uri $m { hostnames; default ""; "a b" 1; ~^/x(?<n>.) $n; } geo $g { ranges; default 0; 10.0.0.0-10.0.0.9 1; } ' +
      'split_clients "$remote_addr x" $v { 10% a; * ""; } upstream u { random; server 127.0.0.1:1 weight=2; server unix:/x backup; } ' +
      'types { text/a b; text/a c; } log_format l escape=json "$a" \'"$uri;"\'; server { listen 80; set $a 1; access_log x l; } }';
    const { errors, model, again } = convertText(text, 'config/x.conf');
    expect(errors).toEqual([]);
    expect(again.problems.list.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(differenceOf(model, again.model)).toBeUndefined();
  });

  it('any words of a set, a header, a condition', () => {
    const word = fc.string({ unit: fc.constantFrom(...' \t\n;{}#"\'\\ab1)(~é'.split('')), maxLength: 8 });
    const at = { file: 'f', line: 1, column: 1 };
    const make = (name: string, texts: readonly string[]) => ({
      name,
      args: texts.map((text) => ({ text, at })),
      at,
    });
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.constantFrom('set', 'add_header', 'rewrite', 'root', 'server_name'), word, word),
        ),
        (rows) => {
          // One root of a block is enough.
          const roots = rows.filter(
            ([name], i) => name !== 'root' || rows.findIndex(([n]) => n === 'root') === i,
          );
          const block = roots.map(([name, a, b]) =>
            make(name, name === 'root' ? [`x${a}`] : [`x${a}`, `y${b}`]),
          );
          const tree = [{ ...make('server', []), block }];
          const problems = new Problems();
          const text = printJson(tree, { shapeOf, report: (_, message) => problems.warn(at, message) });
          const again = readJson(text, 'f', problems, shapeOf);
          expect(problems.list).toEqual([]);
          const sorted = (all: ReturnType<typeof bare>) =>
            Map.groupBy(all[0]?.block ?? [], ({ name }) => name);
          expect(sorted(bare(again))).toEqual(sorted(bare(tree)));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('lbproxy convert', () => {
  it('keeps comments, in both directions', () => {
    const text =
      '# the site\nhttp {\n  server {\n    # where\n    listen 8080; # here\n    location / { return 204; }\n  }\n}\n# end\n';
    const json = convertOne('a.conf', text);
    expect(json.said).toBe('');
    for (const comment of ['// the site', '// where', '// here', '// end'])
      expect(json.out).toContain(comment);
    const nginx = convertOne('a.json', json.out);
    expect(nginx.code).toBe(0);
    for (const comment of ['# the site', '# where', '# here', '# end']) expect(nginx.out).toContain(comment);
  });

  it('leaves files of MIME types where they are', () => {
    writeFileSync(join(dir, 'mime.types'), 'types { text/x x; }\n');
    const { out, code } = convertOne('m.conf', 'http { include mime.types; server { listen 8080; } }');
    expect(code).toBe(0);
    expect(out).toContain('"include": "mime.types"');
  });

  it.each([
    [
      'http { error_log b; server { listen 8080; } }',
      'is that of the whole process, too',
      /^ {2}"error_log": "b",$/m,
    ],
    [
      'error_log a;\nhttp { error_log b; server { listen 8080; } }',
      'stands in each server',
      /^ {6}"error_log": "b",$/m,
    ],
  ])('%s: says what becomes of the log of http', (text, told, shown) => {
    const { out, said, code } = convertOne('l.conf', text);
    expect(said).toMatch(/l\.conf:\d:\d+: warning: "error_log" of http/);
    expect(said).toContain(told);
    expect(out).toMatch(shown);
    expect(code).toBe(0);
  });

  it('tells what has no form there, with its place, and writes nothing', () => {
    const { out, said, code } = convertOne(
      'l.conf',
      'http {\n  geo $g { 10.0.0.0/8 1; delete 10.0.0.0/8; 10.0.0.0/9 2; delete 10.0.0.0/9; }\n  server { listen 8080; }\n}\n',
    );
    expect(said).toContain(
      'l.conf:2:26: warning: "delete" stands between others here, which JSON cannot tell',
    );
    expect(said).toContain('nothing was written');
    expect(out).toBe('');
    expect(code).toBe(1);
  });

  it('says what is wrong with a file as -t does', () => {
    const { said, code } = convertOne('b.conf', 'http { server { lissten 80; } }');
    expect(said).toContain('b.conf:1:17: unknown directive "lissten"');
    expect(code).toBe(1);
  });

  it('replaces no file unless it is forced to', () => {
    const file = join(dir, 'f.conf');
    const target = join(dir, 'f.json');
    writeFileSync(file, 'http { server { listen 8080; return 204; } }');
    writeFileSync(target, 'mine');
    const said: string[] = [];
    const io = { print: (text: string) => said.push(text), fail: (text: string) => said.push(text) };
    expect(runConvert([file, '-o', target], io)).toBe(1);
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect(said.join()).toContain('exists: name another file, or let it be replaced with --force');
    expect(runConvert([file, '-o', target, '--force'], io)).toBe(0);
    expect(readFileSync(target, 'utf8')).toContain('"return": 204');
  });

  it.each([
    [['--to', 'yaml', 'x'], 'there are nginx and json'],
    [[], 'convert what?'],
    [['a', 'b'], 'name one'],
    [['--x'], "Unknown option '--x'"],
  ])('%j is a wrong command line', (args, text) => {
    const said: string[] = [];
    expect(runConvert(args, { print: () => {}, fail: (line) => said.push(line) })).toBe(2);
    expect(said.join()).toContain(text);
  });
});

describe('supervisord.conf', () => {
  it('keeps its comments', () => {
    const text =
      '; the pool\n[program:b]\ncommand=/bin/b ; not this\n; how many\nnumprocs=1\n\n# the other\n[program:a]\ncommand=/bin/a\n; end\n';
    const { out, code } = convertOne('supervisord.conf', text);
    expect(code).toBe(0);
    expect(out).toMatch(/\/\/ the pool\n +"b": \{\n(?:.*\n)*? +\/\/ how many\n +"numprocs": 1/);
    expect(out).toMatch(/\/\/ the other\n +"a": \{/);
    expect(out).toMatch(/\/\/ end\n\}$/);
  });

  const INI = `[supervisord]
environment=SHARED="1"
[program:web]
command=/bin/echo --port=80%(process_num)02d
process_name=web%(process_num)d
numprocs=2
numprocs_start=1
directory=/tmp
environment=A="b c"
stopasgroup=true
startretries=5
exitcodes=0,2
stdout_logfile=NONE
[program:job]
command=/bin/true "a b" %%
autostart=false
autorestart=false
redirect_stderr=true
[group:all]
programs=job
[eventlistener:e]
command=/bin/cat
events=TICK_5
`;

  it.each(['json', 'nginx'] as const)('becomes program blocks that run the same (%s)', (to) => {
    const file = join(dir, 'supervisord.conf');
    writeFileSync(file, INI);
    const target = join(dir, to === 'json' ? 'pool.json' : 'pool.conf');
    const said: string[] = [];
    const io = { print: () => {}, fail: (text: string) => said.push(text) };
    expect(runConvert([file, '--to', to, '-o', target, '--force'], io)).toBe(0);
    expect(said.join()).toContain('[eventlistener:e] has no form of its own: run it with --programs FILE');
    const specs = (path: string) => {
      const read = readConfig(path, { config: path });
      expect(read.problems.list.filter(({ severity }) => severity === 'error')).toEqual([]);
      return (read.pool?.groups ?? [])
        .flatMap(({ processes }) => processes)
        .filter(({ program }) => program !== 'e')
        .map(({ program, group, launch, policy, output }) => ({
          ...{
            program,
            group,
            name: launch.name,
            argv: launch.argv,
            environment: launch.environment,
            port: launch.port,
          },
          directory: program === 'web' ? launch.directory : '',
          ...{
            autostart: policy.autostart,
            restart: policy.autorestart,
            giveUp: policy.giveUpAfter,
            exits: policy.exitcodes,
          },
          ...{ stopAsGroup: policy.stopAsGroup, one: output.redirectStderr, to: output.stdout.target },
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    };
    expect(specs(target)).toEqual(specs(file));
    expect(specs(target)).toHaveLength(3);
    expect(existsSync(target)).toBe(true);
  });
});
