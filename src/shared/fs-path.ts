// From paths of the road to paths of the file system.
/** A path of bytes as latin1 as the file system takes it: the bytes, or the string itself where they are the same. */
export function toFsPath(path: string): string | Buffer {
  return /^[\x00-\x7f]*$/.test(path) ? path : Buffer.from(path, 'latin1');
}
