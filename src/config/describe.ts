// The registry as documentation: a page of all directives, and a JSON schema for editors.
import { IN_ORDER } from './json/shape.ts';
import { takes } from './json/values.ts';
import { type Missing, NEVER, NOT_YET } from './nginx-missing.ts';
import { namesOf } from './nginx-names.ts';
import { namesIn, ROWS, rowsNamed, variableNames } from './registry.ts';
import type { Context, IgnoredRow, Row, SettingRow } from './row.ts';

// The page.

const INTRODUCTION = `# Directives

Printed from the registry by \`npm run docs\`; do not edit. Each directive works in an nginx file and, as a key of the same name, in a
JSON file. Where nginx has a directive of the name, its meaning and its default are nginx's unless the text says otherwise;
[DIFFERENCES.md](DIFFERENCES.md) lists where we differ.

**Times** are \`500ms\`, \`30s\`, \`5m\`, \`1h\`, \`1d\`, or a number of seconds; **sizes** are \`512\`, \`8k\`, \`1m\`, \`1g\`. Relative paths start from
the directory of the configuration, or from \`-p\`.

**In JSON** a value is text, a number or, where the directive has such words, true/false (which stand for \`on\` and \`off\`). Several
arguments are a list, or one text of several words. A directive that may stand several times takes a list, one element each. Where the
first argument is a name, an object does as well: \`"proxy_set_header": { "Host": "$http_host" }\`. A block is an object; the arguments of
a block are its key: \`"locations": { "= /x": { … } }\`. A location may be its URL alone, an upstream its servers, a program its command:
\`"locations": { "/": "http://127.0.0.1:3000" }\`. Where directives of two names stand in turn and their order counts, as set, if, set do,
\`"in_order": [{ "set": … }, { "if": … }, { "set": … }]\` has the parts of the block. Comments and trailing commas are allowed.

**Twice in one block** a directive is an error, as in nginx; so is a key that stands twice in a JSON object. Those that say *may stand
several times* add up instead, in their order; of a few, which say so, the last one holds. An inner block that has such a directive
inherits none of the outer ones: a \`proxy_set_header\` in a location puts away all those of its server. In JSON the default fields (Host,
X-Real-IP, X-Scheme, X-Forwarded-For, -Proto, -Host) do not count as the server's: each level sends those of them that it does not name
itself.

**Every directive of nginx** 1.31.5 and of its documentation is on this page: it works and has its paragraph, is
[accepted without effect](#accepted-without-effect), is [not there yet](#not-yet), or [will not come](#never). Of the last two each use is
an error with its place; with \`--allow-unsupported\` it is a warning, and has no effect.
`;

/** docs/DIRECTIVES.md. */
export function directivesPage(): string {
  const rows = [...ROWS].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const real = rows.filter((row) => row.kind !== 'ignored');
  const ignored = rows.filter((row) => row.kind === 'ignored');
  return `${[INTRODUCTION, ...index(real), ...real.flatMap(entry), ...ignoredTable(ignored), ...missing(), ...variables()].join('\n')}\n`;
}

/** Each directive once, under the places it may stand in. */
function index(rows: readonly Row[]): string[] {
  const places = new Map<string, string[]>();
  for (const row of rows) {
    const place = row.contexts.join(', ');
    places.set(place, [...(places.get(place) ?? []), `[${row.name}](#${anchorOf(row)})`]);
  }
  const lines = [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([place, links]) => `| ${place} | ${links.join(' · ')} |`);
  return ['## By place', '', '| in | directives |', '|---|---|', ...lines, ''];
}

function titleOf(row: Row): string {
  return `${row.name} (${row.contexts.join(', ')})`;
}

/** As GitHub makes it from a heading. */
function anchorOf(row: Row): string {
  return titleOf(row)
    .toLowerCase()
    .replace(/[^a-z0-9_ -]/g, '')
    .replaceAll(' ', '-');
}

