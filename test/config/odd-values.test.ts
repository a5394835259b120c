// Every directive with values that nobody means, in both syntaxes: refused at its place, or taken for what -T prints, which reads back as
// the same and can be served.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CompileError, compileRuntime } from '../../src/compile.ts';
import { asNginx } from '../../src/config/as-nginx.ts';
import { buildModel } from '../../src/config/build.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Model } from '../../src/config/model.ts';
import { printNginx } from '../../src/config/print.ts';
import { ROWS, shapeOf } from '../../src/config/registry.ts';
import type { Context, Row } from '../../src/config/row.ts';
import { withSettings } from '../../src/config/settings.ts';
import type { Directive, Tree } from '../../src/config/tree.ts';
import { MemorySessions } from '../../src/listen/tls/sessions.ts';
import { readTlsFiles } from '../../src/listen/tls-files.ts';
import { LogFiles } from '../../src/observe/log-files.ts';
import { TicketKeys } from '../../src/socket/ticket-keys.ts';
import { validatePrograms } from '../../src/supervise/validate.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { makeCertificate } from '../support/certificates.ts';
import { whole } from '../support/whole-model.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-odd-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const selfSigned = makeCertificate(dir, 'odd', 'localhost');

/** As JSON writes them. */
const JSON_VALUES = [
  ...['0', '-1', '-0', '1.5', '8080.5', '1e3', '1e21', '99999999999999999999', 'true', 'false', 'null'],
  ...['""', '" "', '"-1"', '"1.5"', '"on"', '"off"', '"$"', '"$nope"', '"~("', '"\\u0000"', '"\\n"', '"é{"'],
  ...['"unix:"', '"stdout"', '"a b c d e f g h i j"', '"https://a.example/"', '"%(nope)s"', '"\\\\"', '"\'"'],
  ...[
    '[]',
    '{}',
    '[[]]',
    '[{}]',
    '[null]',
    '[""]',
    '[0, -1]',
    '["127.0.0.1", 8080]',
    '[[1, 2], [3]]',
    '["off", "on"]',
  ],
  ...[
    '{ "a": {} }',
    '{ "a": [] }',
    '{ "a": "b" }',
    '{ "": "" }',
    '{ "a": null }',
    '{ "a": { "b": { "c": 1 } } }',
  ],
];

/** As nginx writes them. */
const NGINX_VALUES = [
  ...[
    '',
    '0',
    '-1',
    '1.5',
    '8080.5',
    '1e3',
    '99999999999999999999',
    '""',
    '" "',
    '"-1"',
    'on',
    'off',
    'true',
  ],
  ...[
    '"$"',
    '$nope',
    '"~("',
    '\0',
    '"\n"',
    '"é{"',
    'unix:',
    'a b c d e f g h i j',
    '0 0',
    '-1 -1',
    '"" ""',
    'a ""',
  ],
  ...[
    'https://a.example/',
    '%(nope)s',
    '\\\\',
    '"\'"',
    '127.0.0.1 8080',
    '/ /',
    '{ }',
    '"a" { }',
    '{ { } }',
    'a { b c; }',
  ],
];

/** The value's line, in a whole configuration. */
const LINE = 3;

function inJson(context: Context, entry: string): string {
  const line = (before: string, after: string): string => `{${before}\n\n${entry}\n${after}}`;
  const servers = '"servers": [{ "listen": "127.0.0.1:1" }]';
  const inServer = '"servers": [{ "listen": "127.0.0.1:1",';
  switch (context) {
    case 'server':
      return line('"servers": [{', '}]');
    case 'location':
    case 'types':
      return line(`${inServer} "locations": { "/": {`, '} } }]');
    case 'limit_except':
      return line(`${inServer} "locations": { "/": { "limit_except": { "GET": {`, '} } } } }]');
    case 'if in location':
    case 'if in server':
      return line(`${inServer} "locations": { "/": { "if": { "($arg_a)": {`, '} } } } }]');
    case 'upstream':
      return line(`${servers}, "upstreams": { "u": {`, '} }');
    case 'program':
      return line(`${servers}, "programs": { "p": {`, '} }');
    case 'events':
      return line(`${servers}, "events": {`, '}');
    default:
      return /^"servers?"/.test(entry) ? line('', '') : line('', `, ${servers}`);
  }
}

function inNginx(context: Context, entry: string): string {
  const line = (before: string, after: string): string => `${before}\n\n${entry}\n${after}`;
  const server = 'server { listen 127.0.0.1:1; }';
  switch (context) {
    case 'http':
      return line('http {', `${server} }`);
    case 'server':
      return line('http { server {', '} }');
    case 'location':
    case 'types':
      return line('http { server { listen 127.0.0.1:1; location / {', '} } }');
    case 'limit_except':
      return line('http { server { listen 127.0.0.1:1; location / { limit_except GET {', '} } } }');
    case 'if in location':
    case 'if in server':
      return line('http { server { listen 127.0.0.1:1; location / { if ($arg_a) {', '} } } }');
    case 'upstream':
      return line(`http { ${server} upstream u {`, '} }');
    case 'program':
      return line(`http { ${server} } program p {`, '}');
    case 'events':
      return line(`http { ${server} } events {`, '}');
    default:
      return line('', `http { ${server} }`);
  }
}

