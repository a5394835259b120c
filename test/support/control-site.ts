// A control server on a stand-in pool, and the very programs of that pool in Supervisor's syntax for the real one beside it.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ControlPlan, ControlServer } from '../../src/supervise/control/control-server.ts';
import type { ControlServerPlan } from '../../src/supervise/plan.ts';
import { StandInPool, type StandInProgram } from './stand-in-pool.ts';

export interface ControlSite {
  readonly dir: string;
  readonly pool: StandInPool;
  readonly server: ControlServer;
  /** unix:///… of the server. */
  readonly url: string;
  readonly reports: readonly string[];
  close(): Promise<void>;
}

export function unixPlan(file: string, change: Partial<ControlServerPlan> = {}): ControlServerPlan {
  const address = { kind: 'unix', path: file, mode: 0o700, uid: null, gid: null } as const;
  return { address, login: null, at: 'supervisord.conf:1:1', ...change };
}

export function tcpPlan(change: Partial<ControlServerPlan> = {}): ControlServerPlan {
  const address = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
  return { address, login: null, at: 'supervisord.conf:5:1', ...change };
}

/** `{dir}` in programs is the directory of their logs. */
export async function openSite(
  programs: readonly StandInProgram[],
  plans: readonly ControlPlan[] = [],
): Promise<ControlSite> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-control-'));
  const here = (text: string | null): string | null => text?.replaceAll('{dir}', dir) ?? null;
  fs.writeFileSync(path.join(dir, 'main.log'), 'main line one\nmain line two\n');
  const placed = programs.map((p) => ({ ...p, stdoutLog: here(p.stdoutLog), stderrLog: here(p.stderrLog) }));
  const pool = new StandInPool(placed, path.join(dir, 'main.log'));
  const reports: string[] = [];
  const server = new ControlServer({ pool, version: '0.0.0', report: (text) => reports.push(text) });
  const socket = path.join(dir, 's.sock');
  await server.open([{ plan: unixPlan(socket), own: true }, ...plans]);
  const close = async (): Promise<void> => {
    await server.close();
    pool.dispose();
    fs.rmSync(dir, { recursive: true, force: true });
  };
  return { dir, pool, server, url: `unix://${socket}`, reports, close };
}

/** The programs as sections of a supervisord.conf. */
export function confOf(programs: readonly StandInProgram[]): string {
  const sections = programs.map((p) =>
    [
      `[program:${p.name}]`,
      `command=${p.command.replaceAll('%', '%%')}`,
      `autostart=${p.autostart ?? true}`,
      'autorestart=false',
      `startsecs=${(p.startMs ?? 1000) / 1000}`,
      `startretries=${p.startretries ?? 3}`,
      `exitcodes=${(p.exitcodes ?? [0]).join()}`,
      `stopwaitsecs=${p.stopwaitsecs ?? 10}`,
      `priority=${p.priority ?? 999}`,
      `stdout_logfile=${p.stdoutLog ?? 'NONE'}`,
      `stderr_logfile=${p.stderrLog ?? 'NONE'}`,
      '',
    ].join('\n'),
  );
  const groups = new Map<string, string[]>();
  for (const p of programs)
    if (p.group !== undefined) groups.set(p.group, [...(groups.get(p.group) ?? []), p.name]);
  for (const [group, names] of groups) {
    const priority = programs.find((p) => p.group === group)?.groupPriority ?? 999;
    sections.push(`[group:${group}]\nprograms=${names.join()}\npriority=${priority}\n`);
  }
  return sections.join('\n');
}
