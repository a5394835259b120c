// A system call that failed, as nginx tells it: open() "/x" failed (2: No such file or directory).

import { constants } from 'node:os';

/** strerror(3) of glibc, for what files and sockets fail with. */
const TEXTS: Readonly<Record<string, string>> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  ESRCH: 'No such process',
  EIO: 'Input/output error',
  EAGAIN: 'Resource temporarily unavailable',
  ENOMEM: 'Cannot allocate memory',
  EACCES: 'Permission denied',
  EEXIST: 'File exists',
  EXDEV: 'Invalid cross-device link',
  ENOTDIR: 'Not a directory',
  EISDIR: 'Is a directory',
  EINVAL: 'Invalid argument',
  ENFILE: 'Too many open files in system',
  EMFILE: 'Too many open files',
  ETXTBSY: 'Text file busy',
  EFBIG: 'File too large',
  ENOSPC: 'No space left on device',
  EROFS: 'Read-only file system',
  EPIPE: 'Broken pipe',
  ENAMETOOLONG: 'File name too long',
  ELOOP: 'Too many levels of symbolic links',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENETDOWN: 'Network is down',
  ENETUNREACH: 'Network is unreachable',
  ECONNABORTED: 'Software caused connection abort',
  ECONNRESET: 'Connection reset by peer',
  ENOTCONN: 'Transport endpoint is not connected',
  ETIMEDOUT: 'Connection timed out',
  ECONNREFUSED: 'Connection refused',
  EHOSTDOWN: 'Host is down',
  EHOSTUNREACH: 'No route to host',
};

/** `2: No such file or directory`; what has no number is told by its message. */
export function errnoText(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const number = code === undefined ? undefined : (constants.errno as Record<string, number>)[code];
  if (code === undefined || number === undefined) return message ?? String(error);
  return `${number}: ${TEXTS[code] ?? code}`;
}

export function failedCall(call: string, path: string, error: unknown): string {
  return `${call}${path === '' ? '' : ` "${path}"`} failed (${errnoText(error)})`;
}
