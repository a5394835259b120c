// A uwsgi and an SCGI app for random configurations. As they may be promised a body that never comes (nginx does so for subrequests), what
// is there after a while is all.
import type { Socket } from 'node:net';
import { appAnswer, askedOf } from './app-answer.ts';
import { BODY_MS } from './peer.ts';

export type AppFamily = 'uwsgi' | 'scgi';

interface Head {
  readonly parameters: readonly string[];
  /** Where the body begins. */
  readonly end: number;
}

export function serveApp(
  family: AppFamily,
  socket: Socket,
  hear: (what: string) => void,
  origin: () => string,
): void {
  let got = Buffer.alloc(0);
  let timer: NodeJS.Timeout | undefined;
  let isAnswered = false;
  const answer = ({ parameters, end }: Head): void => {
    isAnswered = true;
    const asked = askedOf(family, parameters, got.subarray(end));
    hear(asked.text);
    const bytes = appAnswer(asked, origin());
    socket.end(bytes ?? '');
  };
  socket.on('data', (chunk: Buffer) => {
    clearTimeout(timer);
    got = Buffer.concat([got, chunk]);
    const head = isAnswered ? null : family === 'uwsgi' ? uwsgiHead(got) : scgiHead(got);
    if (head === null) return;
    const length = head.parameters.find((field) => field.startsWith('CONTENT_LENGTH='))?.slice(15) ?? '';
    if (got.length >= head.end + Number(length)) answer(head);
    else timer = setTimeout(() => answer(head), BODY_MS);
  });
  socket.on('end', () => socket.end());
  socket.on('close', () => clearTimeout(timer));
}

function uwsgiHead(bytes: Buffer): Head | null {
  const end = bytes.length < 4 ? Infinity : 4 + bytes.readUInt16LE(1);
  if (bytes.length < end) return null;
  const parameters: string[] = [];
  let at = 4;
  const word = (): string => {
    const from = at + 2;
    at = from + bytes.readUInt16LE(at);
    return bytes.latin1Slice(from, at);
  };
  while (at < end) parameters.push(`${word()}=${word()}`);
  return { parameters, end };
}

function scgiHead(bytes: Buffer): Head | null {
  const colon = bytes.indexOf(':');
  const end = colon < 0 ? Infinity : colon + 1 + Number(bytes.latin1Slice(0, colon)) + 1;
  if (bytes.length < end) return null;
  const words = bytes.latin1Slice(colon + 1, end - 1).split('\0');
  const parameters: string[] = [];
  for (let i = 0; i + 1 < words.length; i += 2) parameters.push(`${words[i]}=${words[i + 1]}`);
  return { parameters, end };
}
