// Paths as Supervisor reads them: `~`, relative ones, and whether the folder of a log is there.
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { IniContext } from './context.ts';

/** os.path.expanduser(): of an unknown user the text stays. */
export function expandUser(path: string, { processEnv, accounts }: IniContext): string {
  if (!path.startsWith('~')) return path;
  const slash = path.includes('/') ? path.indexOf('/') : path.length;
  const name = path.slice(1, slash);
  const home = name === '' ? (processEnv.HOME ?? homedir()) : accounts.userNamed(name)?.home;
  if (home === undefined) return path;
  return home.replace(/\/+$/, '') + path.slice(slash) || '/';
}

/** os.path.dirname() of a path that was written; '' for a bare name. */
export function folderOf(path: string): string {
  const head = path.slice(0, path.lastIndexOf('/') + 1);
  return /^\/+$/.test(head) ? head : head.replace(/\/+$/, '');
}

export function isDirectory(path: string, cwd: string): boolean {
  try {
    return statSync(resolve(cwd, path)).isDirectory();
  } catch {
    return false;
  }
}

/** The absolute path of a log or pid file, and its folder if that is missing. */
export function filePath(
  text: string,
  cx: IniContext,
): { readonly path: string; readonly missing: string | null } {
  const path = expandUser(text, cx);
  const folder = folderOf(path);
  const isThere = folder === '' || isDirectory(folder, cx.cwd);
  return { path: resolve(cx.cwd, path), missing: isThere ? null : folder };
}

/** tempfile.gettempdir() */
export function temporaryFolder(cx: IniContext): string {
  const { TMPDIR, TEMP, TMP } = cx.processEnv;
  const candidates = [TMPDIR, TEMP, TMP, '/tmp', '/var/tmp', '/usr/tmp', cx.cwd];
  const found = candidates.find(
    (path) => path !== undefined && path !== '' && isWritable(resolve(cx.cwd, path)),
  );
  return resolve(cx.cwd, found ?? '/tmp');
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
