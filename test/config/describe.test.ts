// The pages that are printed from the registry are the printed ones, and every JSON example keeps to the printed schema.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { directivesPage, jsonSchema, type Schema } from '../../src/config/describe.ts';
import { missingDirective } from '../../src/config/nginx-names.ts';
import { lookupVariable, ROWS, rowsNamed } from '../../src/config/registry.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The part of JSON Schema that the printed schema uses. Gives one line for each thing that is not allowed. */
function violations(value: unknown, schema: Schema, root: Schema, path = '$'): string[] {
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.replace('#/definitions/', '');
    return violations(value, (root.definitions as Record<string, Schema>)[name], root, path);
  }
  if (Array.isArray(schema.anyOf)) {
    const tries = schema.anyOf.map((s: Schema) => violations(value, s, root, path));
    // The form that was meant is the one that went deepest before it failed.
    const depth = ([line = '']: string[]) => line.split(':')[0].length;
    return tries.find((t) => t.length === 0) ?? tries.reduce((a, b) => (depth(b) > depth(a) ? b : a));
  }
  if (Array.isArray(schema.enum)) return schema.enum.includes(value) ? [] : [`${path}: ${String(value)}`];
  const types = schema.type === undefined ? undefined : [schema.type].flat();
  if (types !== undefined && !typesOf(value).some((t) => types.includes(t))) return [`${path}: not ${types}`];
  if (Array.isArray(value) && schema.items !== undefined)
    return value.flatMap((v, i) => violations(v, schema.items as Schema, root, `${path}[${i}]`));
  if (typeof value !== 'object' || value === null) return [];
  return propertyViolations(value, schema, root, path);
}

function propertyViolations(value: object, schema: Schema, root: Schema, path: string): string[] {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const others = schema.additionalProperties;
  const missing = ((schema.required ?? []) as string[]).filter((name) => !Object.hasOwn(value, name));
  return [
    ...missing.map((name) => `${path}.${name}: missing`),
    ...Object.entries(value).flatMap(([key, v]) => {
      const at = `${path}.${key}`;
      if (Object.hasOwn(properties, key)) return violations(v, properties[key], root, at);
      if (others === false) return [`${at}: unknown`];
      return typeof others === 'object' ? violations(v, others as Schema, root, at) : [];
    }),
  ];
}

function typesOf(value: unknown): string[] {
  if (Array.isArray(value)) return ['array'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number'];
  return [value === null ? 'null' : typeof value];
}

const SCHEMA = jsonSchema();
const check = (config: unknown): string[] => violations(config, SCHEMA, SCHEMA);

describe('what is printed from the registry', () => {
  it('docs/DIRECTIVES.md is current (npm run docs)', () => {
    expect(page('docs/DIRECTIVES.md')).toBe(directivesPage());
  });

  it('config/upstreams.schema.json is current (npm run docs)', () => {
    expect(JSON.parse(page('config/upstreams.schema.json'))).toEqual(JSON.parse(JSON.stringify(SCHEMA)));
  });

  it('the page has every directive, and its links lead to headings', () => {
    const text = directivesPage();
    for (const row of ROWS) expect(text).toContain(row.name);
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) =>
      title
        .toLowerCase()
        .replace(/[^a-z0-9_ -]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...text.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor);
    expect(links.length).toBeGreaterThan(50);
    for (const link of links) expect(headings).toContain(link);
    expect(new Set(headings).size).toBe(headings.length);
  });

  it('a directive has one row in each place: one meaning, one reason', () => {
    const places = ROWS.flatMap(({ name, contexts }) => contexts.map((context) => `${name} in ${context}`));
    expect(places.filter((place, i) => places.indexOf(place) !== i)).toEqual([]);
  });

  it('every variable of the page exists', () => {
    const [, variables] = directivesPage().split('## Variables');
    const names = [...variables.matchAll(/`\$([a-z0-9_]+)`/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(lookupVariable(name), name).toBeDefined();
  });
});

describe('docs/DIFFERENCES.md', () => {
  const [, notYet] = page('docs/DIFFERENCES.md').split('## Not there yet');
  const [warned, refused] = notYet
    .split('Unknown, and so refused')
    .map((text) => [...text.matchAll(/`([a-z_0-9]+)`/g)].map(([, name]) => name));

  it('what it calls unknown is unknown', () => {
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter((name) => rowsNamed(name).length > 0)).toEqual([]);
    expect(refused.filter((name) => missingDirective(name) === undefined)).toEqual([]);
  });

  it('what it calls accepted with a warning is', () => {
    for (const name of warned) expect(rowsNamed(name), name).toMatchObject([{ kind: 'ignored', warn: true }]);
  });
});

describe('the schema', () => {
  const examples = readdirSync(join(ROOT, 'config')).filter((n) => /(?<!\.schema)\.json$/.test(n));

  it.each(examples)('takes config/%s', (name) => {
    expect(check(parse(page(`config/${name}`)))).toEqual([]);
  });

  it('takes the forms that the reader takes', () => {
    const servers = ['127.0.0.1:1', { address: '127.0.0.1:2', weight: 2, backup: true }];
    expect(
      check({
        acceptors: 2,
        include: ['a.json', 'b.json'],
        upstreams: { a: { servers, method: 'ip_hash' }, b: { server: servers[1], least_conn: true } },
        proxy_next_upstream: 'error timeout',
        types: { 'text/html': ['html', 'htm'] },
        servers: { listen: 80, etag: false, locations: { '/': { proxy_set_header: { Host: 'x' } } } },
      }),
    ).toEqual([]);
    expect(
      check({
        upstreams: { a: '127.0.0.1:1', b: servers },
        programs: { c: 'node c.js', d: ['node', 'd.js'], e: { command: 'e', cwd: '.', instances: 2 } },
        servers: [{ listen: ':80', return: [200, 'hi'], locations: { '/': 'http://a' } }],
      }),
    ).toEqual([]);
  });

  it.each([
    ['a misspelt directive', { servers: [{ listne: 80 }] }, '$.servers[0].listne: unknown'],
    ['a directive out of its place', { listen: 80 }, '$.listen: unknown'],
    [
      'a misspelt word',
      { upstreams: { a: { method: 'round_robbin' } } },
      '$.upstreams.a.method: round_robbin',
    ],
    ['a block that is none', { upstreams: { a: 3 } }, '$.upstreams.a: not object'],
    [
      'a peer without address',
      { upstreams: { a: { servers: [{ weight: 1 }] } } },
      'servers[0].address: missing',
    ],
  ])('refuses %s', (_what, config, violation) => {
    const found = check(config);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(violation);
  });
});
