// Whether a file is one of Supervisor's: it may be named where any configuration may.
import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** Comments may stand in front. */
const LOOK_BYTES = 16 * 1024;
const SECTION =
  /^\[(?:supervisord|supervisorctl|unix_http_server|inet_http_server|include|(?:program|group|eventlistener|fcgi-program|rpcinterface|unix_http_server|inet_http_server):[^\]\n]*)\]/;

/** True for supervisord.conf, a fragment of one, or a folder of fragments. False for what cannot be looked at. */
export function isSupervisordFile(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) return true;
    if (!statSync(path).isFile()) return false;
    return startsWithSection(firstBytes(path));
  } catch {
    return false;
  }
}

function firstBytes(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(LOOK_BYTES);
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, LOOK_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}

function startsWithSection(text: string): boolean {
  const line = text.split(/\r?\n/).find((l) => !/^\s*(?:[;#]|$)/.test(l)) ?? '';
  return SECTION.test(line);
}
