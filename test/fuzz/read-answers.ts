// Whether bytes are answers of HTTP/1.1, one behind the other, and nothing else. Strict in all but where they may end.
import { fail } from './target.ts';

export interface SeenAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** All of it is there, as far as its framing tells. */
  readonly whole: boolean;
}

const HEAD = /HTTP\/1\.1 (\d{3}) [^\r\n\0]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)*)\r\n/y;
const BODYLESS = /^(?:1..|204|304)$/;
const START = 'HTTP/1.1 ';

/**
 * `hasHead` tells that requests among those answered may have been HEAD: their answers have lengths and no bodies. What follows a 101
 * is the body of that answer.
 */
export function readAnswers(text: string, hasHead: boolean): SeenAnswer[] {
  const answers: SeenAnswer[] = [];
  for (let at = 0; at < text.length; ) {
    HEAD.lastIndex = at;
    const found = HEAD.exec(text);
    if (found === null) {
      const rest = text.slice(at, at + 200);
      const isBeginning = rest.startsWith(START) ? !text.includes('\r\n\r\n', at) : START.startsWith(rest);
      if (!isBeginning) fail(`no answer begins here: ${JSON.stringify(rest)}`);
      answers.push({ status: 0, head: rest, body: '', whole: false });
      break;
    }
    const [head, code, fields] = found;
    const status = Number(code);
    if (BODYLESS.test(code) && /(?:^|\n)transfer-encoding:/i.test(fields))
      fail(`a Transfer-Encoding of no body: ${JSON.stringify(head)}`);
    at += head.length;
    const { body, used, whole } = readBody(text, at, { status, fields, hasHead });
    at += used;
    answers.push({ status, head, body, whole });
  }
  return answers;
}

interface Framed {
  readonly status: number;
  readonly fields: string;
  readonly hasHead: boolean;
}

function readBody(text: string, at: number, { status, fields, hasHead }: Framed) {
  if (status === 101) return { body: text.slice(at), used: text.length - at, whole: true };
  const none = { body: '', used: 0, whole: true };
  if (status < 200 || status === 204 || status === 304) return none;
  if (hasHead && (at === text.length || text.startsWith(START, at))) return none;
  const length = /(?:^|\n)content-length: *(\d+)\r/i.exec(fields);
  if (length !== null) {
    const body = text.slice(at, at + Number(length[1]));
    return { body, used: body.length, whole: body.length === Number(length[1]) };
  }
  if (/(?:^|\n)transfer-encoding: *chunked\r/i.test(fields)) return readChunks(text, at);
  return { body: text.slice(at), used: text.length - at, whole: false };
}

const CHUNK = /([0-9a-f]{1,16})\r\n/iy;

function readChunks(text: string, from: number) {
  let body = '';
  let at = from;
  const cut = { used: text.length - from, whole: false };
  for (;;) {
    CHUNK.lastIndex = at;
    const size = CHUNK.exec(text);
    if (size === null) {
      const rest = text.slice(at, at + 18);
      if (!/^[0-9a-f]*\r?$/i.test(rest)) fail(`no chunk begins here: ${JSON.stringify(rest)}`);
      return { ...cut, body };
    }
    at += size[0].length;
    const bytes = Number.parseInt(size[1], 16);
    if (bytes === 0) break;
    body += text.slice(at, at + bytes);
    const end = text.slice(at + bytes, at + bytes + 2);
    if (!'\r\n'.startsWith(end)) fail(`a chunk ends with ${JSON.stringify(end)}`);
    if (end !== '\r\n') return { ...cut, body };
    at += bytes + 2;
  }
  const end = text.indexOf('\r\n', at) === at ? at + 2 : text.indexOf('\r\n\r\n', at) + 4;
  if (end < 4) return { ...cut, body };
  return { body, used: end - from, whole: true };
}
