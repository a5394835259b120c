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
    return { head, end: endOfChunks(text, size) };
  }
  const end = size + Number(/\r\ncontent-length: *(\d+)\r/i.exec(head)?.[1] ?? 0);
  return { head, end: text.length < end ? -1 : end };
}

/** Behind the last chunk and its trailers; −1 while that is not there. What is no chunk ends the text: it is no request behind it either. */
function endOfChunks(text: string, from: number): number {
  for (let at = from; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return -1;
    const size = /^([0-9A-Fa-f]{1,8})(?:;[^\r\n]*)?$/.exec(text.slice(at, lineEnd))?.[1];
    if (size === undefined) return at;
    const data = lineEnd + 2;
    const length = Number.parseInt(size, 16);
    if (length === 0) {
      const trailers = /^(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(data));
      return trailers === null ? -1 : data + trailers[0].length;
    }
    at = data + length + 2;
    if (at > text.length) return -1;
  }
}
