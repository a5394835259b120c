// The house's rules that a program can check: which way imports go, no circles, no `any`, no enum (docs/ARCHITECTURE.md).
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

type Sources = ReadonlyMap<string, string>;

/** Every file of a folder by its path in there, with forward slashes. */
function readSources(folder: string): Sources {
  const dir = join(ROOT, folder);
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(dir, name), 'utf8')]));
}

/** import … from, export … from, import '…' and import('…'), of relative paths. */
const STATEMENTS =
  /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'(\.[^']*)'|\bimport\(\s*'(\.[^']*)'\s*\)/gms;

function importsOf(sources: Sources): Import[] {
  const found: Import[] = [];
  for (const [from, text] of sources) {
    for (const [, type, statement, dynamic] of text.matchAll(STATEMENTS)) {
      const to = posix.join(posix.dirname(from), statement ?? dynamic);
      found.push({ from, to, typeOnly: type !== undefined });
    }
  }
  return found;
}

/** Lower storeys know nothing of higher ones; those of one storey do not know each other. */
const STOREYS: readonly (readonly string[])[] = [
  ['version', 'shared'],
  ['http', 'socket', 'zones', 'face'],
  ['exchange'],
  ['config/base'],
  ['config/syntax', 'route', 'balance'],
  ['rows'],
  ['config/files', 'upstream', 'body', 'answer', 'local-ca'],
  ['back', 'cache'],
  ['forward', 'serve', 'features'],
  ['listen', 'http2'],
  ['observe', 'inspect'],
  ['config/registry'],
  ['compile'],
  ['explain'],
  ['supervise'],
  ['cockpit'],
  ['cluster'],
  ['cli'],
  ['main'],
];

const CONFIG_STOREYS: Readonly<Record<string, readonly string[]>> = {
  'config/base': [
    'tree',
    'row',
    'model',
    'settings',
    'levels',
    'units',
    'problem',
    'excerpt',
    'file-text',
    'places',
    'glob',
    'nginx-missing',
    'nginx-names',
    'foreign-words',
    'missing-semicolon',
    'foreign-syntax',
  ],
  'config/files': ['load', 'print', 'print-json', 'json-layout', 'comments'],
  'config/registry': [
    'registry',
    'level',
    'model-wire',
    'check-row',
    'check-pattern',
    'check-conflicts',
    'directive-reading',
    'build',
    'build-blocks',
    'build-script',
    'variable-book',
    'variable-kinds',
    'lookup',
    'finish',
    'finish-buffers',
    'finish-zones',
    'finish-caches',
    'finish-charsets',
    'finish-traces',
    'addresses',
    'as-nginx',
    'as-json',
    'describe',
  ],
};

/** Rows and variables are leaves of their rooms: the registry gathers them, also those of rooms above it (decision 004). */
const isLeaf = (file: string): boolean => /(?:^|\/)(?:rows|variables)\.ts$/.test(file);

function roomOf(file: string): string {
  const [room, second] = file.replace(/\.ts$/, '').split('/');
  if (room !== 'config') return room;
  if (second === 'nginx' || second === 'json') return 'config/syntax';
  return (
    Object.entries(CONFIG_STOREYS).find(([, names]) => names.includes(second))?.[0] ?? `config/${second}`
  );
}

function storeyOf(file: string): number {
  const room = isLeaf(file) ? 'rows' : roomOf(file);
  return STOREYS.findIndex((rooms) => rooms.includes(room));
}

/** What the embedding face may use; nothing uses it. */
const EMBED_USES =
  /^(?:embed|balance|shared)\/|^upstream\/health\.ts$|^forward\/next-upstream\.ts$|^config\/(?:units|tree|problem)\.ts$|^version\.ts$/;

/** The rooms that a request passes on its road. */
const ROAD = new Set([
  'http',
  'exchange',
  'route',
  'balance',
  'upstream',
  'body',
  'back',
  'answer',
  'forward',
  'serve',
  'features',
  'listen',
]);

/** Why an import goes the wrong way, or undefined. */
function wrongWay({ from, to, typeOnly }: Import): string | undefined {
  const [room, target] = [roomOf(from), roomOf(to)];
  if (target === 'embed' && room !== 'embed') return 'nothing uses embed';
  if (room === 'embed') return EMBED_USES.test(to) ? undefined : 'embed uses only the parts made for it';
  if (ROAD.has(room) && target === 'observe') return 'the road does not know who observes it';
  if (storeyOf(from) < 0) return 'the room has no place in the list of storeys';
  if (isLeaf(from)) return wrongForLeaf(room, to, typeOnly);
  if (room === target && !isLeaf(to)) return undefined;
  // A room's own rows are its vocabulary.
  if (isLeaf(to)) return room === target || storeyOf(from) > storeyOf(to) || typeOnly ? undefined : 'upwards';
  if (storeyOf(to) < 0) return 'the target has no place in the list of storeys';
  return storeyOf(from) > storeyOf(to) ? undefined : 'upwards';
}

/** Pure parts of a room that its rows may use as they are: they import nothing but `shared`. */
const PURE: readonly string[] = ['forward/next-upstream.ts'];

/** A leaf may use what lies below all rooms of the road, route, the types of its own room and its pure parts. */
function wrongForLeaf(room: string, to: string, typeOnly: boolean): string | undefined {
  if (roomOf(to) === room && PURE.includes(to)) return undefined;
  const below = ['shared', 'http', 'exchange', 'config/base', 'route', 'version', 'face'].includes(
    roomOf(to),
  );
  return below || isLeaf(to) || (typeOnly && roomOf(to) === room)
    ? undefined
    : 'rows and variables are leaves';
}

function wrongWays(imports: readonly Import[]): string[] {
  return imports.flatMap((one) => {
    const why = wrongWay(one);
    return why === undefined ? [] : [`${one.from} imports ${one.to}: ${why}`];
  });
}

/** Files that can be reached from themselves, types included: each circle as a list `file imports file` of all that ties it. */
function circles(imports: readonly Import[]): string[][] {
  const next = Map.groupBy(imports, (one) => one.from);
  const reach = (start: string): Set<string> => {
    const seen = new Set<string>();
    const left = [start];
    for (let file = left.pop(); file !== undefined; file = left.pop()) {
      for (const { to } of next.get(file) ?? []) {
        if (seen.has(to)) continue;
        seen.add(to);
        left.push(to);
      }
    }
    return seen;
  };
  const reached = new Map([...next.keys()].map((file) => [file, reach(file)]));
  const tied = (a: string, b: string): boolean =>
    reached.get(a)?.has(b) === true && reached.get(b)?.has(a) === true;
  const told = new Set<string>();
  return [...next.keys()].flatMap((start) => {
    if (!tied(start, start) || told.has(start)) return [];
    const ties = imports.filter(({ from, to }) => tied(start, from) && tied(start, to));
    for (const { from } of ties) told.add(from);
    return [ties.map(({ from, to }) => `${from} imports ${to}`)];
  });
}

/** The text without comments and strings, so that words in them are not taken for code. */
function codeOf(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g,
    "''",
  );
}

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/(?:[:<,|&(]|\bas|=>)\s*any\b/, 'any'],
  [/^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/m, 'enum'],
  [
    /^\s*(?:static\s+)?[gs]et #\w/m,
    'a private accessor (each use of it is a call into V8; a private method is none)',
  ],
];

