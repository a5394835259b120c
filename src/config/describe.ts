// The registry as documentation: a page of all directives, and a JSON schema for editors.
import { namesIn, ROWS, rowsNamed } from './registry.ts';
import type { Context, Row } from './row.ts';

/** docs/DIRECTIVES.md. */
export function directivesPage(): string {
  const rows = [...ROWS].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const real = rows.filter((row) => row.kind !== 'ignored');
  const ignored = rows.filter((row) => row.kind === 'ignored');
  const out = [
    '# Directives',
    '',
    'Printed from the registry by `npm run docs`; do not edit. Each works in nginx.conf and, as a key of the same name, in upstreams.json.',
    '',
  ];
  for (const row of real) out.push(...entry(row));
  out.push('## Accepted without effect', '', '| directive | why |', '|---|---|');
  for (const row of ignored) if (row.kind === 'ignored') out.push(`| \`${row.name}\` | ${row.why} |`);
  return `${out.join('\n')}\n`;
}

function entry(row: Row): string[] {
  const title = `## ${row.name} (${row.contexts.join(', ')})`;
  const lines = [title, '', row.doc, '', `- Syntax: \`${`${row.name} ${row.syntax}`.trim()}\``];
  if (row.default !== undefined) lines.push(`- Default: \`${row.default}\``);
  if (row.aliases !== undefined) lines.push(`- In JSON also: \`${row.aliases.join('`, `')}\``);
  if (row.kind === 'setting' && row.inherit === false) lines.push('- Not inherited by inner levels.');
  return [...lines, ''];
}

type Schema = { readonly [key: string]: unknown };

const VALUE: Schema = { type: ['string', 'number', 'boolean', 'array', 'object'] };

/** A JSON schema of upstreams.json. */
export function jsonSchema(): Schema {
  const blocks: Context[] = ['upstream', 'server', 'location', 'program', 'if in location'];
  const definitions = Object.fromEntries(blocks.map((context) => [context, objectOf([context])]));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'lbproxy configuration',
    ...objectOf(['main', 'http', 'events']),
    definitions,
  };
}

function objectOf(contexts: readonly Context[]): Schema {
  const names = [...new Set(contexts.flatMap((context) => namesIn(context)))].filter(
    (n) => n !== 'http' && n !== 'events',
  );
  const properties = Object.fromEntries(names.sort().map((name) => [name, valueOf(name, contexts)]));
  return {
    type: 'object',
    properties: { $schema: { type: 'string' }, ...properties },
    additionalProperties: false,
  };
}

function valueOf(name: string, contexts: readonly Context[]): Schema {
  const row = rowsNamed(name).find((r) => r.contexts.some((c) => contexts.includes(c)));
  const description =
    row === undefined ? '' : [row.doc, `Syntax: ${row.syntax}`].filter((t) => t !== '').join('\n');
  if (row?.kind !== 'structure' || row.opens === undefined) return { description, ...VALUE };
  const inner = row.opens === 'types' ? { type: 'object' } : { $ref: `#/definitions/${row.opens}` };
  if (row.args[1] === 0 && row.name === 'server') return { description, type: 'array', items: inner };
  if (row.args[1] === 0) return { description, ...inner };
  return { description, type: 'object', additionalProperties: inner };
}
