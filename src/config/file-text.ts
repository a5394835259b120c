// The bytes of a configuration file as text; what is no UTF-8 text is told as what it is.

/** Throws an error that says what the bytes are instead, and how they become text. Single bytes that are no UTF-8 stay (U+FFFD). */
export function textOf(bytes: Buffer, path: string): string {
  const utf16 = utf16Of(bytes);
  if (utf16 !== undefined) {
    throw new Error(
      `it is ${utf16.name}: save it as UTF-8, or convert it: iconv -f ${utf16.iconv} -t UTF-8 ${path} > new-file`,
    );
  }
  const nul = bytes.indexOf(0);
  if (nul === -1) return bytes.toString('utf8');
  const line = bytes.subarray(0, nul).filter((byte) => byte === 0x0a).length + 1;
  const count = bytes.filter((byte) => byte === 0).length;
  const many = count === 1 ? '' : ` (of ${count})`;
  throw new Error(
    `a NUL byte is in line ${line}${many}: it is no text, or was damaged; restore or correct it`,
  );
}

/** By its byte order mark, or by the NUL in every other byte that Latin letters have. */
function utf16Of(bytes: Buffer): { readonly name: string; readonly iconv: string } | undefined {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') return { name: 'UTF-16', iconv: 'UTF-16' };
  const start = bytes.subarray(0, 512);
  const nuls = (parity: number): number =>
    start.filter((byte, i) => byte === 0 && (i & 1) === parity).length / (start.length / 2);
  if (start.length < 4) return undefined;
  if (nuls(1) > 0.5 && nuls(0) < 0.1) return { name: 'UTF-16 without a byte order mark', iconv: 'UTF-16LE' };
  if (nuls(0) > 0.5 && nuls(1) < 0.1) return { name: 'UTF-16 without a byte order mark', iconv: 'UTF-16BE' };
  return undefined;
}
