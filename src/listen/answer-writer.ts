// Writes answers to a client's socket: status line, our own fields, framing. Head and a small body go out in one write.
import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { chunkHeader, lastChunk } from '../http/chunked.ts';
import { statusLine } from '../http/status.ts';
import { copyOf, INLINE_BODY_BYTES } from '../shared/buffers.ts';
import { currentHttpDate } from '../shared/clock.ts';

/** Bytes waiting in the socket above which the producer is held. Not below the socket's own mark, so that 'drain' follows. */
const HIGH_WATER_BYTES = 65_536;

const BODYLESS = (status: number): boolean => status === 204 || status === 304 || status < 200;

let dateFor = '';
let dateLineText = '';

function dateLine(): string {
  const date = currentHttpDate();
  if (date !== dateFor) {
    dateFor = date;
    dateLineText = `Date: ${date}\r\n`;
  }
  return dateLineText;
}

/** How the present answer's body is framed; 'none' also for HEAD. */
type Framing = 'none' | 'length' | 'chunked' | 'until-close';

export class AnswerWriter {
  readonly #socket: Socket;
  #framing: Framing = 'none';

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  informational(status: number, lines: string): void {
    this.#socket.write(`${statusLine(status)}${lines}\r\n`, 'latin1');
  }

  whole(exchange: Exchange, body: string | Buffer): void {
    const head = this.#head(exchange);
    if (this.#framing === 'none' || body.length === 0) {
      this.#socket.write(head, 'latin1');
    } else {
      exchange.bodyBytesSent += body.length;
      if (typeof body === 'string') this.#socket.write(head + body, 'latin1');
      else if (body.length <= INLINE_BODY_BYTES)
        this.#socket.write(head + body.latin1Slice(0, body.length), 'latin1');
      else {
        this.#socket.cork();
        this.#socket.write(head, 'latin1');
        this.#socket.write(body);
        this.#socket.uncork();
      }
    }
  }

  start(exchange: Exchange, piece: Buffer | null, from: number, to: number, last: boolean): boolean {
    const head = this.#head(exchange);
    if (piece === null || from === to) {
      this.#socket.write(last && this.#framing === 'chunked' ? head + lastChunk('') : head, 'latin1');
    } else if (this.#framing === 'none') {
      this.#socket.write(head, 'latin1');
    } else if (to - from <= INLINE_BODY_BYTES) {
      exchange.bodyBytesSent += to - from;
      this.#socket.write(head + this.#inline(piece, from, to, last), 'latin1');
    } else {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.write(exchange, piece, from, to);
      if (last) this.finish('');
      this.#socket.uncork();
    }
    return this.#socket.writableLength < HIGH_WATER_BYTES;
  }

  /** A small piece of body with its framing, as text for the same write as the head. */
  #inline(piece: Buffer, from: number, to: number, last: boolean): string {
    const text = piece.latin1Slice(from, to);
    if (this.#framing !== 'chunked') return text;
    return `${chunkHeader(to - from)}${text}\r\n${last ? lastChunk('') : ''}`;
  }

  write(exchange: Exchange, piece: Buffer, from: number, to: number): boolean {
    if (this.#framing === 'none' || from === to) return true;
    exchange.bodyBytesSent += to - from;
    const socket = this.#socket;
    if (to - from <= INLINE_BODY_BYTES) {
      socket.write(this.#inline(piece, from, to, false), 'latin1');
    } else if (this.#framing === 'chunked') {
      socket.cork();
      socket.write(chunkHeader(to - from), 'latin1');
      socket.write(copyOf(piece, from, to));
      socket.write('\r\n', 'latin1');
      socket.uncork();
    } else {
      socket.write(copyOf(piece, from, to));
    }
    return socket.writableLength < HIGH_WATER_BYTES;
  }

  finish(trailers: string): void {
    if (this.#framing === 'chunked') this.#socket.write(lastChunk(trailers), 'latin1');
  }

  switchProtocols(exchange: Exchange): void {
    exchange.headSent = true;
    const head = `${statusLine(101)}${exchange.location.client.serverLine}${dateLine()}${exchange.lines}Connection: upgrade\r\n\r\n`;
    exchange.headBytesSent = head.length;
    this.#socket.write(head, 'latin1');
  }

  /** Lets the client see that the answer is not complete. */
  reset(): void {
    // A TLS connection cannot be reset by Node; without close_notify and last chunk it is as clear.
    if ('encrypted' in this.#socket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** Closes after what was written is sent. */
  closeSoon(): void {
    this.#socket.destroySoon();
  }

  #head(exchange: Exchange): string {
    const request = exchange.request;
    const { status, length } = exchange;
    exchange.headSent = true;
    let text = exchange.reason === '' ? statusLine(status) : `HTTP/1.1 ${status} ${exchange.reason}\r\n`;
    if (!exchange.ownServer) text += exchange.location.client.serverLine;
    if (!exchange.ownDate) text += dateLine();
    text += exchange.lines;
    if (BODYLESS(status)) {
      this.#framing = 'none';
      if (status === 304 && length > 0) text += `Content-Length: ${length}\r\n`;
    } else if (length >= 0) {
      this.#framing = 'length';
      text += `Content-Length: ${length}\r\n`;
    } else if (request.method === 'HEAD') {
      this.#framing = 'none';
    } else if (request.minor === 1 && exchange.location.client.chunkedAllowed) {
      this.#framing = 'chunked';
      text += 'Transfer-Encoding: chunked\r\n';
    } else {
      this.#framing = 'until-close';
      exchange.closeAfter = true;
    }
    if (request.method === 'HEAD') this.#framing = 'none';
    text += exchange.closeAfter ? CLOSE : keepAliveLines(exchange);
    exchange.headBytesSent = text.length;
    return text;
  }
}

const CLOSE = 'Connection: close\r\n\r\n';
const KEEP = 'Connection: keep-alive\r\n\r\n';

function keepAliveLines(exchange: Exchange): string {
  const seconds = exchange.location.client.keepaliveHeaderSeconds;
  return seconds > 0 ? `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n\r\n` : KEEP;
}
