// Reading a body and writing an answer on a control server, with their limits.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { nodeHttp } from '../../shared/node-parts.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_DISCARD_BYTES = 16 * 1024 * 1024;
const SEND_TIMEOUT_MS = 60_000;

/**
 * The whole body; undefined where it is too large, or its sender is gone. What is not wanted is read all the same, up to a limit: a client that
 * is still sending when its connection closes never sees the answer.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes = MAX_BODY_BYTES,
): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(piece)) return undefined;
      size += piece.length;
      if (size > MAX_DISCARD_BYTES) return undefined;
      if (size > maxBytes) pieces.length = 0;
      else pieces.push(piece);
    }
  } catch {
    return undefined;
  }
  return size > maxBytes ? undefined : Buffer.concat(pieces);
}

export function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  text: string,
): void {
  const body = Buffer.from(text);
  limitSending(response);
  response.writeHead(status, { ...headers, 'Content-Length': body.length });
  response.end(body);
}

/** A client that takes nothing for a minute is let go. */
export function limitSending(response: ServerResponse): void {
  response.setTimeout(SEND_TIMEOUT_MS, () => response.destroy());
}

/**
 * The connection ends with it where there is a body that was not read. It stays open otherwise: `supervisorctl tail -f` is still sending
 * an empty line behind its request, and takes a closed connection for the answer.
 */
export function refuse(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { complete, headers: asked } = response.req;
  const isRead = complete || (asked['content-length'] ?? asked['transfer-encoding'] ?? '0') === '0';
  const close: Record<string, string> = isRead ? {} : { Connection: 'close' };
  const body = `${status} ${nodeHttp().STATUS_CODES[status] ?? ''}: ${text}\n`;
  send(response, status, { 'Content-Type': 'text/plain;charset=utf-8', ...close, ...headers }, body);
}
