// After a rotation acceptors, which are no longer root, open their logs anew: root makes the files before, and gives them to their user
// (ngx_reopen_files).
import { closeSync, fchownSync, fstatSync, openSync } from 'node:fs';
import { levelsOf } from '../../config/levels.ts';
import type { Model, Settings } from '../../config/model.ts';
import { failedCall } from '../../shared/failed-call.ts';
import { Accounts } from '../../supervise/ini/accounts.ts';

export function handLogsOver(model: Model, report: (text: string) => void): void {
  const { runAs } = model.settings;
  const user = runAs === null ? undefined : new Accounts().user(runAs.user);
  if (user === undefined || process.geteuid?.() !== 0) return;
  for (const path of logFilesOf(model)) {
    try {
      handOver(path, user.uid);
    } catch (error) {
      report(failedCall('open()', path, error));
    }
  }
}

function handOver(path: string, uid: number): void {
  const fd = openSync(path, 'a', 0o644);
  try {
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.uid !== uid) fchownSync(fd, uid, -1);
  } finally {
    closeSync(fd);
  }
}

/** All files that some level logs to. */
function logFilesOf({ settings, servers }: Model): ReadonlySet<string> {
  const levels: Settings[] = [settings];
  for (const server of servers) for (const level of levelsOf(server, true)) levels.push(level.settings);
  const paths = levels.flatMap(({ accessLog, errorLog, processLog }) =>
    [...accessLog.filter(({ hasVariables }) => hasVariables !== true), ...errorLog, ...processLog].map(
      ({ path }) => path,
    ),
  );
  return new Set(paths.filter((path) => path.startsWith('/')));
}
