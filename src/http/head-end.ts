// Where a head ends, before anything of it is read.

/** Two empty lines before a request are tolerated (RFC 9112 §2.2); a bare CR is none. */
export function skipEmptyLines(buf: Buffer, start: number, end: number): number {
  let p = start;
  for (let lines = 0; lines < 2 && p < end; lines++) {
    if (buf[p] === 10) p++;
    else if (buf[p] === 13 && p + 1 < end && buf[p + 1] === 10) p += 2;
    else break;
  }
  return p;
}

/** Beyond, what was read may be many requests in a row: each would copy all that is behind it. */
const USUAL_READ_BYTES = 4096;

/**
 * What was read is a head to its last byte: nearly every request without a body, told without a search. Where an earlier empty line
 * ends the head, the fields say so.
 */
export function endsInEmptyLine(buf: Buffer, start: number, end: number): boolean {
  return (
    end - start >= 4 &&
    end - start <= USUAL_READ_BYTES &&
    buf[end - 1] === 10 &&
    buf[end - 2] === 13 &&
    buf[end - 3] === 10 &&
    buf[end - 4] === 13
  );
}

/** Beyond, Node's own search is faster, whose call has a price of its own. */
const NEAR_BYTES = 512;

/** The offset behind the first CRLF CRLF of `buf[start, end)`, 0 where none is near. Of four bytes one is looked at. */
export function nearEnd(buf: Buffer, start: number, end: number): number {
  const to = Math.min(end, start + NEAR_BYTES);
  for (let p = start + 3; p < to; ) {
    const c = buf[p];
    if (c > 13) p += 4;
    else if (c === 13) p++;
    else if (c !== 10) p += 4;
    else if (buf[p - 1] === 13 && buf[p - 2] === 10 && buf[p - 3] === 13) return p + 1;
    else p += 2;
  }
  return 0;
}

/** Bytes up to and including the first empty line of `buf[start, end)`, or 0. */
export function findHeadEnd(buf: Buffer, start: number, end: number, scanned: number): number {
  const from = start + Math.max(0, scanned - 3);
  // What lies behind the head may be many heads more: it is not searched for each of them.
  for (let size = FIRST_SEARCH_BYTES; ; size *= 2) {
    const to = Math.min(from + size, end);
    const view = to === buf.length ? buf : buf.subarray(0, to);
    const after = firstEmptyLine(view, from);
    if (after > 0) return after - start;
    if (to === end) return 0;
  }
}

/** Nearly all heads end within. */
const FIRST_SEARCH_BYTES = 4096;

/** Offset behind the first empty line from `from` on, or 0. Where CRLF ends one the fields may find an earlier one. */
function firstEmptyLine(view: Buffer, from: number): number {
  const crlf = view.indexOf('\r\n\r\n', from, 'latin1');
  if (crlf >= 0) return crlf + 4;
  // Of these there may be many heads in what was read: line by line, no more is looked at than one.
  for (let lf = view.indexOf(10, from); lf >= 0; lf = view.indexOf(10, lf + 1)) {
    const next = view[lf + 1];
    if (next === 10) return lf + 2;
    if (next === 13 && view[lf + 2] === 10) return lf + 3;
  }
  return 0;
}
