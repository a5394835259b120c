// Reads the files that a configuration names, whatever stands under the name: a pipe or a device would hold or fill the process.
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { devNull } from 'node:os';

const CHUNK_BYTES = 1 << 16;

export interface ReadBounds {
  readonly maxBytes: number;
  /** Whether the path may lead to what the process was started with: `/dev/stdin`, or a shell's `<(…)`. */
  readonly mayBeInput?: boolean;
}

/** A descriptor of this process by its path; what is behind it is open already, and is waited for. */
const OWN_DESCRIPTOR = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/;

/** The bytes of a regular file; throws an error whose code or message says why there are none. */
export function readFileWithin(path: string, { maxBytes, mayBeInput = false }: ReadBounds): Buffer {
  const isInput = mayBeInput && OWN_DESCRIPTOR.test(path);
  // Without O_NONBLOCK the opening of a named pipe waits for its other end.
  const fd = openSync(path, constants.O_RDONLY | (isInput ? 0 : constants.O_NONBLOCK));
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() && !isInput && path !== devNull) throw notRegular(stat);
    if (stat.size > maxBytes) throw tooLarge(maxBytes);
    return readAll(fd, maxBytes);
  } finally {
    closeSync(fd);
  }
}

/** By what comes, not by the size: a file may grow, and those of /proc have none. */
function readAll(fd: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const count = readSync(fd, chunk);
    if (count === 0) return Buffer.concat(chunks);
    total += count;
    if (total > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk.subarray(0, count));
  }
}

function notRegular(stat: Stats): Error {
  if (stat.isDirectory()) return Object.assign(new Error('it is a directory'), { code: 'EISDIR' });
  const what = stat.isFIFO() ? 'a named pipe' : stat.isCharacterDevice() ? 'a device' : 'no regular file';
  return new Error(`it is ${what}: name a file`);
}

function tooLarge(maxBytes: number): Error {
  return new Error(`it is larger than ${maxBytes >> 20} MB, and no more is read: name the right file`);
}