function entry(row: Row): string[] {
  const lines = [
    `## ${titleOf(row)}`,
    '',
    row.doc,
    '',
    `- Syntax: \`${[row.name, row.syntax].join(' ').trim()}\``,
  ];
  if (row.default !== undefined) lines.push(`- Default: \`${row.default}\``);
  if (row.aliases !== undefined) lines.push(`- Also written: \`${row.aliases.join('`, `')}\``);
  if (mayStandOften(row)) lines.push('- May stand several times.');
  if (row.kind === 'setting' && row.repeat === 'last')
    lines.push('- Of several in a block the last one holds.');
  if (row.kind === 'setting' && row.inherit === false) lines.push('- Not inherited by inner levels.');
  return [...lines, ''];
}

/** A block does by its name, a step of a script by its place. */
function mayStandOften(row: Row): boolean {
  if (row.kind === 'setting') return !isSingle(row.repeat);
  return row.kind === 'structure' && row.args[1] > 0;
}

function ignoredTable(rows: readonly IgnoredRow[]): string[] {
  const lines = rows.map(
    (row) =>
      `| \`${row.name}\` | ${row.contexts.join(', ')} | ${row.why}${row.warn ? ' (with a warning)' : ''} |`,
  );
  return ['## Accepted without effect', '', '| directive | in | why |', '|---|---|---|', ...lines];
}

/** What nginx has and lbproxy has not, by module. */
function missing(): string[] {
  const table = (groups: readonly Missing[]): string[] => [
    '| of | directives | why |',
    '|---|---|---|',
    ...groups.map(({ of, names, why }) => {
      const list = namesOf(names).map((name) => `\`${name}\``);
      return `| ${of} | ${list.join(' · ')} | ${why} |`;
    }),
  ];
  return ['', '## Not yet', '', ...table(NOT_YET), '', '## Never', '', ...table(NEVER)];
}

function variables(): string[] {
  const names = variableNames()
    .filter((name) => !/^\d/.test(name))
    .sort();
  return [
    '',
    '## Variables',
    '',
    names.map((name) => `\`$${name}\``).join(' · '),
    '',
    'Families: `$http_name` (a field of the request), `$sent_http_name` (a field of the answer), `$arg_name`, `$cookie_name`. Captures of the',
    'last regular expression are `$1` to `$9`, and by name. Those that `set` makes hold for the rest of the request.',
  ];
}

// The schema.

export type Schema = { readonly [key: string]: unknown };

const SCALAR: Schema = { type: ['string', 'number', 'boolean'] };
const LIST: Schema = { type: 'array', items: SCALAR };
const ADDRESS = '#/definitions/peer';

/** A JSON schema (draft 7) of upstreams.json. It knows names, nesting and closed sets of words; `-t` knows the rest. */
export function jsonSchema(): Schema {
  const blocks: readonly Context[] = [
    'upstream',
    'server',
    'location',
    'program',
    'if in location',
    'limit_except',
  ];
  const definitions = Object.fromEntries(blocks.map((context) => [context, objectOf([context])]));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'lbproxy configuration',
    ...objectOf(['main', 'http', 'events'], { $schema: { type: 'string' } }),
    definitions: { ...definitions, peer: PEER },
  };
}

/** One server of an upstream: as text, or with its parameters as keys. */
const PEER: Schema = {
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      properties: {
        address: { type: 'string' },
        weight: { type: 'integer' },
        max_fails: { type: 'integer' },
        fail_timeout: { type: ['string', 'number'] },
        max_conns: { type: 'integer' },
        backup: { type: 'boolean' },
        down: { type: 'boolean' },
      },
      required: ['address'],
      additionalProperties: false,
    },
  ],
};

function objectOf(contexts: readonly Context[], more: Schema = {}): Schema {
  const names = new Set(contexts.flatMap((context) => namesIn(context)));
  // JSON has no levels of these names: their contents stand at the top.
  names.delete('http');
  names.delete('events');
  if (contexts.includes('upstream')) names.add('servers');
  const properties = Object.fromEntries([...names].sort().map((name) => [name, schemaOf(name, contexts)]));
  const all = { ...more, [IN_ORDER]: PARTS, ...properties };
  return { type: 'object', properties: all, additionalProperties: false };
}

