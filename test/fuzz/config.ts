// Configuration files: what -t does with one, and -T, whose text must mean the same when it is read again.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { checkFiles } from '../../src/cli/check-files.ts';
import { type ReadConfig, readConfig } from '../../src/cli/read-config.ts';
import { dump } from '../../src/cli/test-config.ts';
import { CompileError, compileRuntime } from '../../src/compile.ts';
import type { Model } from '../../src/config/model.ts';
import { packModel, unpackModel } from '../../src/config/model-wire.ts';
import { printNginx } from '../../src/config/print.ts';
import { formatPosition, formatProblems } from '../../src/config/problem.ts';
import { withJsonHeaders } from '../../src/forward/rows.ts';
import { LogFiles } from '../../src/observe/log-files.ts';
import { TicketKeys } from '../../src/socket/ticket-keys.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { configTexts, configWords } from './config-corpus.ts';
import { type Material, mutate } from './mutate.ts';
import { fail, type Target } from './target.ts';

export interface ConfigCase {
  readonly name: 'nginx.conf' | 'upstreams.json';
  /** The file's bytes as latin1. */
  readonly text: string;
}

/** Most characters of a case, but for a few. */
const MOST = 8000;
const MOST_OF_LARGE = 200_000;

/** A disk takes longer for a file than the reader does. */
const MEMORY = '/dev/shm';

export function openConfig(): Target<ConfigCase> {
  const dir = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'lbproxy-fuzz-config-'));
  mkdirSync(join(dir, 'conf.d'));
  for (const [name, text] of Object.entries(INCLUDED)) writeFileSync(join(dir, name), text);
  const texts = configTexts();
  const usual: Material = { texts, words: configWords(), most: MOST };
  const large: Material = { ...usual, most: MOST_OF_LARGE };
  return {
    lanes: 1,
    make(random) {
      const text = mutate(random.pick(texts), random, random.chance(0.2) ? large : usual);
      const isJson = /^\s*\{/.test(text) !== random.chance(3);
      return { name: isJson ? 'upstreams.json' : 'nginx.conf', text };
    },
    run: (input) => check(dir, input),
    processes: () => ({ reader: process.pid }),
    async close() {
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const INCLUDED = {
  'inc.conf': 'location /included { return 204; }\n',
  'inc.json': '{ "locations": { "/included": { "return": "204" } } }\n',
  'conf.d/a.conf': 'expires max;\n',
};

const TEST = { test: true };

async function check(dir: string, { name, text }: ConfigCase): Promise<void> {
  const read = readBytes(dir, name, text);
  if (read.model === undefined) {
    if (!read.problems.hasErrors) fail('refused without an error');
  } else {
    const model = meaningOf(read.model);
    checkAgain(dir, read, model);
    await checkCompiles(read.model);
    // What it names may be missing, which has places too.
    checkFiles(read);
  }
  checkProblems(read, text);
}

function readBytes(dir: string, name: string, text: string): ReadConfig {
  const file = join(dir, name);
  writeFileSync(file, text, 'latin1');
  return readConfig(file, TEST);
}

function checkProblems({ tree, problems, file }: ReadConfig, text: string): void {
  const sources = tree?.sources ?? new Map([[file, text]]);
  for (const { at, message } of problems.list) {
    const place = formatPosition(at);
    const line = sources.get(at.file)?.split('\n')[at.line - 1];
    if (line === undefined) fail(`a problem outside of the file: ${place}: ${message}`);
    if (!(at.column >= 1 && at.column <= line.length + 1))
      fail(`a problem outside of its line: ${place}: ${message}`);
    if (message === '') fail(`a problem without words: ${place}: ${message}`);
  }
  const printed = formatProblems(problems.list, sources);
  if ((printed === '') !== (problems.list.length === 0)) fail('problems that are not printed');
}

/** What was understood, printed in nginx's syntax, is understood as the same; and so it reaches the acceptors. */
function checkAgain(dir: string, { tree, model }: ReadConfig, meaning: unknown): void {
  if (tree === undefined || model === undefined) fail('accepted without a tree');
  const text = tree.syntax === 'json' ? dump(tree) : printNginx(tree.directives);
  const again = readBytes(dir, 'nginx.conf', Buffer.from(text).toString('latin1'));
  if (again.model === undefined)
    fail(
      `-T is refused: ${formatProblems(
        again.problems.list.filter((p) => p.severity === 'error'),
        new Map(),
      )}`,
    );
  checkSame(meaning, meaningOf(again.model), '-T means something else');
  const carried = unpackModel(JSON.parse(JSON.stringify(packModel(model))));
  checkSame(meaning, meaningOf(carried), 'acceptors get another configuration');
}

function checkSame(one: unknown, other: unknown, what: string): void {
  if (!isDeepStrictEqual(one, other)) fail(`${what}: ${differenceOf(one, other, '')}`);
}

/** Where two meanings part first. */
function differenceOf(one: unknown, other: unknown, path: string): string {
  const bothInside = [one, other].every((value) => typeof value === 'object' && value !== null);
  if (!bothInside) return `${path}: ${JSON.stringify(one)} became ${JSON.stringify(other)}`;
  const [a, b] = [one, other] as Record<string, unknown>[];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  const key = [...keys].find((each) => !isDeepStrictEqual(a[each], b[each]));
  return key === undefined ? `${path}: of another kind` : differenceOf(a[key], b[key], `${path}/${key}`);
}

/** As an acceptor would, but for the logs, which would be opened wherever the text says. A problem that has a place is an answer. */
async function checkCompiles(model: Model): Promise<void> {
  const nothing = (): void => {};
  const log = { attemptFailed: nothing, fileProblem: nothing, noRoom: nothing, refused: nothing };
  try {
    const runtime = await compileRuntime(withoutLogs(model) as Model, {
      previous: null,
      discovery: NOTHING_DISCOVERED,
      tls: { selfSigned: null, files: {}, ticketKeys: new TicketKeys([Buffer.alloc(48)]) },
      logFiles: new LogFiles(),
      log,
    });
    runtime.upstreams.retire(null);
  } catch (error) {
    if (error instanceof CompileError && error.at !== '') return;
    throw error;
  }
}

function withoutLogs(value: unknown): unknown {
  return changed(value, (key, each) => (key === 'accessLog' ? [] : each));
}

/**
 * Without places and syntax. JSON sets some header fields by itself, which -T writes out where fields are inherited from: programs
 * and groups send none.
 */
function meaningOf(model: Model): unknown {
  const nameless = (key: string): boolean => key === 'at' || key === 'syntax';
  const outside = (key: string): boolean => nameless(key) || key === 'proxySetHeader';
  const { programs, upstreams, ...rest } = model;
  return [
    changed({ programs, upstreams }, (key, each) => (outside(key) ? undefined : each)),
    changed(rest, (key, each) => {
      if (nameless(key)) return undefined;
      return key === 'proxySetHeader' && model.syntax === 'json' ? withJsonHeaders(each as never) : each;
    }),
  ];
}

function changed(value: unknown, change: (key: string, value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => changed(each, change));
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, each] of Object.entries(value)) out[key] = changed(change(key, each), change);
  return out;
}
