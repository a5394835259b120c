// A request as a peer reads it: its first line, its fields and its body, framed by Content-Length or chunks. Bytes as latin1.
export interface Asked {
  readonly line: string;
  readonly fields: readonly string[];
  readonly body: string;
}

/** The first request of the text and where it ends; null while it is not complete. */
export function takeAsked(got: string): { readonly asked: Asked; readonly end: number } | null {
  const headEnd = got.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const [line, ...fields] = got.slice(0, headEnd).split('\r\n');
  const start = headEnd + 4;
  if (fields.some((f) => /^transfer-encoding: *chunked/i.test(f))) {
    let body = '';
    for (let p = start; ; ) {
      const eol = got.indexOf('\r\n', p);
      if (eol < 0) return null;
      const size = Number.parseInt(got.slice(p, eol), 16);
      p = eol + 2 + size + 2;
      if (got.length < p) return null;
      if (size === 0) return { asked: { line, fields, body }, end: p };
      body += got.slice(eol + 2, p - 2);
    }
  }
  const length = Number(fields.map((f) => /^content-length: *(\d+)/i.exec(f)?.[1]).find(Boolean) ?? 0);
  const end = start + length;
  return got.length < end ? null : { asked: { line, fields, body: got.slice(start, end) }, end };
}
