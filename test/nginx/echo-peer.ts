// A peer that tells what it got: the request line, the fields in alphabetical order, the body. Or it answers what it is told to.
import type { Socket } from 'node:net';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

/** A field that makes the peer answer with these bytes instead. */
export function answerWith(answer: string): string {
  return `X-Answer: ${Buffer.from(answer, 'latin1').toString('base64')}`;
}

/** Fields that the two proxies are known to write differently towards peers are left out: Connection. */
export function startEchoPeer(): Promise<TestPeer> {
  return startRawUpstream((socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.latin1Slice();
      const taken = takeRequest(text);
      if (taken === null) return;
      text = '';
      answer(socket, taken.head, taken.body);
    });
    socket.on('end', () => socket.end());
  });
}

function takeRequest(text: string): { head: string; body: string } | null {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  const length = Number(/\r\nContent-Length: *(\d+)/i.exec(head)?.[1] ?? 0);
  if (/\r\nTransfer-Encoding: *chunked/i.test(head))
    return body.endsWith('0\r\n\r\n') ? { head, body } : null;
  return body.length < length ? null : { head, body };
}

function answer(socket: Socket, head: string, body: string): void {
  const [line, ...fields] = head.split('\r\n');
  const close = /\r\nConnection: *close/i.test(head) || line.endsWith('HTTP/1.0');
  const told = /\r\nX-Answer: *(\S+)/i.exec(head)?.[1];
  const kept = fields.filter((f) => !/^(?:connection|x-answer):/i.test(f)).sort();
  const seen = [line, ...kept, '', body].join('\n');
  const bytes =
    told === undefined
      ? `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${seen.length}\r\n\r\n${seen}`
      : Buffer.from(told, 'base64').latin1Slice();
  if (close || told !== undefined) socket.end(bytes, 'latin1');
  else socket.write(bytes, 'latin1');
}
