// One character of utf-8, read as nginx reads it (ngx_utf8_decode): what is none takes as many bytes as nginx takes for it. Pure.

/** More bytes are needed. */
export const INCOMPLETE = 0xfffffffe;
/** No character. */
export const INVALID = 0xffffffff;
/** The last code that a table knows. */
export const CODE_LIMIT = 0xffff;
export const LAST_CODE = 0x10ffff;

/** How many bytes the last character took. */
export let taken = 0;

/** The code of the character at `buf[at]`, a byte from 0x80 on. */
export function decodeUtf8(buf: Buffer, at: number, to: number): number {
  const first = buf[at];
  taken = 1;
  if (first < 0xc2) return INVALID;
  const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (to - at <= more) return INCOMPLETE;
  let code = first & (0x3f >> more);
  for (let i = 1; i <= more; i++) {
    const byte = buf[at + i];
    taken++;
    if (byte < 0x80) return INVALID;
    code = (code << 6) | (byte & 0x3f);
  }
  return code > SHORTER[more] ? code : INVALID;
}

/** What fewer bytes hold. */
const SHORTER = [0, 0x7f, 0x7ff, 0xffff];
