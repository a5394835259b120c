// Whether something can be made at a path, told before it is tried: what the system says then is a bare code, and often of another file.
import { accessSync, constants, existsSync, lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** sun_path of Linux, without the byte that ends it. */
const MAX_SOCKET_PATH = 107;

/** Why a file could be neither made nor written there, directories around it included; undefined where it could. */
export function whyNotMade(path: string): string | undefined {
  // One that was made for us may stand in a directory that is not ours (/run), or be /dev/null.
  if (allows(path, constants.W_OK)) return undefined;
  const around = nearestAround(path);
  if (statSync(around).isDirectory()) return isWritable(around) ? undefined : `${around} may not be written`;
  return `${around} is no directory`;
}

/** Why a Unix socket could not listen there. */
export function whyNoSocket(path: string): string | undefined {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    return `the path is longer than the ${MAX_SOCKET_PATH} bytes that a socket's may have`;
  const directory = dirname(path);
  const around = nearestAround(path);
  if (!statSync(around).isDirectory()) return `${around} is no directory`;
  if (around !== directory) return `there is no directory ${directory}; make it`;
  if (!isWritable(directory)) return `${directory} may not be written; let the user of lbproxy write it`;
  // A link is no socket to the kernel either, wherever it leads.
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined || stat.isSocket()
    ? undefined
    : 'something is there, and it is no socket; remove it, or choose another path';
}

/** The nearest directory around a path that is there, or the file that stands in its place. */
function nearestAround(path: string): string {
  let around = dirname(path);
  while (!existsSync(around) && around !== dirname(around)) around = dirname(around);
  return around;
}

const isWritable = (directory: string): boolean => allows(directory, constants.W_OK | constants.X_OK);

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