function forbiddenWords(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) =>
    FORBIDDEN.filter(([pattern]) => pattern.test(codeOf(text))).map(([, word]) => `${file}: ${word}`),
  );
}

/** The delay of each bare timer that is no constant: such a one may be longer than Node's timers count to. */
function openDelays(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) => {
    if (file === 'shared/timer.ts') return [];
    const code = codeOf(text);
    const calls = [...code.matchAll(/(?<![.\w#])set(?:Timeout|Interval)\(/g)];
    const all = calls.map((call) => argumentsAt(code, call.index + call[0].length));
    // `setTimeout(ms: number)` is a method's beginning.
    const delays = all.filter(([act]) => !/^\w+:\s/.test(act)).map(([, delay = 'none']) => delay);
    return delays.filter((delay) => !CONSTANT_DELAY.test(delay)).map((delay) => `${file}: ${delay}`);
  });
}

/** A number, a constant, or a choice of two of them. */
const CONSTANT_DELAY = /^(?:[^?]*\?\s*(?:\d+|[A-Z][A-Z0-9_]*)\s*:\s*)?(?:\d+|[A-Z][A-Z0-9_]*)$/;

/** The arguments of a call whose parenthesis opens just before `start`. */
function argumentsAt(code: string, start: number): string[] {
  const found = [''];
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    const char = code[i];
    if (depth === 0 && char === ')') break;
    if ('([{'.includes(char)) depth++;
    if (')]}'.includes(char)) depth--;
    if (depth === 0 && char === ',') found.push('');
    else found[found.length - 1] += char;
  }
  return found.map((argument) => argument.trim()).filter((argument) => argument !== '');
}

const sources = readSources('src');
const imports = importsOf(sources);

describe('the house', () => {
  it('is read: files and imports are found', () => {
    expect(sources.size).toBeGreaterThan(100);
    expect(imports.length).toBeGreaterThan(300);
    for (const { from, to } of imports) expect(sources.has(to), `${from} imports ${to}`).toBe(true);
    const statements = [...sources.values()].join('\n').match(/(?:from|import)\s+'\.{1,2}\//g) ?? [];
    expect(imports.length).toBeGreaterThanOrEqual(statements.length);
  });

  it('has a place for every room', () => {
    const rooms = new Set([...sources.keys()].filter((file) => !isLeaf(file)).map(roomOf));
    rooms.delete('embed');
    expect([...rooms].filter((room) => !STOREYS.flat().includes(room))).toEqual([]);
  });

  it('imports flow one way', () => {
    expect(wrongWays(imports)).toEqual([]);
  });

  it('parts that rows may use are pure', () => {
    for (const file of PURE) expect(sources.has(file), file).toBe(true);
    const impure = imports.filter(({ from, to }) => PURE.includes(from) && roomOf(to) !== 'shared');
    expect(impure).toEqual([]);
  });

  it.each(['src', 'bench'])('has no circles in %s, not even of types inside a room', (folder) => {
    expect(circles(importsOf(readSources(folder)))).toEqual([]);
  });

  it.each(['docs/ARCHITECTURE.md', 'CONTRIBUTING.md'])('has the files that %s names', (page) => {
    const there = ['src', 'test', 'bench'].flatMap((folder) =>
      [...readSources(folder).keys()].map((file) => `/${folder}/${file}`),
    );
    const text = readFileSync(join(ROOT, page), 'utf8');
    const named = [...text.matchAll(/`([\w/-]+(?:\.test)?\.ts)`/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !there.some((file) => file.endsWith(`/${name}`)))).toEqual([]);
  });

  it('knows neither any nor enum nor private accessors', () => {
    expect(forbiddenWords(sources)).toEqual([]);
  });

  it('has long delays counted by shared/timer.ts', () => {
    expect(openDelays(sources)).toEqual([]);
    expect([...sources].filter(([, text]) => /node:timers/.test(text)).map(([file]) => file)).toEqual([]);
  });
});

/** What the rules say of one file with one line of text. */
function verdict(file: string, text: string): string[] {
  return wrongWays(importsOf(new Map([[file, text]])));
}

describe('the checker', () => {
  it.each([
    ['http/framing.ts', "import { x } from '../exchange/exchange.ts';"],
    ['forward/forward.ts', "import { type A, b } from '../listen/listener.ts';"],
    ['forward/forward.ts', "import {\n  a,\n} from '../serve/files.ts';"],
    ['forward/forward.ts', "import type { Log } from '../observe/error-log.ts';"],
    ['listen/rows.ts', "import { x } from './listener.ts';"],
    ['forward/rows.ts', "import { x } from './relay.ts';"],
    ['observe/rows.ts', "import { x } from '../forward/next-upstream.ts';"],
    ['balance/rows.ts', "import { x } from '../cluster/primary.ts';"],
    ['config/tree.ts', "export { parse } from './nginx/parse.ts';"],
    ['config/registry.ts', "import '../compile.ts';"],
    ['supervise/process.ts', "const { a } = await import('../cluster/primary.ts');"],
    ['route/dispatch.ts', "import { a } from '../embed/index.ts';"],
    ['embed/index.ts', "import { a } from '../listen/listener.ts';"],
    ['attic/new.ts', "import { a } from '../shared/clock.ts';"],
    ['compile.ts', "import { a } from './attic/new.ts';"],
  ])('refuses %s with %s', (file, text) => {
    expect(verdict(file, text)).toHaveLength(1);
  });

  it.each([
    ['cli/serve.ts', "import { a } from '../cluster/primary.ts';"],
    ['config/registry.ts', "import { a } from '../cluster/rows.ts';"],
    ['balance/rows.ts', "import type { M } from './table.ts';"],
    ['forward/rows.ts', "import { x } from './next-upstream.ts';"],
    ['embed/index.ts', "import { a } from '../forward/next-upstream.ts';"],
  ])('lets %s have %s', (file, text) => {
    expect(importsOf(new Map([[file, text]]))).toHaveLength(1);
    expect(verdict(file, text)).toEqual([]);
  });

  it('sees circles, each once and whole', () => {
    const house = new Map([
      ['a/x.ts', "import { y } from './y.ts';\nimport { b } from '../b/own.ts';"],
      ['a/y.ts', "export * from './z.ts';"],
      ['a/z.ts', "import './x.ts';"],
      ['b/own.ts', "import type { Pair } from './pair.ts';"],
      ['b/pair.ts', "import type { Own } from './own.ts';\nimport { leaf } from './leaf.ts';"],
      ['main.ts', "import './a/x.ts';"],
    ]);
    expect(circles(importsOf(house))).toEqual([
      ['a/x.ts imports a/y.ts', 'a/y.ts imports a/z.ts', 'a/z.ts imports a/x.ts'],
      ['b/own.ts imports b/pair.ts', 'b/pair.ts imports b/own.ts'],
    ]);
  });

  it.each([
    ['const a: any = 1;', ['f.ts: any']],
    ['const a = b as any;', ['f.ts: any']],
    ['let a: Map<string, any>;', ['f.ts: any']],
    ['export const enum A { B }', ['f.ts: enum']],
    [
      'class A {\n  get #b(): number {',
      ['f.ts: a private accessor (each use of it is a call into V8; a private method is none)'],
    ],
    ["// any: any\nconst any = 'x: any';", []],
  ])('reads %s', (text, words) => {
    expect(forbiddenWords(new Map([['f.ts', text]]))).toEqual(words);
  });

  it.each([
    ['setTimeout(() => go(1, 2), limitMs);', ['f.ts: limitMs']],
    ['setTimeout(go, options.ms ?? WAIT_MS).unref();', ['f.ts: options.ms ?? WAIT_MS']],
    ['x = setInterval(() => {\n  go();\n}, this.#ms);', ['f.ts: this.#ms']],
    ['setTimeout(go);', ['f.ts: none']],
    ['setTimeout(() => go(a, b), WAIT_MS);', []],
    ['setTimeout(go, 50);', []],
    ['setTimeout(go, slow(x) ? SLOW_MS : WAIT_MS, x);', []],
    ['socket.setTimeout(ms);', []],
    ['  setTimeout(ms: number): void {', []],
    ["const text = 'setTimeout(go, ms)';", []],
  ])('times %s', (text, delays) => {
    expect(openDelays(new Map([['f.ts', text]]))).toEqual(delays);
  });
});
