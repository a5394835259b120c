// Where two programs answered differently, as texts to read.
import { gunzipSync } from 'node:zlib';
import { type Answer, field } from '../support/wire.ts';
import type { Request } from './requests.ts';

export interface Side {
  readonly name: 'nginx' | 'lbproxy';
  readonly answers: ReadonlyMap<string, Answer>;
  /** What the app was asked, by the requests' ids. */
  readonly seen: ReadonlyMap<string, readonly string[]>;
}

/** nginx writes these in front of all others, whatever came first. */
const IN_FRONT =
  /^(?:server|date|content-type|content-length|last-modified|location|transfer-encoding|connection|keep-alive)$/i;

/** One text for each request that differs. */
export function differencesOf(requests: readonly Request[], nginx: Side, lbproxy: Side): string[] {
  const texts: string[] = [];
  for (const request of requests) {
    const [theirs, ours] = [linesOf(request, nginx), linesOf(request, lbproxy)];
    const missing = theirs.filter((line) => !ours.includes(line)).map((line) => `  nginx:   ${line}`);
    const added = ours.filter((line) => !theirs.includes(line)).map((line) => `  lbproxy: ${line}`);
    if (missing.length + added.length === 0 && theirs.length === ours.length) continue;
    const head = request.head.replace(/(\w)\1{200,}/g, '$1…').trim();
    texts.push(
      [
        `${request.isTls ? 'https ' : ''}${head}`,
        `(${request.body.length} bytes)`,
        ...missing,
        ...added,
      ].join('\n'),
    );
  }
  return texts;
}

function linesOf({ id }: Request, side: Side): string[] {
  const exchanged = side.answers.get(id);
  if (exchanged === undefined) return ['not asked'];
  const answer = exchanged;
  const { statusLine, fields, framing, body } = unsigned(answer);
  const date = Date.parse(field(answer, 'date'));
  const order = answer.fields.map(([name]) => name).filter((name) => !IN_FRONT.test(name));
  return [
    `status ${statusLine}`,
    ...fields.map(([name, value]) => `field ${name}: ${sinceDate(name, value, date)}`),
    `order ${order.join(' ')}`,
    `framing ${framing}`,
    `body ${body.length > 600 ? `${body.length} bytes, ${body.slice(0, 600)}` : body}`,
    `end ${body.slice(-100)}`,
    // A kept connection may end while a request is on its way: that is asked again.
    ...[...new Set(side.seen.get(id))].map((seen) => `app saw ${seen}`),
  ];
}

/** Without what names a program: pages are signed as the field Server is, with the version or without, and each makes its own boundaries. */
function unsigned(answer: Answer): Answer {
  const server = field(answer, 'server');
  const isOwn = /^(?:nginx|lbproxy)(?:\/[\d.]+)?$/.test(server);
  const isStatus = answer.body.startsWith('Active connections: ');
  const boundary = /boundary=(\d+)/.exec(field(answer, 'content-type'))?.[1] ?? '\0';
  const told = plainBody(answer).replaceAll(boundary, 'BOUNDARY');
  // How many connections there are is a matter of the moment.
  const text = isStatus ? told.replace(/\d+/g, 'N') : told;
  const signature = `<hr><center>${server}</center>`;
  const isPage = isOwn && (text.includes(signature) || isPageWithoutBody(answer));
  const valueOf = (name: string, value: string): string => {
    if (name === 'Server' && isOwn) return value.includes('/') ? 'PROGRAM/VERSION' : 'PROGRAM';
    if (name === 'Content-Length' && isStatus) return 'of numbers';
    if (name === 'Content-Length' && isPage) return `${Number(value) - server.length} and a signature`;
    return value.replaceAll(boundary, 'BOUNDARY');
  };
  const fields = answer.fields.map(([name, value]): [string, string] => [name, valueOf(name, value)]);
  return {
    ...answer,
    fields: fields.filter(([name]) => name !== 'Date'),
    body: isOwn ? text.replaceAll(signature, '<hr><center>SIGNATURE</center>') : text,
  };
}

/** No file of the site, and nothing of the app with such a status, is as long as a page. */
function isPageWithoutBody(answer: Answer): boolean {
  const length = Number(field(answer, 'content-length'));
  return (
    answer.framing === 'none' &&
    answer.status >= 300 &&
    field(answer, 'content-type') === 'text/html' &&
    length > 100
  );
}

/** Two implementations of deflate write different bytes. */
function plainBody({ fields, body }: Answer): string {
  if (!fields.some(([name, value]) => name === 'Content-Encoding' && value === 'gzip')) return body;
  try {
    return `gzip of ${gunzipSync(Buffer.from(body, 'latin1')).latin1Slice()}`;
  } catch {
    return body;
  }
}

/** A time to come is counted from Date, which may be of the next second: the two do not answer at once. */
function sinceDate(name: string, value: string, date: number): string {
  const seconds = name === 'Expires' ? (Date.parse(value) - date) / 1000 : Number.NaN;
  return seconds > -2 && seconds < 3.3e8 ? `about ${Math.round(seconds / 10)}0 s later` : value;
}
