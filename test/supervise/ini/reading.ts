// Reads a supervisord.conf from text in a temporary folder; places in what comes back are `main.conf:line:column`.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatPosition, Problems } from '../../../src/config/problem.ts';
import { readSupervisord, type SupervisordResult } from '../../../src/supervise/ini/read.ts';
import type { GroupPlan, ProcessSpec } from '../../../src/supervise/plan.ts';

export interface Reading extends SupervisordResult {
  readonly folder: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Of all groups. */
  readonly processes: readonly ProcessSpec[];
}

type Files = Readonly<Record<string, string | Buffer>>;

/** `path` is what is read: `main.conf`, or a folder. */
export function read(
  files: string | Buffer | Files,
  path = 'main.conf',
  env: Readonly<Record<string, string>> = {},
): Reading {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lbproxy-ini-')));
  try {
    const all = typeof files === 'string' || Buffer.isBuffer(files) ? { 'main.conf': files } : files;
    for (const [name, text] of Object.entries(all)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const problems = new Problems();
    const result = readSupervisord(path, { env: { PATH: '/usr/bin:/bin', ...env }, cwd: folder }, problems);
    const lines = (severity: string): string[] =>
      problems.list
        .filter((problem) => problem.severity === severity)
        .map(({ at, message }) => `${formatPosition(at).replace(`${folder}/`, '')}: ${message}`);
    const groups: readonly GroupPlan[] = result.pool?.groups ?? [];
    const processes = groups.flatMap((group) => group.processes);
    return { ...result, folder, errors: lines('error'), warnings: lines('warning'), processes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The one process of a program with these lines. */
export function program(
  lines: string,
  env: Readonly<Record<string, string>> = {},
): Reading & { readonly one: ProcessSpec } {
  const reading = read(`[program:a]\n${lines}\n`, 'main.conf', env);
  const [one] = reading.processes;
  if (one === undefined) throw new Error(`no process: ${reading.errors.join('; ')}`);
  return { ...reading, one };
}
