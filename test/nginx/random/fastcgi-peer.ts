// A FastCGI app for random configurations: it answers as the HTTP peer does, and remembers its parameters.
import type { Socket } from 'node:net';
import { appAnswer, askedOf } from './app-answer.ts';

const [END, PARAMS, STDIN, STDOUT] = [3, 4, 5, 6];
const HEAD_BYTES = 8;

export function serveFastcgi(socket: Socket, hear: (what: string) => void, origin: () => string): void {
  let got = Buffer.alloc(0);
  let params: Buffer[] = [];
  let body: Buffer[] = [];
  let keeps = false;
  const onRecord = (type: number, content: Buffer): void => {
    if (type === 1) keeps = (content[2] & 1) === 1;
    else if (type === PARAMS) params.push(content);
    else if (type === STDIN && content.length > 0) body.push(content);
    else if (type === STDIN) {
      const asked = askedOf('FastCGI', parametersOf(Buffer.concat(params)), Buffer.concat(body));
      [params, body] = [[], []];
      hear(asked.text);
      answer(socket, appAnswer(asked, origin()), keeps);
    }
  };
  socket.on('data', (chunk: Buffer) => {
    got = Buffer.concat([got, chunk]);
    while (got.length >= HEAD_BYTES) {
      const length = got.readUInt16BE(4);
      const end = HEAD_BYTES + length + got[6];
      if (got.length < end) return;
      const [type, content] = [got[1], got.subarray(HEAD_BYTES, HEAD_BYTES + length)];
      got = got.subarray(end);
      onRecord(type, content);
    }
  });
  socket.on('end', () => socket.end());
}

function parametersOf(bytes: Buffer): string[] {
  const found: string[] = [];
  let at = 0;
  const length = (): number => {
    if (bytes[at] < 128) return bytes[at++];
    at += 4;
    return bytes.readUInt32BE(at - 4) & 0x7fffffff;
  };
  while (at < bytes.length) {
    const [name, value] = [length(), length()];
    found.push(`${bytes.latin1Slice(at, at + name)}=${bytes.latin1Slice(at + name, at + name + value)}`);
    at += name + value;
  }
  return found;
}

function answer(socket: Socket, bytes: Buffer | null, keeps: boolean): void {
  if (bytes === null) return void socket.end();
  for (let at = 0; at < bytes.length; at += 30_000)
    socket.write(record(STDOUT, bytes.subarray(at, at + 30_000)));
  socket.write(Buffer.concat([record(STDOUT, Buffer.alloc(0)), record(END, Buffer.alloc(8))]));
  if (!keeps) socket.end();
}

function record(type: number, content: Buffer): Buffer {
  const head = Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([head, content]);
}
