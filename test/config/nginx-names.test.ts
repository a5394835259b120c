// Names that nginx knows and lbproxy does not: said as that, never taken for a slip of the pen, once for each with a count.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildModel } from '../../src/config/build.ts';
import { directivesPage } from '../../src/config/describe.ts';
import { loadConfig } from '../../src/config/load.ts';
import { NEVER, NOT_YET } from '../../src/config/nginx-missing.ts';
import { isNginxVariable, missingDirective, namesOf } from '../../src/config/nginx-names.ts';
import { formatProblems } from '../../src/config/problem.ts';
import { lookupVariable, rowsNamed, shapeOf } from '../../src/config/registry.ts';
import type { Directive } from '../../src/config/tree.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-names-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What is printed of a file, places without the directory. */
function printed(text: string, file = 'nginx.conf', others: Readonly<Record<string, string>> = {}): string[] {
  for (const [name, content] of Object.entries({ [file]: text, ...others }))
    writeFileSync(join(dir, name), content);
  const { tree, problems, prefix } = loadConfig(join(dir, file), { shapeOf });
  if (tree !== undefined) buildModel(tree, prefix, problems);
  return formatProblems(problems.list, new Map()).replaceAll(`${dir}/`, '').split('\n');
}

const inServer = (text: string): string => `http { server { listen 127.0.0.1:1;\n${text}\n} }`;

describe('directives', () => {
  it.each([
    'grpc_pass a:1;',
    'memcached_pass a:1;',
    'mp4;',
    'dav_methods PUT;',
    'health_check;',
    'api;',
    'ssl_alpn h2;',
  ])('%s is not there yet', (line) => {
    const [name] = line.split(/[ ;]/);
    const why = NOT_YET.find(({ names }) => namesOf(names).includes(name))?.why;
    expect(printed(inServer(line))).toEqual([
      `nginx.conf:2:1: "${name}" is known to nginx but not supported yet: ${why}; remove it, or see "Not yet" in docs/DIRECTIVES.md`,
    ]);
  });

  it.each([
    'perl x::y;',
    'image_filter off;',
    'geoip_org x;',
    'xslt_types text/plain;',
    'js_content a.b;',
    'status;',
  ])('%s will not come', (line) => {
    const [name] = line.split(/[ ;]/);
    const why = NEVER.find(({ names }) => namesOf(names).includes(name))?.why;
    expect(printed(inServer(line))).toEqual([
      `nginx.conf:2:1: "${name}" is known to nginx but will not be supported: ${why}; remove it`,
    ]);
  });

  it('of the other blocks', () => {
    expect(
      printed('stream { server { listen 1; proxy_pass a; } }\nhttp { server { listen 127.0.0.1:1; } }')[0],
    ).toMatch(/^nginx\.conf:1:1: "stream" is known to nginx but not supported yet/);
    expect(printed('http { map $host $x { a b; } server { listen 127.0.0.1:1; } }')).toHaveLength(1);
  });

  it('that are misspelt are asked about, each at its place', () => {
    expect(printed(inServer('listne 80;\nlistne 81;'))).toEqual([
      'nginx.conf:2:1: unknown directive "listne"; did you mean "listen"?',
      'nginx.conf:3:1: unknown directive "listne"; did you mean "listen"?',
    ]);
  });

  it('that nobody knows are told once as well', () => {
    expect(printed(inServer('quite_unheard_of_thing a;\nlocation / { quite_unheard_of_thing b; }'))).toEqual([
      'nginx.conf:2:1: unknown directive "quite_unheard_of_thing" (2 times, here first)',
    ]);
  });

  it('in JSON', () => {
    expect(printed('{ "servers": [{ "listen": 80, "geoip_org": "x" }] }', 'a.json')[0]).toContain(
      '"geoip_org" is known to nginx but will not be supported: databases',
    );
  });

  it('are told once with their number, at the first place of the file', () => {
    const params = Array.from({ length: 26 }, (_, i) => `mp4_buffer_size P${i} $document_root;`).join('\n');
    const lines = printed(
      inServer(
        'location / { include params; }\ninclude params;\nwebsocket on; location /a { websocket on; } location /b { websocket; }',
      ),
      'nginx.conf',
      { params },
    );
    expect(lines).toEqual([
      expect.stringMatching(
        /^params:1:1: "mp4_buffer_size" is known to nginx but .* \(52 times, here first\)$/,
      ),
      'nginx.conf:4:1: warning: "websocket" has no effect: WebSockets pass by themselves (3 times, here first)',
    ]);
  });
});

