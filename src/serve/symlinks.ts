// disable_symlinks: no link on the way to a file, or none to what somebody else owns (ngx_open_file_wrapper). Node has no openat(2), so
// that each part of a path is looked at by its name: a link that is put there in between is not seen.
import fs from 'node:fs';
import { toFsPath } from '../shared/fs-path.ts';
import type { LinkCheck } from './link-rule.ts';

type Done = (error: NodeJS.ErrnoException | null) => void;

/** ELOOP or ENOTDIR where a link is in the way, as nginx has it; other errors are of what cannot be looked at. */
export function checkLinks(path: string, { ifNotOwner, start }: LinkCheck, done: Done): void {
  const look = (from: number): void => {
    let begin = from;
    while (path[begin] === '/') begin++;
    if (begin >= path.length) return done(null);
    const slash = path.indexOf('/', begin);
    const end = slash < 0 ? path.length : slash;
    const part = toFsPath(path.slice(0, end));
    fs.lstat(part, (error, link) => {
      if (error !== null) return done(error);
      if (!link.isSymbolicLink()) return look(end);
      // As the kernel says it of a link that is to be a directory, and of one that is to be a file.
      if (!ifNotOwner) return done(inTheWay(end < path.length ? 'ENOTDIR' : 'ELOOP'));
      fs.stat(part, (targetError, target) => {
        if (targetError !== null) return done(targetError);
        if (target.uid === link.uid) look(end);
        else done(inTheWay('ELOOP'));
      });
    });
  };
  look(start);
}

const ERRNO = { ENOTDIR: -20, ELOOP: -40 } as const;

function inTheWay(code: keyof typeof ERRNO): NodeJS.ErrnoException {
  return Object.assign(new Error('a symbolic link'), { code, errno: ERRNO[code] });
}

/** `fs.stat` of a path whose links are checked before. */
export function statChecked(
  path: string,
  check: LinkCheck | null,
  done: (error: NodeJS.ErrnoException | null, stats: fs.Stats | null) => void,
): void {
  const stat = (): void =>
    fs.stat(toFsPath(path), (error, stats) => done(error, error === null ? stats : null));
  if (check === null) return stat();
  checkLinks(path, check, (error) => {
    if (error !== null) done(error, null);
    else stat();
  });
}
