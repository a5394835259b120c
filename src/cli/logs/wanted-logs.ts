// Which log files are meant by the names of a command line: one line of output has one name in front, also where processes share a file.
import type { CtlProcess } from '../../supervise/control/ctl-protocol.ts';

export type Channel = 'stdout' | 'stderr';

export interface WantedLog {
  readonly path: string;
  /** What stands in front of its lines. */
  readonly label: string;
  readonly channel: Channel;
  /** As the server is asked for it. */
  readonly url: string;
}

/** A process (`name`, `group:name`), all of a group (`group:*`), all of a program; no names: all. A text says which name is unknown. */
export function wantedProcesses(
  all: readonly CtlProcess[],
  names: readonly string[],
): readonly CtlProcess[] | string {
  if (names.length === 0) return all;
  const found = new Set<CtlProcess>();
  for (const name of names) {
    const group = name.replace(/:\*?$/, '');
    const those = all.filter(
      (p) => [p.name, p.namespec, `${p.group}:${p.name}`, p.program].includes(name) || p.group === group,
    );
    if (those.length === 0) return whyUnknown(name, all);
    for (const process of those) found.add(process);
  }
  return [...found];
}

function whyUnknown(name: string, all: readonly CtlProcess[]): string {
  const programs = [...new Set(all.map(({ program }) => program))];
  const there = programs.length === 0 ? 'there are no programs' : `there are ${programs.join(', ')}`;
  return `there is no program or process "${name}"; ${there}`;
}

export function logsOf(processes: readonly CtlProcess[], channels: readonly Channel[]): WantedLog[] {
  const byPath = new Map<string, WantedLog>();
  for (const channel of channels) {
    for (const { program, name, group, stdoutLog, stderrLog } of processes) {
      const path = channel === 'stdout' ? stdoutLog : stderrLog;
      if (path === null) continue;
      const known = byPath.get(path);
      const label = known === undefined || known.label === name ? name : program;
      const url = known?.url ?? `/logtail/${encodeURIComponent(`${group}:${name}`)}/${channel}`;
      byPath.set(path, { path, label, channel: known?.channel ?? channel, url });
    }
  }
  return [...byPath.values()];
}
