// An acceptor of a primary that is root becomes the user that the configuration names, once it has what only root may open.
import { setPriority } from 'node:os';
import type { Settings } from '../config/model.ts';
import { FACES } from '../face/face.ts';
import type { Log } from '../observe/error-log.ts';

/** Whether `becomeUser` makes it another. */
export function changesUser({ face, runAs }: Settings): boolean {
  return FACES[face].obeysUser && runAs !== null && process.geteuid?.() === 0;
}

/** Throws where the system does not let it: to serve on as root is not what was asked for. */
export function becomeUser(settings: Settings, log: Log): void {
  const { runAs, acceptorPriority } = settings;
  if (acceptorPriority !== 0) setOwnPriority(acceptorPriority, log);
  if (runAs === null || !changesUser(settings)) return;
  const { user, group } = runAs;
  // In this order: without root's rights no group could be changed.
  process.setgid?.(group);
  (process as { initgroups?(user: string, group: string): void }).initgroups?.(user, group);
  process.setuid?.(user);
}

function setOwnPriority(priority: number, log: Log): void {
  try {
    setPriority(priority);
  } catch (error) {
    log.alert(`setpriority(${priority}) failed (${(error as Error).message})`);
  }
}
