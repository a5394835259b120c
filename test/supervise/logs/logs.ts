// What the tests of logs share: a directory, plans, and logs that are closed at the end.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach } from 'vitest';
import { ProgramLogs, type ProgramLogsOptions } from '../../../src/supervise/logs/program-logs.ts';

export { fileplan, owner, QUIET } from './plans.ts';

export interface LogRoom {
  readonly dir: string;
  readonly problems: string[];
  readonly printed: string[];
  open(options?: Partial<ProgramLogsOptions>): ProgramLogs;
}

/** A fresh directory for each test. */
export function logRoom(): LogRoom {
  let dir = '';
  const problems: string[] = [];
  const printed: string[] = [];
  let all: ProgramLogs[] = [];
  let test = 0;
  beforeEach(() => {
    test++;
    dir = mkdtempSync(join(tmpdir(), 'lbproxy-logs-'));
  });
  afterEach(() => {
    for (const logs of all) logs.closeAll();
    all = [];
    test++;
    problems.length = printed.length = 0;
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    get dir() {
      return dir;
    },
    problems,
    printed,
    open(options = {}) {
      const opened = test;
      const logs = new ProgramLogs({
        childLogDirectory: dir,
        identifier: 'supervisor',
        print: ({ process, stream, text }) => void printed.push(`${process} ${stream} ${text}`),
        report: (message) => {
          // What is told after the end of its test is nobody's problem.
          if (test === opened) problems.push(message);
        },
        ...options,
      });
      all.push(logs);
      return logs;
    },
  };
}

/** The files of a path, the oldest first, gzipped ones as they were. */
export function chainOf(path: string): { name: string; bytes: Buffer }[] {
  const start = basename(path);
  return readdirSync(dirname(path))
    .filter((name) => name === start || /^\.\d+(\.gz)?$/.test(name.slice(start.length)))
    .filter((name) => name.startsWith(start))
    .sort((a, b) => numberOf(b) - numberOf(a))
    .map((name) => {
      const bytes = readFileSync(join(dirname(path), name));
      return { name, bytes: name.endsWith('.gz') ? gunzipSync(bytes) : bytes };
    });
}

const numberOf = (name: string): number => Number(/\.(\d+)(?:\.gz)?$/.exec(name)?.[1] ?? 0);

export const textOf = (path: string): string =>
  Buffer.concat(chainOf(path).map((file) => file.bytes)).toString('latin1');

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something holds; throws when it does not in time. */
export async function until(holds: () => boolean, withinMs = 5000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${holds}`);
    await wait(10);
  }
}
