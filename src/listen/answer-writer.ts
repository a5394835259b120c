// Writes answers to a client's socket: status line, our own fields, framing. Head and a small body go out in one write.
import type { Exchange } from '../exchange/exchange.ts';
import { chunkHeader, lastChunk } from '../http/chunked.ts';
import { reasonOf, statusLine } from '../http/status.ts';
import { ownText, READ_BYTES } from '../shared/buffers.ts';
import { httpDate, lastReadingMs } from '../shared/clock.ts';
import { wheel } from '../shared/timer-wheel.ts';
import type { ByteSocket } from '../socket/byte-socket.ts';
import { keptHead } from './kept-heads.ts';

const BODYLESS = (status: number): boolean => status === 204 || status === 304 || status < 200;

let dateUntilMs = 0;
let dateText = '';

/** Made once a second. The clock was read for this answer already; where none was it turns the wheel, or stands still and is read now. */
function dateLine(): string {
  const nowMs = Math.max(lastReadingMs, wheel.nowMs);
  if (nowMs >= dateUntilMs) {
    const epochMs = Date.now();
    dateUntilMs = nowMs + 1000 - (epochMs % 1000);
    dateText = `Date: ${httpDate(epochMs)}\r\n`;
  }
  return dateText;
}

/** Status line, Server and Date as nearly every answer of a second begins. */
class Beginning {
  readonly #status: number;
  #serverLine = '';
  #dateLine = '';
  #text = '';

  constructor(status: number) {
    this.#status = status;
  }

  of(serverLine: string): string {
    const date = dateLine();
    if (date !== this.#dateLine || serverLine !== this.#serverLine) {
      this.#dateLine = date;
      this.#serverLine = serverLine;
      this.#text = ownText(statusLine(this.#status) + serverLine + date);
    }
    return this.#text;
  }
}

const beginnings: Beginning[] = [];

/** Nothing in its beginning is the answer's own. */
function beginsAsUsual({ status, reason, ownServer, ownDate }: Exchange): boolean {
  return !ownServer && !ownDate && (reason === '' || reason === reasonOf(status));
}

function usualBeginning({ status, location }: Exchange): string {
  beginnings[status] ??= new Beginning(status);
  return beginnings[status].of(location.client.serverLine);
}

function beginningOf(exchange: Exchange): string {
  if (beginsAsUsual(exchange)) return usualBeginning(exchange);
  const { status, reason } = exchange;
  const { serverLine } = exchange.location.client;
  let text = reason === '' ? statusLine(status) : `HTTP/1.1 ${status} ${reason}\r\n`;
  if (!exchange.ownServer) text += serverLine;
  if (!exchange.ownDate) text += dateLine();
  return text;
}

/** Of heads that are longer nothing is kept. */
const MAX_HEAD_BYTES = 8192;

/** A body this small goes as text behind its head: cheaper than a copy of its bytes. */
const TEXT_BYTES = 1024;

/** How the present answer's body is framed; 'none' also for HEAD. */
type Framing = 'none' | 'length' | 'chunked' | 'until-close';

export class AnswerWriter {
  readonly #socket: ByteSocket;
  #framing: Framing = 'none';

  constructor(socket: ByteSocket) {
    this.#socket = socket;
  }

  /** Only the end of the connection ends the body: cut off it must look so. */
  get endsWithConnection(): boolean {
    return this.#framing === 'until-close';
  }

  informational(status: number, lines: string): void {
    this.#socket.writeText(`${statusLine(status)}${lines}\r\n`);
  }

