// What configurations are made of: the project's examples, golden files, texts of its tests and pages, and the names of all rows.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROWS, variableNames } from '../../src/config/registry.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Bytes as latin1, as everything here. */
const read = (path: string): string => readFileSync(join(ROOT, path), 'latin1');
const list = (dir: string): string[] => readdirSync(join(ROOT, dir), { encoding: 'utf8' });
const isConfig = (name: string): boolean =>
  /\.(?:conf|json)$/.test(name) && !/\.(?:schema|tree)\.json$/.test(name);

function files(): string[] {
  return ['config', 'test/config/golden'].flatMap((dir) =>
    list(dir)
      .filter(isConfig)
      .map((name) => read(`${dir}/${name}`)),
  );
}

/** Template strings with directives in them, something in the place of what the test puts there, and what stands around. */
function textsOfTests(): string[] {
  const found: string[] = [];
  for (const dir of ['config', 'nginx', 'e2e', 'supervise', 'serve', 'observe', 'cli', 'route', 'balance']) {
    for (const name of list(`test/${dir}`)) {
      if (!name.endsWith('.ts')) continue;
      for (const [, text] of read(`test/${dir}/${name}`).matchAll(/`([^`]{20,4000})`/g))
        if (/[{;]/.test(text) && /\b(?:server|location|program|upstream|"servers")\b/.test(text))
          found.push(completed(text));
    }
  }
  return found;
}

function completed(template: string): string {
  const text = template.replace(/\$\{[^}]*[^a-z_}][^}]*\}/g, '127.0.0.1:8080').replace(/\bPORT\d\b/g, '8080');
  if (/^\s*\{|\bhttp\s*\{/.test(text)) return text;
  return /\bserver\s*\{/.test(text) ? `http { ${text} }` : `http { server { listen 8080; ${text} } }`;
}

/** The blocks of the pages. */
function textsOfPages(): string[] {
  return ['README.md', 'docs/DIFFERENCES.md', 'docs/DOCKER.md'].flatMap((page) =>
    [...read(page).matchAll(/^```(?:nginx|json)\n([\s\S]*?)^```/gm)].map(([, text]) => text),
  );
}

/** What the examples have little of. */
const OWN = [
  `program app { command "sh -c 'exec sleep 9'"; numprocs 2; first_port 9001; directory /tmp; environment A=1,B="2"; autostart off; }
http { upstream u { least_conn; program app; } server { listen 127.0.0.1:8080; location / { proxy_pass http://u; } } }`,
  `{"programs": {"a": {"command": ["sleep", "9"], "numprocs": 2, "first_port": 9001, "environment": {"A": "1"}}},
 "servers": [{"listen": 8080, "locations": {"/": {"proxy_pass": "http://a"}, "~ ^/x/(\\\\d+)$": {"return": "200 $1"}}}]}`,
  `http { map_hash_bucket_size 64; log_format f escape=json '{"a":"$remote_addr","b":"$upstream_addr"}';
  server { listen unix:/tmp/none/lb.sock; listen [::1]:8081; server_name ~^(?<n>.+)\\.example$ *.example.org "";
  location ~* "^/a/(\\d{2})" { if ($arg_x = 1) { return 302 /b?$args; } rewrite ^/a/(.*)$ /c/$1 last; } include inc.conf; include conf.d/*.conf; } }`,
];

/** Every text that mutations begin with. */
export function configTexts(): string[] {
  return [...new Set([...files(), ...textsOfTests(), ...textsOfPages(), ...OWN])];
}

export function configWords(): string[] {
  const syntax = ROWS.flatMap((row) => `${row.name} ${row.syntax ?? ''} ${row.default ?? ''}`.split(/\s+/));
  const variables = variableNames().map((name) => `$${name}`);
  const own = [
    'server {',
    'location / {',
    'http {',
    'if ($uri) {',
    'upstream u {',
    'include inc.conf;',
    'include *;',
    '}',
    ';',
  ];
  const json = [
    '{"servers":[',
    '"listen": ',
    '[[',
    '{}',
    'null',
    'true',
    '1e5',
    '"\\u0000"',
    '"\\ud800"',
    '"include": "inc.json"',
  ];
  return [...new Set([...syntax, ...variables, ...own, ...json])].filter((word) => word !== '');
}
