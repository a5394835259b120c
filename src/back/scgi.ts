// What an SCGI app gets of a request: its headers as one netstring, CONTENT_LENGTH before all others; the body follows as it is.
// As ngx_http_scgi_create_request writes it; text is latin1: one character, one byte.
import type { Exchange } from '../exchange/exchange.ts';
import { connectSocket } from '../socket/connect-socket.ts';
import type { Transport } from '../upstream/transport.ts';
import type { EncodeRequest } from './app-back.ts';

export function scgiHeader(name: string, value: string): string {
  return `${name}\0${value}\0`;
}

export function compileScgiRequest(headers: (exchange: Exchange) => string): EncodeRequest {
  return (x) => {
    const content = scgiLength(x, scgiHeader) + headers(x);
    return { bytes: `${content.length}:${content},` };
  };
}

/** Stands before all others. */
export function scgiLength(x: Exchange, encode: (name: string, value: string) => string): string {
  return encode('CONTENT_LENGTH', String(bodyBytesOf(x)));
}

/** Also where the body is not passed on (nginx: content_length_n). */
function bodyBytesOf({ request, body, bodyRefused }: Exchange): number {
  if (bodyRefused) return 0;
  if (!request.chunked) return Math.max(0, request.contentLength);
  return body?.complete === true ? body.received : 0;
}

/** Plain sockets, in a pool of their own: the same peer may be spoken to in HTTP elsewhere. */
export const SCGI_TRANSPORT: Transport = { key: 'scgi', connect: connectSocket };
