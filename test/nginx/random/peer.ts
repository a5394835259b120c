// The peers of random configurations: their answer is chosen by a number in the target or in X-Kind, and they remember what they were
// asked. One speaks HTTP, one HTTP over TLS, three FastCGI, uwsgi and SCGI, and one hears the copies that mirror makes.
import type { Socket } from 'node:net';
import { type Asked, takeAsked } from '../../support/asked-request.ts';
import { startTlsPeer } from '../../support/tls-peer.ts';
import { startRawUpstream, type TestPeer } from '../../support/upstream.ts';
import { ANSWERS, KINDS, type Told } from './answers.ts';
import { type AppFamily, serveApp } from './app-peers.ts';
import { serveFastcgi } from './fastcgi-peer.ts';

export interface RecordingPeer extends TestPeer {
  /** All its addresses, by their placeholders. */
  readonly places: Readonly<Record<string, string>>;
  /** What came since the last call, each request as a text. */
  takeSeen(): string[];
  /** Of the copies. */
  takeCopies(): string[];
}

type Hear = (what: string) => void;

/** `certificate`: of the peer that speaks TLS. */
export async function startRecordingPeer(certificate: {
  readonly certificate: string;
  readonly key: string;
}): Promise<RecordingPeer> {
  let seen: string[] = [];
  let copied: string[] = [];
  const hear = (what: string): void => void seen.push(what);
  const peer = await startRawUpstream((socket) => converse(socket, hear, () => `http://${peer.address}`));
  const tls = await startTlsPeer(certificate, {
    serve: (socket) => converse(socket, hear, () => `https://${tls.address}`),
  });
  const app = await startRawUpstream((socket) => serveFastcgi(socket, hear, () => `http://${app.address}`));
  const startApp = async (family: AppFamily): Promise<TestPeer> => {
    const app = await startRawUpstream((socket) =>
      serveApp(family, socket, hear, () => `http://${app.address}`),
    );
    return app;
  };
  const [uwsgi, scgi] = [await startApp('uwsgi'), await startApp('scgi')];
  const copies = await startRawUpstream((socket) =>
    converse(
      socket,
      (what) => void copied.push(what),
      () => '',
    ),
  );
  return {
    ...peer,
    places: {
      ...{ peer: peer.address, tls: tls.address, copies: copies.address },
      ...{ app: app.address, uwsgi: uwsgi.address, scgi: scgi.address },
    },
    async close() {
      await Promise.all([peer, tls, app, uwsgi, scgi, copies].map((one) => one.close()));
    },
    takeSeen() {
      const taken = seen;
      seen = [];
      return taken;
    },
    takeCopies() {
      const taken = copied;
      copied = [];
      return taken;
    },
  };
}

/** nginx tells the peer of a subrequest the length of a body that never comes: after this the rest is not waited for. */
export const BODY_MS = 300;

function converse(socket: Socket, hear: Hear, origin: () => string): void {
  let got = '';
  let timer: NodeJS.Timeout | undefined;
  const go = (asked: Asked): void => {
    hear(describe(asked));
    answer(socket, asked, origin());
  };
  socket.on('data', (chunk: Buffer) => {
    clearTimeout(timer);
    got += chunk.latin1Slice();
    for (let taken = takeAsked(got); taken !== null; taken = takeAsked(got)) {
      got = got.slice(taken.end);
      go(taken.asked);
    }
    if (got !== '') timer = setTimeout(giveUp, BODY_MS);
  });
  const giveUp = (): void => {
    const [line, ...fields] = got.slice(0, got.indexOf('\r\n\r\n')).split('\r\n');
    go({ line, fields: fields.filter((f) => !/^content-length:/i.test(f)), body: '' });
    socket.end();
  };
  socket.on('end', () => socket.end());
  socket.on('close', () => clearTimeout(timer));
}

/** Connection is each proxy's own; of a body that is not sent nginx tells the length 0 more often. */
function describe({ line, fields, body }: Asked): string {
  return [line, ...fields.filter((f) => !/^connection:/i.test(f)), '', body].join('\n');
}

/** Which answer is asked for, by the target or else by a field. */
export function kindOf(target: string, fields: readonly string[]): number {
  const told = /\bk(\d+)\b/.exec(target) ?? /(?:^|\n)(?:HTTP_)?X[-_]Kind[:=] *(\d+)/i.exec(fields.join('\n'));
  return told === null ? 0 : Number(told[1]) % KINDS;
}

function answer(socket: Socket, asked: Asked, origin: string): void {
  const kind = origin === '' ? 0 : kindOf(asked.line, asked.fields);
  if (kind > ANSWERS.length) {
    socket.end('HTTP/1.1 200 OK\r\nno name\r\n\r\n');
    return;
  }
  const echo = describe({ ...asked, fields: [...asked.fields].sort() });
  const told: Told = kind === 0 ? { fields: ['Content-Type: text/plain'], body: echo } : ANSWERS[kind - 1];
  const { status = '200 OK', fields = [], body = '', framing = 'length' } = told;
  const old = asked.line.endsWith('HTTP/1.0');
  const bodyless = asked.line.startsWith('HEAD ') || /^(?:204|304)/.test(status);
  const lines = [`HTTP/1.1 ${status}`, ...fields.map((f) => f.replaceAll('http://PEER', origin))];
  const chunked = framing === 'chunked' && !old;
  if (chunked) lines.push('Transfer-Encoding: chunked');
  else if (framing !== 'close' && !/^(?:204|304)/.test(status)) lines.push(`Content-Length: ${body.length}`);
  const ends = old || framing === 'close';
  if (ends) lines.push('Connection: close');
  socket.write(`${lines.join('\r\n')}\r\n\r\n${bodyless ? '' : chunked ? inChunks(body) : body}`, 'latin1');
  if (ends) socket.end();
}

function inChunks(body: string): string {
  const middle = body.length >> 1;
  return `${[body.slice(0, 7), body.slice(7, middle), body.slice(middle)].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
}