const PARTS: Schema = {
  description:
    'Parts of this block that are read one after the other: [{ "set": … }, { "if": … }, { "set": … }]',
  type: 'array',
  items: { type: 'object' },
};

function schemaOf(name: string, contexts: readonly Context[]): Schema {
  const known = contexts.includes('upstream') && name === 'servers' ? 'server' : name;
  const row = rowsNamed(known).find((r) => r.contexts.some((c) => contexts.includes(c)));
  if (row === undefined) return {};
  const description = [row.doc, row.syntax && `Syntax: ${row.syntax}`].filter((t) => t !== '').join('\n');
  if (row.kind === 'structure' && row.opens !== undefined)
    return { description, ...blockOf(row.opens, row.args[1]) };
  if (known === 'server') return { description, ...oneOrList({ $ref: ADDRESS }) };
  return { description, ...settingOf(row) };
}

function blockOf(opens: Context, maxArgs: number): Schema {
  const entries: Schema = { type: 'object', additionalProperties: { anyOf: [SCALAR, LIST] } };
  if (opens === 'types' || opens === 'otel_exporter') return entries;
  if (opens === 'map' || opens === 'charset_map' || opens === 'geo' || opens === 'split_clients')
    return { type: 'object', additionalProperties: entries };
  const inner = { $ref: `#/definitions/${opens}` };
  if (maxArgs === 0) return oneOrList(inner);
  return { type: 'object', additionalProperties: { anyOf: [inner, ...(AS_TEXT[opens] ?? [])] } };
}

/** What may stand for a whole block: the URL of a location, the servers of an upstream, the command of a program. */
const AS_TEXT: Partial<Readonly<Record<Context, readonly Schema[]>>> = {
  location: [{ type: 'string', pattern: '^(?:https?://|\\$)' }],
  upstream: [{ type: 'string' }, { type: 'array', items: { $ref: ADDRESS } }],
  program: [{ type: 'string' }, LIST],
};

function oneOrList(inner: Schema): Schema {
  return { anyOf: [inner, { type: 'array', items: inner }] };
}

const isSingle = (repeat: SettingRow['repeat']): boolean => repeat === 'once' || repeat === 'last';

/** A row's value by the words that its documentation uses for it. */
function settingOf(row: Row): Schema {
  const single = row.args[1] === 0 || (row.args[1] === 1 && row.kind === 'setting' && isSingle(row.repeat));
  const booleans = takes(row.syntax, true) || takes(row.syntax, false) ? ['boolean'] : [];
  if (!single) return { type: ['string', 'number', ...booleans, 'array', 'object'] };
  switch (row.syntax) {
    case '':
      return { type: 'boolean' };
    case 'number':
      return { type: ['integer', 'string'] };
    default: {
      const words = wordsOf(row.syntax);
      return words === undefined ? { type: ['string', 'number', ...booleans] } : { enum: words };
    }
  }
}

/** `off | exact | before`; not `number | auto`, where a word stands for many. */
const CLOSED_SET = /^[a-z0-9_.]+(?: \| [a-z0-9_.]+)+$/i;
const STANDS_FOR_MANY = /^(?:number|file|name|path|port|time|size|address)$/;

/** The values of a closed set, also as the JSON types that read as the same words. */
function wordsOf(syntax: string): unknown[] | undefined {
  const words = syntax.split(' | ');
  if (!CLOSED_SET.test(syntax) || words.some((word) => STANDS_FOR_MANY.test(word))) return undefined;
  return words.flatMap((word) => [...(JSON_TYPED[word] ?? []), word]);
}

const JSON_TYPED: Readonly<Record<string, readonly unknown[]>> = {
  on: [true],
  true: [true],
  off: [false],
  false: [false],
  '1.0': [1],
  '1.1': [1.1],
};
