// A uwsgi or SCGI app for comparisons: it keeps every byte that it got, and answers with them, or with what the request tells it to.
import type { Socket } from 'node:net';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

export type AppFamily = 'uwsgi' | 'scgi';

export interface AppPeer extends TestPeer {
  /** What came on each connection, since it was last asked. */
  taken(): readonly string[];
}

/** What a request tells the app to do: to answer with these bytes, then to close; `steps`: piece by piece. */
export function answerWith(answer: string, how: 'whole' | 'steps' | 'open' = 'whole'): string {
  return `X-Answer: ${how} ${Buffer.from(answer, 'latin1').toString('base64')}`;
}

export async function startAppPeer(family: AppFamily, startedBy?: typeof startRawUpstream): Promise<AppPeer> {
  let records: { text: string }[] = [];
  const start = startedBy ?? startRawUpstream;
  const peer = await start((socket) => {
    const record = { text: '' };
    records.push(record);
    let answered = false;
    socket.on('data', (chunk: Buffer) => {
      record.text += chunk.latin1Slice();
      if (answered || !isComplete(family, record.text)) return;
      answered = true;
      answer(socket, record.text);
    });
    socket.on('end', () => socket.end());
  });
  return {
    ...peer,
    taken() {
      const all = records.map(({ text }) => text);
      records = [];
      return all;
    },
  };
}

function isComplete(family: AppFamily, text: string): boolean {
  const behind = family === 'uwsgi' ? packetEnd(text) : netstringEnd(text);
  if (behind === 0) return false;
  // Its body is kept back.
  if (text.includes('/bare/')) return true;
  const length =
    family === 'uwsgi'
      ? /CONTENT_LENGTH([\s\S]{2})/.exec(text)
      : /(?:^|:)CONTENT_LENGTH\0(\d*)\0/.exec(text.slice(0, behind));
  return text.length >= behind + bodyLength(family, text, length);
}

function bodyLength(family: AppFamily, text: string, m: RegExpExecArray | null): number {
  if (m === null) return 0;
  if (family === 'scgi') return Number(m[1]);
  const at = m.index + m[0].length;
  return Number(text.slice(at, at + m[1].charCodeAt(0) + 256 * m[1].charCodeAt(1)));
}

function packetEnd(text: string): number {
  const end = text.length < 4 ? 0 : 4 + text.charCodeAt(1) + 256 * text.charCodeAt(2);
  return text.length < end ? 0 : end;
}

function netstringEnd(text: string): number {
  const m = /^(\d+):/.exec(text);
  const end = m === null ? 0 : m[0].length + Number(m[1]) + 1;
  return text.length < end ? 0 : end;
}

function answer(socket: Socket, text: string): void {
  const told = /X_ANSWER[\s\S]{1,2}?(whole|steps|open) ([A-Za-z0-9+/]*=*)/.exec(text);
  if (told === null) {
    const head = `Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n`;
    return void socket.end(head + text, 'latin1');
  }
  const bytes = Buffer.from(told[2], 'base64').latin1Slice();
  if (told[1] === 'whole') return void socket.end(bytes, 'latin1');
  if (told[1] === 'open') return void socket.write(bytes, 'latin1');
  const size = Math.max(1, Math.ceil(bytes.length / 40));
  const step = (at: number): void => {
    if (at >= bytes.length) return void socket.end();
    socket.write(bytes.slice(at, at + size), 'latin1');
    setImmediate(() => step(at + size));
  };
  step(0);
}