describe('variables', () => {
  it.each(['geoip_city', 'geoip_latitude', 'modern_browser'])('$%s', (name) => {
    expect(printed(inServer(`return 200 $${name};\nlocation / { return 200 "a $${name}"; }`))).toEqual([
      `nginx.conf:2:12: "$${name}" is known to nginx but not supported yet (2 times, here first)`,
    ]);
  });

  it('that are misspelt are asked about', () => {
    expect(printed(inServer('return 200 $htp_host;'))).toEqual([
      'nginx.conf:2:12: unknown variable "$htp_host"; did you mean "$http_host"?',
    ]);
  });
});

/** What nginx 1.31.5 and its documentation have. */
const OF_NGINX = readFileSync(new URL('nginx-directives.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

describe('the lists', () => {
  const missing = [...NOT_YET, ...NEVER].flatMap(({ names }) => namesOf(names));

  it('with the registry, have every directive of nginx, each in one place', () => {
    expect(OF_NGINX.length).toBeGreaterThan(800);
    expect(OF_NGINX.filter((name) => rowsNamed(name).length === 0 && !missing.includes(name))).toEqual([]);
    expect(missing.filter((name, i) => missing.indexOf(name) !== i)).toEqual([]);
    expect(missing.filter((name) => !OF_NGINX.includes(name))).toEqual([]);
    // What the registry knows by now: take the name out of config/nginx-missing.ts.
    expect(missing.filter((name) => rowsNamed(name).length > 0)).toEqual([]);
  });

  it('are on the page of directives, each with its reason', () => {
    const page = directivesPage();
    const [, notYet, never] = page.split(/^## (?:Not yet|Never|Variables)$/m);
    for (const [groups, text] of [
      [NOT_YET, notYet],
      [NEVER, never],
    ] as const)
      for (const { names, why } of groups)
        expect(text).toContain(
          `${namesOf(names)
            .map((name) => `\`${name}\``)
            .join(' · ')} | ${why} |`,
        );
    const words = new Set(page.match(/\b\w+\b/g));
    expect(OF_NGINX.filter((name) => !words.has(name))).toEqual([]);
  });

  it('hold what nginx knows and nothing else', () => {
    for (const name of ['', 'listne', 'error_pag', 'htp_host', 'proxy_pass'])
      expect(missingDirective(name)).toBeUndefined();
    for (const name of ['', 'http', 'upstream_http_', 'htp_host']) expect(isNginxVariable(name)).toBe(false);
    expect(lookupVariable('geoip_city')).toBeUndefined();
  });

  it('leave everyday words alone that stand in blocks of their own only', () => {
    for (const name of ['timeout', 'protocol', 'scope', 'profile', 'uri'])
      expect(printed(inServer(`${name} x;`))[0], name).toContain(`unknown directive "${name}"`);
  });
});

describe('places in included files', () => {
  const golden = 'test/config/golden/includes-both.conf';
  it.each([golden, join(process.cwd(), golden), relative(process.cwd(), join(dir, 'main.conf'))])(
    'begin as those of the main file %s',
    (given) => {
      writeFileSync(join(dir, 'main.conf'), 'include part.conf; include main?part.conf;');
      writeFileSync(join(dir, 'part.conf'), 'user a;');
      writeFileSync(join(dir, 'main-part.conf'), 'user b;');
      const { tree } = loadConfig(given, { shapeOf });
      const files = new Set<string>();
      const visit = (directives: readonly Directive[]): void => {
        for (const { at, block } of directives) {
          files.add(at.file);
          visit(block ?? []);
        }
      };
      visit(tree?.directives ?? []);
      expect(files.size).toBeGreaterThan(1);
      for (const file of files) expect(file.startsWith(given.replace(/[^/]+$/, ''))).toBe(true);
    },
  );

  it('are absolute where only they lie outside of the working directory', () => {
    writeFileSync(join(dir, 'part.conf'), 'user a;');
    const { tree } = loadConfig('some.conf', {
      shapeOf,
      readFile: (path) => (path.endsWith('some.conf') ? `include ${dir}/part.conf;` : 'user a;'),
    });
    expect(tree?.directives.map(({ at }) => at.file)).toEqual([join(dir, 'part.conf')]);
  });
});
