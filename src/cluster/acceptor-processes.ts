// How acceptors' processes are made: what they run, and the files that all of them have open.
import cluster from 'node:cluster';
import { openSync } from 'node:fs';
import { devNull } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openMemoryFile } from './memory-file.ts';

export interface SharedFiles {
  readonly rotation: number;
  readonly log: readonly [number, number];
  readonly sessions: number;
}

/** Without such files each acceptor chooses by itself. /dev/null takes their place: nothing is ever read from it. */
export function openSharedFiles(): SharedFiles {
  const open = (flags: 'wx+' | 'ax+'): number => openMemoryFile(flags) ?? openSync(devNull, 'r+');
  return { rotation: open('wx+'), log: [open('ax+'), open('ax+')], sessions: open('wx+') };
}

/** `stderr`: where theirs leads; that of this process without. */
export function setUpAcceptors(shared: SharedFiles, stderr: number | undefined): void {
  cluster.setupPrimary({
    exec: fileURLToPath(new URL(`./acceptor-main${extname(import.meta.filename)}`, import.meta.url)),
    args: [],
    serialization: 'json',
    // Behind the channel in the order of ROTATION_FD, LOG_FDS and SESSIONS_FD.
    stdio: [
      'inherit',
      'inherit',
      stderr ?? 'inherit',
      'ipc',
      shared.rotation,
      ...shared.log,
      shared.sessions,
    ],
  });
  cluster.schedulingPolicy = cluster.SCHED_NONE;
}
