// The rotated files of a path: .1 is the newest, each as it is or gzipped (.1.gz). Names move by rename alone, the oldest first, so that
// whoever is killed in between leaves at worst a number out.
import { readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

export interface RotatedFile {
  readonly number: number;
  readonly path: string;
  readonly gzipped: boolean;
}

/** What is being gzipped has this name; one that is there when nothing is, is of a run that was killed. */
export function unfinishedName(path: string): string {
  return `${path}.gz.tmp`;
}

/** The rotated files of a path, the newest first. */
export async function rotatedFiles(path: string): Promise<RotatedFile[]> {
  const start = `${basename(path)}.`;
  const found: RotatedFile[] = [];
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(start)) continue;
    const match = /^([1-9]\d{0,8})(\.gz)?$/.exec(name.slice(start.length));
    if (match === null) continue;
    found.push({
      number: Number(match[1]),
      path: `${path}.${name.slice(start.length)}`,
      gzipped: match[2] !== undefined,
    });
  }
  return found.sort((a, b) => a.number - b.number || Number(a.gzipped) - Number(b.gzipped));
}

/** Makes `path` its own .1, with all before it one number further, as far as `backups` goes. */
export async function shiftFiles(path: string, backups: number): Promise<void> {
  const files = await rotatedFiles(path);
  const numbers = new Set(files.map((file) => file.number));
  let gap = 1;
  while (gap <= backups && numbers.has(gap)) gap++;
  const last = Math.min(gap, backups);
  if (gap > backups) await removeFiles(files.filter((file) => file.number === backups));
  for (const file of files.filter((one) => one.number < last).reverse())
    await renameIfThere(file.path, `${path}.${file.number + 1}${file.gzipped ? '.gz' : ''}`);
  await renameIfThere(path, `${path}.1`);
}

/** Removes the oldest until all together have at most `totalBytes`. */
export async function trimFiles(path: string, totalBytes: number): Promise<void> {
  let sum = 0;
  const tooOld: RotatedFile[] = [];
  for (const file of await rotatedFiles(path)) {
    sum += (await stat(file.path).catch(() => null))?.size ?? 0;
    if (sum > totalBytes) tooOld.push(file);
  }
  await removeFiles(tooOld.reverse());
}

export async function removeFiles(files: readonly RotatedFile[]): Promise<void> {
  for (const file of files) await rm(file.path, { force: true });
}

/** After a run that was killed while it gzipped: half a file goes, and what is whole in both forms stays gzipped. */
export async function tidyFiles(path: string): Promise<RotatedFile[]> {
  await rm(unfinishedName(path), { force: true });
  const files = await rotatedFiles(path);
  const gzipped = new Set(files.filter((file) => file.gzipped).map((file) => file.number));
  const doubled = files.filter((file) => !file.gzipped && gzipped.has(file.number));
  await removeFiles(doubled);
  return files.filter((file) => !doubled.includes(file));
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Somebody cleaned up meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Nothing happens where there is no such file. */
export async function emptyFile(path: string): Promise<void> {
  try {
    await truncate(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
