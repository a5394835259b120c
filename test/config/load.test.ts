// Files, includes and prefixes, in temporary directories.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';
import { printNginx } from '../../src/config/print.ts';
import { formatPosition } from '../../src/config/problem.ts';
import { shapeOf } from './shapes.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-load-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
}

function load(name: string, options: Partial<LoadOptions> = {}) {
  const loaded = loadConfig(join(dir, name), { shapeOf, ...options });
  const errors = loaded.problems.list.map((p) =>
    `${formatPosition(p.at)}: ${p.message}`.replaceAll(`${dir}/`, ''),
  );
  const text = printNginx(loaded.tree?.directives ?? [])
    .replace(/\s+/g, ' ')
    .trim();
  return { ...loaded, errors, text };
}

describe('the main file', () => {
  it.each([
    ['a.conf', 'listen 80;', 'nginx'],
    ['a.json', '{"listen": 80}', 'json'],
    ['a.JSONC', '/* c */ {"listen": 80}', 'json'],
    ['a.conf', '\uFEFF \n {"listen": 80}', 'json'],
    ['a', '\uFEFFlisten 80;', 'nginx'],
  ])('%s %j', (name, text, syntax) => {
    write({ [name]: text });
    const loaded = load(name);
    expect(loaded.errors).toEqual([]);
    expect(loaded.tree?.syntax).toBe(syntax);
    expect(loaded.tree?.file).toBe(join(dir, name));
    expect(loaded.tree?.sources.get(join(dir, name))).toBe(text);
    expect(loaded.text).toBe('listen 80;');
    expect(loaded.prefix).toBe(dir);
  });

  it('is named as it was given', () => {
    write({ 'a.conf': ';' });
    const given = relative(process.cwd(), join(dir, 'a.conf'));
    const { tree, problems } = loadConfig(given, { shapeOf, prefix: join(dir, 'x') });
    expect(problems.list[0].at.file).toBe(given);
    expect(tree?.file).toBe(join(dir, 'a.conf'));
    expect(loadConfig(given, { shapeOf, prefix: join(dir, 'x', '..', 'y') }).prefix).toBe(join(dir, 'y'));
  });

  it('may be missing, a directory, or closed to us', () => {
    write({ 'a.conf': 'a;' });
    expect(load('none.conf').errors).toEqual(['none.conf:1:1: cannot read this file: there is no such file']);
    expect(load('a.conf/b').errors).toEqual(['a.conf/b:1:1: cannot read this file: there is no such file']);
    expect(load('.').errors[0]).toContain(':1:1: cannot read this file: it is a directory');
    expect(load('none.conf').tree).toBeUndefined();
    const readFile = () => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    };
    expect(load('a.conf', { readFile }).errors).toEqual([
      'a.conf:1:1: cannot read this file: permission denied',
    ]);
  });

  it.skipIf(process.getuid === undefined || process.getuid() === 0)('may be closed to us on the disk', () => {
    write({ 'a.conf': 'a;' });
    chmodSync(join(dir, 'a.conf'), 0);
    expect(load('a.conf').errors).toEqual(['a.conf:1:1: cannot read this file: permission denied']);
  });

  it('keeps what it understood beside its problems', () => {
    write({ 'a.conf': 'a 1;\n;\nb 2;' });
    const { tree, text, problems } = load('a.conf');
    expect(problems.hasErrors).toBe(true);
    expect(tree).toBeDefined();
    expect(text).toBe('a 1; b 2;');
  });

  it('warns of bytes that are not UTF-8, except in comments', () => {
    write({
      'a.conf': Buffer.from('a \xe9; # \xe9\nb c;', 'latin1'),
      'b.conf': Buffer.from('a; # \xe9', 'latin1'),
    });
    const { problems, errors } = load('a.conf');
    expect(errors).toEqual(['a.conf:1:3: this is not valid UTF-8: save the file as UTF-8']);
    expect(problems.hasErrors).toBe(false);
    expect(load('b.conf').errors).toEqual([]);
  });
});

