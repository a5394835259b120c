// Sends a request again as it came, or as somebody changed it: to the address that it came to, or to one of its peers as that got it.
import type http from 'node:http';
import type https from 'node:https';
import { nodeHttp, nodeHttps } from '../shared/node-parts.ts';
import { type ShownBody, shownBody } from './body-text.ts';
import type { Masks } from './masks.ts';
import { type Record, SHOWN_BYTES } from './record.ts';
import { textOf } from './view.ts';

export interface ReplayWish {
  /** '' = where it came to; else a peer that it went to, as its attempts name it. */
  readonly to: string;
  /** The head to send, latin1, masks may stand in it; '' = as it was. Lines end in CRLF or LF. */
  readonly head: string;
  /** null = the body that it had. */
  readonly body: Buffer | null;
}

export interface Replayed {
  readonly status: number;
  readonly ms: number;
  /** latin1. */
  readonly head: string;
  readonly body: ShownBody;
  /** Why there is no answer, or no whole one; '' = all is well. */
  readonly problem: string;
}

const LIMIT_MS = 60_000;

interface Destination {
  readonly secure: boolean;
  readonly where: { readonly host: string; readonly port: number } | { readonly socketPath: string };
}

/** Rejects with what is wrong with the wish; what `masks` hide is hidden in that and in the answer. */
export async function replay(record: Record, wish: ReplayWish, masks: Masks): Promise<Replayed> {
  const destination = wish.to === '' ? ownAddress(record) : peerAddress(record, wish.to);
  const last = record.attempts.findLastIndex(({ peer }) => textOf(peer) === wish.to);
  const original = wish.to === '' ? record.requestHead : record.peerHeads[last];
  if (original === undefined || original === '') throw new Error(`it did not go to ${wish.to} by HTTP`);
  const head = wish.head === '' ? original : masks.reveal(wish.head, original);
  const replayed = await send(destination, readHead(head, masks), wish.body ?? record.requestBody);
  return { ...replayed, head: masks.hide(replayed.head) };
}

function ownAddress({ secure, localAddress, localPort }: Record): Destination {
  if (localAddress.startsWith('unix:'))
    throw new Error('it came by a Unix socket: it can go to one of its peers only');
  return { secure, where: { host: localAddress, port: localPort } };
}

function peerAddress({ attempts, peerSecure: secure }: Record, peer: string): Destination {
  if (!attempts.some((attempt) => textOf(attempt.peer) === peer))
    throw new Error(`it did not go to "${peer}"`);
  if (peer.startsWith('unix:')) return { secure, where: { socketPath: peer.slice('unix:'.length) } };
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(peer) ?? [];
  if (host === undefined) throw new Error(`"${peer}" is no address`);
  return { secure, where: { host, port: Number(port) } };
}

interface Request {
  readonly method: string;
  readonly target: string;
  /** Names and values in turns, without framing. */
  readonly fields: string[];
  readonly host: string;
}

/** What frames a body, or belongs to a connection, is made anew. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|keep-alive|expect|te|trailer)$/i;

function readHead(head: string, masks: Masks): Request {
  const [first = '', ...lines] = head.replace(/(?:\r?\n)+$/, '').split(/\r?\n/);
  const [, method, target] = /^(\S+) (\S+) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined)
    throw new Error(`"${masks.hide(first)}" is no request line: METHOD /target HTTP/1.1`);
  const fields: string[] = [];
  let host = '';
  for (const line of lines) {
    const [, name, value] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`"${masks.hide(line)}" is no field: Name: value`);
    if (FRAMING.test(name)) continue;
    if (name.toLowerCase() === 'host') host = value;
    fields.push(name, value);
  }
  return { method, target, fields, host };
}

function send({ secure, where }: Destination, request: Request, body: Buffer | null): Promise<Replayed> {
  const startedAt = performance.now();
  const { method, target, fields, host } = request;
  const length = body === null ? [] : ['Content-Length', String(body.length)];
  const options: https.RequestOptions = {
    ...where,
    method,
    path: target,
    headers: [...fields, 'Connection', 'close', ...length] as unknown as http.OutgoingHttpHeaders,
    setDefaultHeaders: false,
    insecureHTTPParser: false,
    agent: false,
    signal: AbortSignal.timeout(LIMIT_MS),
    // Our own address, or a peer that the configuration names.
    ...(secure ? { rejectUnauthorized: false, servername: serverName(host) } : {}),
  };
  return new Promise((resolve, reject) => {
    const call = (secure ? nodeHttps() : nodeHttp()).request(options, (answer) => {
      const taking = new Taking(answer, startedAt, resolve);
      answer.on('data', (piece: Buffer) => taking.piece(piece));
      answer.on('end', () => taking.end(answer.complete ? '' : 'the answer ended early'));
      answer.on('error', (error) => taking.end(error.message));
    });
    call.on('error', (error) => reject(new Error(`no answer: ${error.message}`)));
    call.end(body ?? undefined);
  });
}

/** SNI has names only. */
function serverName(host: string): string {
  const name = host.replace(/:\d+$/, '');
  return /^[\d.]+$|^\[/.test(name) ? '' : name;
}

class Taking {
  readonly #answer: http.IncomingMessage;
  readonly #startedAt: number;
  readonly #resolve: (replayed: Replayed) => void;
  readonly #pieces: Buffer[] = [];
  #kept = 0;
  #length = 0;

  constructor(answer: http.IncomingMessage, startedAt: number, resolve: (replayed: Replayed) => void) {
    this.#answer = answer;
    this.#startedAt = startedAt;
    this.#resolve = resolve;
  }

  piece(piece: Buffer): void {
    this.#length += piece.length;
    const left = SHOWN_BYTES - this.#kept;
    if (left <= 0) return;
    this.#pieces.push(piece.subarray(0, left));
    this.#kept += Math.min(left, piece.length);
  }

  end(problem: string): void {
    const { statusCode = 0, statusMessage = '', rawHeaders } = this.#answer;
    let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
    for (let i = 0; i < rawHeaders.length; i += 2) head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
    this.#resolve({
      status: statusCode,
      ms: Math.round((performance.now() - this.#startedAt) * 1000) / 1000,
      head: `${head}\r\n`,
      body: shownBody(head, Buffer.concat(this.#pieces), this.#length),
      problem,
    });
  }
}