interface Read {
  readonly model: Model | undefined;
  readonly tree: Tree | undefined;
  /** `line: message` */
  readonly errors: readonly { readonly line: number; readonly message: string }[];
}

let count = 0;
function read(text: string, extension: 'json' | 'conf'): Read {
  const file = join(dir, `${++count}.${extension}`);
  writeFileSync(file, text);
  const loaded = loadConfig(file, { shapeOf, prefix: dir });
  rmSync(file);
  const { tree, problems } = loaded;
  const model = tree === undefined ? undefined : buildModel(tree, dir, problems);
  if (model !== undefined) {
    const report = (at: string, message: string, severity: 'error' | 'warning' = 'error'): void => {
      const [line, column] = at.split(':').slice(-2).map(Number);
      problems.list.push({ severity, at: { file, line, column }, message });
    };
    validatePrograms(model.programs, report, { prefix: dir, followed: new Map() });
  }
  for (const { at, message } of problems.list) {
    expect(at.line).toBeGreaterThan(0);
    expect(at.line).toBeLessThanOrEqual(text.split('\n').length);
    expect(message).not.toMatch(/undefined|\[object|NaN(?!")|^\s*$/);
  }
  const errors = problems.list
    .filter(({ severity }) => severity === 'error')
    .map(({ at, message }) => ({ line: at.line, message }));
  return { model: errors.length > 0 ? undefined : model, tree, errors };
}

/** Without places, without the syntax, and without the request's fields of programs, which send none. */
function meaning(model: Model): unknown {
  const programs = model.programs.map(({ settings, ...more }) => ({
    ...more,
    settings: withSettings(settings, { proxySetHeader: [] }),
  }));
  const hide = (key: string, value: unknown): unknown =>
    key === 'at' || key === 'syntax' ? undefined : value;
  return JSON.parse(JSON.stringify(whole({ ...model, programs }), hide));
}

const printed = (directives: readonly Directive[], syntax: Tree['syntax']): string =>
  printNginx(syntax === 'json' ? asNginx(directives) : directives);

async function serve(model: Model): Promise<void> {
  const logFiles = new LogFiles();
  const runtime = await compileRuntime(model, {
    previous: null,
    discovery: NOTHING_DISCOVERED,
    tls: {
      selfSigned,
      files: {},
      ticketKeys: new TicketKeys([Buffer.alloc(48)]),
      sessions: new MemorySessions(100),
    },
    logFiles,
    log: { attemptFailed() {}, fileProblem() {}, noRoom() {}, handshake() {}, note() {}, refused() {} },
  });
  runtime.upstreams.retire(null);
  logFiles.flushAllSync();
}

async function check(text: string, extension: 'json' | 'conf', names: readonly string[]): Promise<void> {
  const { model, tree, errors } = read(text, extension);
  if (model === undefined || tree === undefined) {
    expect(errors.some(({ line }) => line >= LINE - 2 && line <= LINE + 2)).toBe(true);
    return;
  }
  const again = printed(tree.directives, tree.syntax);
  // What is neither refused nor printed was lost, but for what says "not" or "none of them"; an include is what it includes, and without
  // forwarded headers a JSON file is as any nginx file.
  const none =
    /: (?:false|\{\}|\[\]|\[\{\}\])$/m.test(text) || ['include', 'forwarded_headers'].includes(names[0]);
  if (!none) expect({ again, has: names.some((name) => again.includes(name)) }).toEqual({ again, has: true });
  const back = read(again, 'conf');
  expect({ errors: back.errors, again }).toEqual({ errors: [], again });
  expect(back.model && meaning(back.model)).toEqual(meaning(model));
  try {
    readTlsFiles(model, selfSigned);
    await serve(model);
  } catch (error) {
    // Files that are not there: -t and a start look for them.
    const known =
      error instanceof CompileError ? /:\d+:\d+$/.test(error.at) : /ENOENT|EISDIR/.test(String(error));
    expect(known ? '' : String((error as Error).stack)).toBe('');
  }
}

const nameOf = (row: Row): string[] => [row.name, ...(row.aliases ?? [])];
const CASES = ROWS.flatMap((row) =>
  nameOf(row).map((name) => [`${name} in ${row.contexts[0]}`, name, row] as const),
);

describe.each(CASES)('%s', (_title, name, row) => {
  it('in JSON', async () => {
    for (const value of JSON_VALUES)
      await check(inJson(row.contexts[0], `"${name}": ${value}`), 'json', [row.name]);
  });

  it('in nginx', async () => {
    for (const value of NGINX_VALUES) {
      const end = value.endsWith('}') ? '' : ';';
      await check(inNginx(row.contexts[0], `${name} ${value}${end}`), 'conf', nameOf(row));
    }
  });
});
