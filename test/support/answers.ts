// Reads the answers on a client's connection, each framed by Content-Length or chunks. Throws when a byte is left over or missing.
export interface RawAnswer {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

/** `methods` of the requests in order (GET beyond), because an answer to HEAD has no body. */
export function readAnswers(text: string, methods: readonly string[] = []): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  while (rest !== '') {
    const head = /^HTTP\/1\.1 (\d{3}) ([^\r\n]*)\r\n((?:[^\r\n:]+: [^\r\n]*\r\n)*)\r\n/.exec(rest);
    if (head === null) throw new Error(`no answer begins here: ${JSON.stringify(rest.slice(0, 200))}`);
    const fields = new Map<string, string>();
    for (const line of head[3].split('\r\n').slice(0, -1)) {
      const colon = line.indexOf(':');
      fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
    }
    rest = rest.slice(head[0].length);
    const status = Number(head[1]);
    const bodyless = status < 200 || status === 204 || status === 304 || methods[finals(answers)] === 'HEAD';
    const { body, used } = bodyless ? { body: '', used: 0 } : readBody(rest, fields);
    rest = rest.slice(used);
    answers.push({ status, reason: head[2], fields, body });
  }
  return answers;
}

const finals = (answers: readonly RawAnswer[]): number =>
  answers.filter((answer) => answer.status >= 200).length;

function readBody(text: string, fields: ReadonlyMap<string, string>): { body: string; used: number } {
  const length = fields.get('content-length');
  if (length !== undefined) {
    if (text.length < Number(length)) throw new Error(`a body of ${length} bytes has only ${text.length}`);
    return { body: text.slice(0, Number(length)), used: Number(length) };
  }
  if (fields.get('transfer-encoding') !== 'chunked') return { body: text, used: text.length };
  let body = '';
  let at = 0;
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/.exec(text.slice(at, at + 20));
    if (size === null) throw new Error(`no chunk begins here: ${JSON.stringify(text.slice(at, at + 50))}`);
    at += size[0].length;
    const n = Number.parseInt(size[1], 16);
    if (n === 0) break;
    if (text.slice(at + n, at + n + 2) !== '\r\n') throw new Error('a chunk is cut short');
    body += text.slice(at, at + n);
    at += n + 2;
  }
  const trailers = /^(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(at));
  if (trailers === null) throw new Error('the last chunk has no end');
  return { body, used: at + trailers[0].length };
}
