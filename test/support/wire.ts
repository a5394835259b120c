// The kit's client for one exchange in bytes: sends a request as it stands and reads one whole answer, however it is framed.
import { connect, type Socket } from 'node:net';

export interface Answer {
  /** Without line end; '' when the connection closed without an answer. */
  readonly statusLine: string;
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Bytes as latin1, chunks put together. */
  readonly body: string;
  /** What ended the body; `cut` = the connection did, before the framing was complete. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close' | 'cut';
  /** Status lines of interim answers. */
  readonly interim: readonly string[];
}

export interface WireOptions {
  /** Address of this machine to come from. */
  readonly localAddress?: string;
  readonly host?: string;
  /** Makes the connection, for TLS. */
  readonly socket?: Socket;
  readonly timeoutMs?: number;
  /** Also waits for the other side's end: what it counts as under way is over then. */
  readonly untilClosed?: boolean;
}

/** The first field of this name (lower case), '' without. */
export function field(answer: Answer, name: string): string {
  return answer.fields.find(([n]) => n.toLowerCase() === name)?.[1] ?? '';
}

/** Rejects when no whole answer came in time; a closed connection is an answer that says so. */
export function exchangeOnce(
  port: number,
  request: string | Buffer,
  options: WireOptions = {},
): Promise<Answer> {
  const head = Buffer.isBuffer(request) ? request.latin1Slice(0, 8) : request;
  const isHead = head.startsWith('HEAD ');
  return new Promise((resolve, reject) => {
    let text = '';
    let wantedBytes = 0;
    const { host = '127.0.0.1', localAddress } = options;
    const socket = options.socket ?? connect({ port, host, localAddress });
    const settle = (ended: boolean): void => {
      const answer = readAnswer(text, isHead, ended);
      if (answer === null) {
        wantedBytes = isHead ? 0 : wholeBytes(text);
        return;
      }
      socket.destroy();
      resolve(answer);
    };
    socket.setNoDelay(true);
    socket.write(typeof request === 'string' ? Buffer.from(request, 'latin1') : request);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.latin1Slice();
      if (text.length >= wantedBytes && options.untilClosed !== true) settle(false);
    });
    const timeoutMs = options.timeoutMs ?? 8000;
    const what = JSON.stringify(head.slice(0, 120));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no whole answer to ${what}: ${text}`)));
    socket.on('end', () => settle(true));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') settle(true);
      else reject(error);
    });
    socket.on('close', () => settle(true));
  });
}

/** The answer at the beginning of `text`; null while more has to come. */
export function readAnswer(text: string, isHead: boolean, ended: boolean): Answer | null {
  const interim: string[] = [];
  for (let start = 0; ; ) {
    const end = text.indexOf('\r\n\r\n', start);
    if (end < 0) return ended ? cut(text.slice(start), interim) : null;
    const [statusLine, ...lines] = text.slice(start, end).split('\r\n');
    const status = Number(statusLine.split(' ')[1]);
    if (status >= 100 && status < 200 && status !== 101) {
      interim.push(statusLine);
      start = end + 4;
      continue;
    }
    const fields = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const head = { statusLine, status, fields, interim };
    if (isHead || status === 204 || status === 304 || status === 101)
      return { ...head, body: '', framing: 'none' };
    const body = readBody(head, text.slice(end + 4), ended);
    return body === null ? null : { ...head, ...body };
  }
}

/** How long a text is that has the whole answer; 0 where its head does not tell. Large ones are not read again with each piece. */
function wholeBytes(text: string): number {
  const end = text.indexOf('\r\n\r\n');
  const length = /\r\nContent-Length: *(\d+)\r\n/i.exec(text.slice(0, end + 2))?.[1];
  return end < 0 || length === undefined ? 0 : end + 4 + Number(length);
}

function cut(body: string, interim: readonly string[]): Answer {
  return { statusLine: '', status: 0, fields: [], body, framing: 'cut', interim };
}

function readBody(
  head: Pick<Answer, 'fields'>,
  rest: string,
  ended: boolean,
): Pick<Answer, 'body' | 'framing'> | null {
  const value = (name: string): string | undefined =>
    head.fields.find(([n]) => n.toLowerCase() === name)?.[1];
  const length = value('content-length');
  if (value('transfer-encoding') === 'chunked') {
    const body = dechunk(rest);
    if (body !== null) return { body, framing: 'chunked' };
  } else if (length === undefined) {
    return ended ? { body: rest, framing: 'close' } : null;
  } else if (rest.length >= Number(length)) {
    return { body: rest, framing: 'length' };
  }
  return ended ? { body: rest, framing: 'cut' } : null;
}

/** The body of complete chunks, or null. */
function dechunk(text: string): string | null {
  let body = '';
  for (let p = 0; ; ) {
    const line = text.indexOf('\r\n', p);
    if (line < 0) return null;
    const size = Number.parseInt(text.slice(p, line), 16);
    if (size === 0) return text.endsWith('\r\n\r\n') ? body : null;
    if (text.length < line + 2 + size + 2) return null;
    body += text.slice(line + 2, line + 2 + size);
    p = line + 2 + size + 2;
  }
}
