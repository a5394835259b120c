// Makes program models and small child scripts for the tests of this room.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgramModel, Settings } from '../../src/config/model.ts';
import { EventHub } from '../../src/supervise/events/event-hub.ts';
import { ProgramLogs } from '../../src/supervise/logs/program-logs.ts';
import type { OutputSink } from '../../src/supervise/output.ts';
import type { PoolPlan } from '../../src/supervise/plan.ts';
import { ProcessOutput } from '../../src/supervise/process-output.ts';
import { EMPTY_POOL, planGroups } from '../../src/supervise/process-spec.ts';
import { programDefaults } from '../../src/supervise/rows.ts';
import type { Slot } from '../../src/supervise/slot.ts';
import type { SlotOutput } from '../../src/supervise/slot-host.ts';
import type { SupervisorOptions } from '../../src/supervise/supervisor.ts';
import { freePorts as freePortsInARow } from '../support/free-ports.ts';

export function program(name: string, own: Partial<Settings>): ProgramModel {
  return { name, at: `conf:1:1`, settings: { ...programDefaults, ...own } as Settings };
}

/** Throws with all problems when a program cannot be expanded. */
export function poolOf(prefix: string, programs: readonly ProgramModel[]): PoolPlan {
  const problems: string[] = [];
  const cx = { prefix, env: process.env, userOf: () => undefined };
  const groups = planGroups(programs, cx, ({ at, name }, message) =>
    problems.push(`${at}: program "${name}": ${message}`),
  );
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return { ...EMPTY_POOL, groups };
}

/** What a supervisor needs, with nobody behind it. */
export const SURROUNDINGS: Pick<
  SupervisorOptions,
  'ready' | 'drain' | 'onState' | 'onLaunch' | 'onGroups' | 'stdin'
> = {
  ready: {
    notify: { pathFor: () => '', open: () => Promise.resolve(), onReady: () => () => {} },
  },
  drain: () => Promise.resolve(),
  onState: () => {},
  onLaunch: () => {},
  onGroups: () => {},
  stdin: () => Promise.resolve(null),
};

const events = new EventHub({ identifier: 'test', log: () => {} });

/** Output to a sink of lines. */
export function printed(slot: Slot, print: OutputSink): SlotOutput {
  const logs = new ProgramLogs({ childLogDirectory: tmpdir(), identifier: 'test', print, report: () => {} });
  return new ProcessOutput(slot.spec, { logs, events, print });
}

/** A command line that runs a script of the directory with this Node. */
export function node(dir: string, script: string, args = ''): string {
  return `'${process.execPath}' '${join(dir, script)}' ${args}`.trim();
}

const SERVER = `
import { createServer } from 'node:net';
const port = Number(process.argv[2] ?? process.env.PORT);
createServer((s) => { s.on('error', () => {}); s.end(String(process.pid)); }).listen(port, '127.0.0.1');
`;

/** A temporary directory with `server.mjs`, which listens on its first argument or $PORT. */
export function scriptDir(scripts: Record<string, string> = {}): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-supervise-'));
  mkdirSync(join(dir, 'sub'));
  for (const [name, text] of Object.entries({ 'server.mjs': SERVER, ...scripts }))
    writeFileSync(join(dir, name), text);
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The first of `count` ports in a row on which nothing listens. */
export async function freePorts(count: number): Promise<number> {
  const [first] = await freePortsInARow(count);
  return first;
}

/** Waits until `reached` gives something other than false or undefined, and returns it. */
export async function eventually<T>(reached: () => T | false | undefined, withinMs = 8000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = reached();
    if (value !== false && value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`not reached within ${withinMs} ms: ${reached}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

/** Zombies do not count: an orphan stays one until pid 1 gets to it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return process.platform !== 'linux';
  }
}