describe('include', () => {
  it('starts from the directory of the main file, whatever includes and whatever the prefix', () => {
    write({
      'a.conf': 'http { include sub/b.conf; z; }',
      'sub/b.conf': 'b; include sub/c.conf;',
      'sub/c.conf': 'c; types { include mime.types; }',
      'mime.types': 'text/html html;',
    });
    const { text, errors, tree } = load('a.conf', { prefix: '/nowhere' });
    expect(errors).toEqual([]);
    expect(text).toBe('http { b; c; types { text/html html; } z; }');
    expect([...(tree?.sources.keys() ?? [])].map((name) => name.replace(`${dir}/`, ''))).toEqual([
      'a.conf',
      'sub/b.conf',
      'sub/c.conf',
      'mime.types',
    ]);
  });

  it('takes patterns, in order; one that matches nothing is fine', () => {
    write({ 'a.conf': 'include conf.d/*.conf; include sites/*/[xy].conf; include none/*;' });
    write({ 'conf.d/b.conf': 'b;', 'conf.d/a.conf': 'a;', 'conf.d/.c.conf': 'c;', 'conf.d/d.bak': 'd;' });
    write({ 'sites/2/x.conf': 'x2;', 'sites/1/y.conf': 'y1;', 'sites/1/z.conf': 'z1;' });
    expect(load('a.conf')).toMatchObject({ errors: [], text: 'a; b; y1; x2;' });
  });

  it('mixes the syntaxes, in any block', () => {
    write({
      'a.conf': 'include up.json; http { upstream u { include servers.json; } types { include t.json; } }',
      'up.json': '{"upstreams": {"v": {"servers": ["c:1"]}}, "include": ["b.conf", "n*.conf"]}',
      'servers.json': '{"servers": ["a:1", {"address": "b:1", "backup": true}]}',
      't.json': '{"text/html": "html htm"}',
      'b.conf': 'b;',
    });
    expect(load('a.conf')).toMatchObject({
      errors: [],
      text: 'upstream v { server c:1; } b; http { upstream u { server a:1; server b:1 backup; } types { text/html html htm; } }',
    });
    write({ 'm.json': '{"http": {"include": "servers.conf"}}', 'servers.conf': 'server { listen 80; }' });
    expect(load('m.json')).toMatchObject({ errors: [], text: 'http { server { listen 80; } }' });
  });

  it('of a missing file, of a directory, or with the wrong arguments is an error at its place', () => {
    write({
      'a.conf': 'include none.conf;\nhttp {\n  include d;\n  include;\n  include a b;\n  include x { }\n}',
      'd/x': '',
    });
    expect(load('a.conf').errors).toEqual([
      'a.conf:1:9: cannot include "none.conf": there is no such file',
      `a.conf:3:11: cannot include "d": it is a directory; name a file in it, or all of them with "/*"`,
      'a.conf:4:3: "include" takes one path or pattern',
      'a.conf:5:3: "include" takes one path or pattern',
      'a.conf:6:3: "include" takes one path or pattern',
    ]);
  });

  it('in a circle is an error that shows the chain', () => {
    write({
      'a.conf': 'include b.conf;',
      'b.conf': 'x;\ninclude c.json;',
      'c.json': '{"include": "b.conf"}',
    });
    expect(load('a.conf')).toMatchObject({
      errors: ['c.json:1:13: files include each other in a circle: b.conf → c.json → b.conf'],
      text: 'x;',
    });
    write({ 'self.conf': 'include *.conf;' });
    expect(load('self.conf').errors).toEqual([
      'c.json:1:13: files include each other in a circle: b.conf → c.json → b.conf',
      'self.conf:1:9: files include each other in a circle: self.conf → self.conf',
    ]);
  });

  it('of one file twice reports its problems once', () => {
    write({ 'a.conf': 's { include p; }\nt { include p; }', p: 'x;\n;\ny;' });
    const { errors, text } = load('a.conf');
    expect(errors).toEqual(['p:2:1: unexpected ";": there is no directive before it; remove it']);
    expect(text).toBe('s { x; y; } t { x; y; }');
  });

  it('does not let a file close the block that includes it', () => {
    write({ 'a.conf': 'http { include b.conf; z; }', 'b.conf': 'b; } c;' });
    expect(load('a.conf')).toMatchObject({
      errors: ['b.conf:1:4: unexpected "}": it closes no block'],
      text: 'http { b; c; z; }',
    });
  });

  it('names files from the working directory when they lie in it, else absolutely', () => {
    write({ 'a.conf': 'include b.conf;', 'b.conf': ';' });
    expect(load('a.conf').problems.list[0].at.file).toBe(join(dir, 'b.conf'));
    const inTree = loadConfig('test/config/golden/quoting.conf', { shapeOf });
    expect([...(inTree.tree?.sources.keys() ?? [])]).toContain(
      join('test', 'config', 'golden', 'inc', 'types.conf'),
    );
  });

  it('reads through readFile', () => {
    const files: Readonly<Record<string, string>> = { '/c/a.conf': 'include b.conf;', '/c/b.conf': 'b;' };
    const { tree } = loadConfig('/c/a.conf', { shapeOf, readFile: (path) => files[path] });
    expect(printNginx(tree?.directives ?? [])).toBe('b;\n');
  });
});
