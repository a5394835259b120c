// Configuration files: what -t does with one, and -T, whose text must mean the same when it is read again.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkFiles } from '../../src/cli/check-files.ts';
import { type ReadConfig, readConfig } from '../../src/cli/read-config.ts';
import { dump } from '../../src/cli/test-config.ts';
import { CompileError, compileRuntime } from '../../src/compile.ts';
import type { Model, Settings } from '../../src/config/model.ts';
import { packModel } from '../../src/config/model-wire.ts';
import { printNginx } from '../../src/config/print.ts';
import { formatPosition, formatProblems } from '../../src/config/problem.ts';
import { withJsonHeaders } from '../../src/forward/rows.ts';
import { MemorySessions } from '../../src/listen/tls/sessions.ts';
import { LogFiles } from '../../src/observe/log-files.ts';
import { TicketKeys } from '../../src/socket/ticket-keys.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { received, whole } from '../support/whole-model.ts';
import { configTexts, configWords } from './config-corpus.ts';
import { type Material, mutate } from './mutate.ts';
import { fail, type Target } from './target.ts';

export interface ConfigCase {
  readonly name: 'nginx.conf' | 'upstreams.json';
  /** The file's bytes as latin1. */
  readonly text: string;
  /** Whether it goes on to the acceptors, which takes as long as all the rest. */
  readonly deep: boolean;
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
  // What is wrong from the beginning gets nowhere.
  const isGood = (text: string): boolean => readBytes(dir, nameOf(text), text).model !== undefined;
  const [goodJson, goodNginx] = [true, false].map((json) =>
    texts.filter((text) => isJson(text) === json && isGood(text)),
  );
  const usual: Material = { texts, words: configWords(), most: MOST };
  const large: Material = { ...usual, most: MOST_OF_LARGE };
  return {
    lanes: 1,
    make(random) {
      const whole = random.pick(random.chance(10) ? texts : random.chance(40) ? goodJson : goodNginx);
      const text = mutate(whole, random, random.chance(0.2) ? large : usual);
      return { name: nameOf(random.chance(3) ? 'server' : text), text, deep: random.chance(30) };
    },
    run: (input) => check(dir, input),
    processes: () => ({ reader: process.pid }),
    async close() {
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const isJson = (text: string): boolean => /^\s*\{/.test(text);
const nameOf = (text: string): ConfigCase['name'] => (isJson(text) ? 'upstreams.json' : 'nginx.conf');

const INCLUDED = {
  'inc.conf': 'location /included { return 204; }\n',
  'inc.json': '{ "locations": { "/included": { "return": "204" } } }\n',
  'conf.d/a.conf': 'expires max;\n',
};

const TEST = { test: true };

async function check(dir: string, { name, text, deep }: ConfigCase): Promise<void> {
  const read = readBytes(dir, name, text);
  if (read.model === undefined) {
    if (!read.problems.hasErrors) fail('refused without an error');
  } else {
    checkAgain(dir, read);
    if (deep) await checkCarried(read.model);
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
  const lines = new Map([...sources].map(([name, source]) => [name, source.split('\n')]));
  for (const { at, message } of problems.list) {
    const place = formatPosition(at);
    const line = lines.get(at.file)?.[at.line - 1];
    if (line === undefined) fail(`a problem outside of the file: ${place}: ${message}`);
    if (!(at.column >= 1 && at.column <= line.length + 1))
      fail(`a problem outside of its line: ${place}: ${message}`);
    if (message === '') fail(`a problem without words: ${place}: ${message}`);
  }
  const printed = formatProblems(problems.list, sources);
  if ((printed === '') !== (problems.list.length === 0)) fail('problems that are not printed');
}

/** What was understood, printed in nginx's syntax, is understood as the same. */
function checkAgain(dir: string, { tree, model }: ReadConfig): void {
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
  checkSame(model, again.model, '-T means something else');
}

function checkSame(model: Model, other: Model, what: string): void {
  const found = differenceOf(whole(model), whole(other), { path: '', isJson: model.syntax === 'json' });
  if (found !== null) fail(`${what}: ${found}`);
}

interface Where {
  readonly path: string;
  readonly isJson: boolean;
}

type Plain = Readonly<Record<string, unknown>>;

/** Where two Models part first, but for places and syntax; null when they mean the same. */
function differenceOf(one: unknown, other: unknown, { path, isJson }: Where): string | null {
  if (Object.is(one, other)) return null;
  const areInside = [one, other].every((value) => typeof value === 'object' && value !== null);
  if (!areInside) return `${path}: ${JSON.stringify(one)} became ${JSON.stringify(other)}`;
  const [a, b] = [one as Plain, other as Plain];
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return `${path}: ${keys} became ${Object.keys(b)}`;
  for (const key of keys) {
    if (key === 'at' || key === 'syntax') continue;
    const where = { path: `${path}/${key}`, isJson };
    if (key === 'proxySetHeader' && isJson) {
      // JSON sets some by itself, which -T writes out where they are inherited from; programs and groups send none.
      if (/^.(?:programs|upstreams)/.test(path)) continue;
      const headers = withJsonHeaders(a[key] as Settings['proxySetHeader']);
      const found = differenceOf(headers, b[key], { ...where, isJson: false });
      if (found !== null) return found;
    } else {
      const found = differenceOf(a[key], b[key], where);
      if (found !== null) return found;
    }
  }
  return null;
}

/** It reaches the acceptors as it is, and they can compile it: as an acceptor would, but for the logs, which would be opened wherever the text says. A problem that has a place is an answer. */
async function checkCarried(model: Model): Promise<void> {
  const carried = received(packModel(model));
  checkSame(model, carried, 'acceptors get another configuration');
  const nothing = (): void => {};
  const log = {
    attemptFailed: nothing,
    fileProblem: nothing,
    noRoom: nothing,
    handshake: nothing,
    note: nothing,
    refused: nothing,
  };
  try {
    const runtime = await compileRuntime(withoutLogs(whole(model)) as Model, {
      previous: null,
      discovery: NOTHING_DISCOVERED,
      tls: {
        selfSigned: null,
        files: {},
        ticketKeys: new TicketKeys([Buffer.alloc(48)]),
        sessions: new MemorySessions(100),
      },
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
  if (Array.isArray(value)) return value.map(withoutLogs);
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value))
    Object.defineProperty(out, key, {
      value: key === 'accessLog' ? [] : withoutLogs(each),
      enumerable: true,
      writable: true,
    });
  return out;
}
