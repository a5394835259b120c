// What a reload says it changed.
import { describe, expect, it } from 'vitest';
import { describeChanges } from '../../src/cluster/changes.ts';
import { buildModel } from '../../src/config/build.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Model } from '../../src/config/model.ts';
import { shapeOf } from '../../src/config/registry.ts';

const NO_POOL_CHANGES = { started: [], stopped: [], replaced: [] };

function model(text: string): Model {
  const { tree, prefix, problems } = loadConfig('/x/nginx.conf', { shapeOf, readFile: () => text });
  if (tree === undefined) throw new Error('unreadable');
  const built = buildModel(tree, prefix, problems);
  expect(problems.list).toEqual([]);
  return built;
}

const BASE = `upstream a { server 127.0.0.1:1; } server { listen 80; server_name a; location / { proxy_pass http://a; } }
  server { listen 81; server_name b; location / { root /b; } }`;

describe('describeChanges', () => {
  it.each([
    ['places only', `\n\n# moved\n${BASE}`, 'nothing changed'],
    ['a new address', `${BASE} server { listen 82; server_name c; }`, 'opened *:82; servers: 1 added'],
    ['a closed one', BASE.replace(/server \{ listen 81.*/, ''), 'closed *:81; servers: 1 removed'],
    ['a setting of a server', BASE.replace('root /b', 'root /c'), 'servers: 1 changed'],
    ['the address of a server', BASE.replace('81', '82'), 'opened *:82; closed *:81; servers: 1 changed'],
    ['a peer', BASE.replace('0.1:1', '0.1:2'), 'upstreams: 1 changed'],
    ['a map', `map $host $m { a 1; } ${BASE}`, 'variables: 1 added'],
    ['groups', `upstream z { server 127.0.0.1:9; } ${BASE}`, 'upstreams: 1 added'],
  ])('tells of %s', (_, text, expected) => {
    const wrap = (inner: string): Model => model(`http { ${inner} }`);
    expect(describeChanges(wrap(BASE), wrap(text), NO_POOL_CHANGES)).toBe(expected);
  });

  it('tells of a line in a map, and of no place', () => {
    const changed = (from: string, to: string): string => {
      const [before, after] = [from, to].map((lines) =>
        model(`http { map $host $m { ${lines} } geo $g { default x; } ${BASE} }`),
      );
      return describeChanges(before, after, NO_POOL_CHANGES);
    };
    expect(changed('a 1; ~b 2;', '\n a 1;\n ~b 2;')).toBe('nothing changed');
    expect(changed('a 1; ~b 2;', 'a 1; ~b 3;')).toBe('variables: 1 changed');
  });

  it('tells of settings and of programs', () => {
    const after = model(`worker_shutdown_timeout 5s; http { ${BASE} }`);
    const programs = { started: ['p_00', 'p_01'], stopped: [], replaced: ['q'] };
    expect(describeChanges(model(`http { ${BASE} }`), after, programs)).toBe(
      'settings: 1 changed; programs: 2 start (p_00, p_01), 1 is replaced (q)',
    );
    const many = { started: [], stopped: Array.from({ length: 9 }, (_, i) => `p_0${i}`), replaced: [] };
    expect(describeChanges(after, after, many)).toBe('programs: 9 stop (p_00, p_01, p_02, …)');
  });
});