  whole(exchange: Exchange, body: string | Buffer): void {
    const socket = this.#socket;
    const head = this.#head(exchange);
    if (this.#framing === 'none' || body.length === 0) return socket.writeText(head);
    exchange.bodyBytesSent += body.length;
    if (typeof body === 'string') socket.writeText(head + body);
    else if (body.length <= READ_BYTES) socket.writeFramed(head, body, 0, body.length, '');
    else {
      socket.writeText(head);
      socket.writeKept(body);
    }
  }

  start(exchange: Exchange, piece: Buffer | null, from: number, to: number, last: boolean): boolean {
    const socket = this.#socket;
    const kept = piece === null || from === to ? null : this.#keptHead(exchange);
    if (kept !== null && piece !== null) {
      exchange.bodyBytesSent += to - from;
      socket.writeFramed(kept, piece, from, to, '');
      return !socket.mustWait;
    }
    const head = this.#head(exchange);
    if (piece === null || from === to) {
      socket.writeText(last && this.#framing === 'chunked' ? head + lastChunk('') : head);
    } else if (this.#framing === 'none') {
      socket.writeText(head);
    } else {
      exchange.bodyBytesSent += to - from;
      const chunked = this.#framing === 'chunked';
      const before = chunked ? head + chunkHeader(to - from) : head;
      const after = !chunked ? '' : last ? AFTER_LAST : AFTER_CHUNK;
      if (to - from <= TEXT_BYTES) socket.writeText(before + piece.latin1Slice(from, to) + after);
      else socket.writeFramed(before, piece, from, to, after);
    }
    return !socket.mustWait;
  }

  write(exchange: Exchange, piece: Buffer, from: number, to: number): boolean {
    if (this.#framing === 'none' || from === to) return true;
    exchange.bodyBytesSent += to - from;
    if (this.#framing === 'chunked')
      this.#socket.writeFramed(chunkHeader(to - from), piece, from, to, AFTER_CHUNK);
    else this.#socket.writeFramed('', piece, from, to, '');
    return !this.#socket.mustWait;
  }

  writeKept(exchange: Exchange, piece: Buffer, from: number, to: number): boolean {
    if (this.#framing === 'none' || from === to) return true;
    exchange.bodyBytesSent += to - from;
    const socket = this.#socket;
    if (this.#framing === 'chunked') socket.writeText(chunkHeader(to - from));
    socket.writeKept(from === 0 && to === piece.length ? piece : piece.subarray(from, to));
    if (this.#framing === 'chunked') socket.writeText(AFTER_CHUNK);
    return socket.pendingBytes === 0;
  }

  finish(trailers: string): void {
    if (this.#framing === 'chunked') this.#socket.writeText(lastChunk(trailers));
  }

  switchProtocols(exchange: Exchange): void {
    exchange.headSent = true;
    const head = switchHead(exchange);
    exchange.sentHead = head;
    this.#socket.writeText(head);
  }

  /** The head of an answer with a body of known length, if it came before. */
  #keptHead(exchange: Exchange): Buffer | null {
    const { length, lines, peerHead } = exchange;
    // The lines may be a piece of the whole head, which would be kept with them.
    if (peerHead.length > MAX_HEAD_BYTES) return null;
    if (length < 0 || exchange.method === 'HEAD' || !beginsAsUsual(exchange) || BODYLESS(exchange.status))
      return null;
    const kept = keptHead(usualBeginning(exchange), lines, length, closingOf(exchange));
    if (kept === null) return null;
    exchange.headSent = true;
    exchange.sentHead = kept.text;
    this.#framing = 'length';
    return kept.bytes;
  }

  #head(exchange: Exchange): string {
    exchange.headSent = true;
    const framing = framingOf(exchange);
    this.#framing = exchange.method === 'HEAD' ? 'none' : framing;
    if (framing === 'until-close') exchange.closeAfter = true;
    const text = headOf(exchange, framing);
    exchange.sentHead = text;
    return text;
  }
}

function framingOf({ status, length, method, request, location }: Exchange): Framing {
  if (BODYLESS(status)) return 'none';
  if (length >= 0) return 'length';
  if (method === 'HEAD') return 'none';
  return request.minor === 1 && location.client.chunkedAllowed ? 'chunked' : 'until-close';
}

function headOf(exchange: Exchange, framing: Framing): string {
  const { status, length } = exchange;
  let text = beginningOf(exchange) + exchange.lines;
  if (framing === 'length' || (status === 304 && length > 0)) text += `Content-Length: ${length}\r\n`;
  else if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  return text + closingOf(exchange);
}

/** The head of a 101, behind which the connection is bytes. */
export function switchHead({ location, lines }: Exchange): string {
  return `${statusLine(101)}${location.client.serverLine}${dateLine()}${lines}Connection: upgrade\r\n\r\n`;
}

/** Whether an answer that has begun has a body. */
export function sendsBody(exchange: Exchange): boolean {
  return exchange.method !== 'HEAD' && framingOf(exchange) !== 'none';
}

/** What follows the bytes of a chunk, and of the last one. */
const AFTER_CHUNK = '\r\n';
const AFTER_LAST = AFTER_CHUNK + lastChunk('');

const CLOSE = 'Connection: close\r\n\r\n';
const KEEP = 'Connection: keep-alive\r\n\r\n';

function closingOf(exchange: Exchange): string {
  if (exchange.closeAfter) return CLOSE;
  const seconds = exchange.location.client.keepaliveHeaderSeconds;
  return seconds > 0 ? `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n\r\n` : KEEP;
}
