// A request as the program must write it to peers: strict, whatever the client had said.
const HEAD =
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~\x80-\xff]+ HTTP\/1\.[01]\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[^\r\n\0]*\r\n)*\r\n/;

export interface SeenRequest {
  /** With the empty line; '' when it is no head. */
  readonly head: string;
  /** Where the request ends; −1 while its body is not complete. */
  readonly end: number;
}

/** The first request of the text; null while its head is not complete. */
export function readRequest(text: string): SeenRequest | null {
  const size = text.indexOf('\r\n\r\n') + 4;
  if (size < 4) return null;
  const head = text.slice(0, size);
  if (!HEAD.test(head)) return { head: '', end: text.length };
  if (/\r\ntransfer-encoding: *chunked\r/i.test(head)) {
    const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(size));
    return { head, end: last === null ? -1 : size + last.index + last[0].length };
  }
  const end = size + Number(/\r\ncontent-length: *(\d+)\r/i.exec(head)?.[1] ?? 0);
  return { head, end: text.length < end ? -1 : end };
}
