// A peer behind TLS that tells what it saw: the request, and what the handshake said of who asks.

import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Leaf } from './authority.ts';

export interface TlsPeer {
  readonly port: number;
  readonly address: string;
  /** Handshakes that were done, one a line: SNI, ALPN, client's name, version, resumed or not. */
  readonly seen: string[];
  /** Connections, also those without a handshake. */
  connections: number;
  readonly server: Server;
  close(): Promise<void>;
}

export interface TlsPeerOptions extends TlsOptions {
  /** Instead of a port. */
  readonly path?: string;
  /** Gets each connection; without it requests are echoed. */
  readonly serve?: (socket: TLSSocket) => void;
}

/** What the handshake said. */
export function handshakeOf(socket: TLSSocket & { servername?: string | false | null }): string {
  const client = socket.getPeerX509Certificate()?.subject ?? 'nobody';
  return [
    `sni=${socket.servername || ''}`,
    `alpn=${socket.alpnProtocol || ''}`,
    `client=${client}`,
    `version=${socket.getProtocol()}`,
  ].join(' ');
}

export async function startTlsPeer(
  { certificate, key }: Leaf,
  options: TlsPeerOptions = {},
): Promise<TlsPeer> {
  const { serve, path, ...tls } = options;
  const sockets = new Set<{ destroy(): void }>();
  const seen: string[] = [];
  const server = createServer(
    { cert: readFileSync(certificate), key: readFileSync(key), allowHalfOpen: true, ...tls },
    (socket) => {
      const said = handshakeOf(socket);
      seen.push(`${said} resumed=${socket.isSessionReused()}`);
      socket.on('error', () => {});
      if (serve === undefined) echo(socket, said);
      else serve(socket);
    },
  );
  server.on('tlsClientError', () => {});
  server.on('connection', (socket) => {
    peer.connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  const port = path === undefined ? (server.address() as AddressInfo).port : 0;
  const peer: TlsPeer = {
    port,
    address: path === undefined ? `127.0.0.1:${port}` : `unix:${path}`,
    seen,
    connections: 0,
    server,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return peer;
}

/** Answers each request with itself and what the handshake said; `X-Answer` (base64) says what to answer instead. */
function echo(socket: TLSSocket, said: string): void {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.latin1Slice();
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const head = text.slice(0, end);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      const body = text.slice(end + 4, end + 4 + length);
      text = text.slice(end + 4 + length);
      answer(socket, said, head, body);
    }
  });
  socket.on('end', () => socket.end());
}

function answer(socket: TLSSocket, said: string, head: string, body: string): void {
  const [line, ...fields] = head.split('\r\n');
  const told = /\r\nX-Answer: *(\S+)/i.exec(head)?.[1];
  if (told !== undefined) return void socket.end(Buffer.from(told, 'base64'));
  const kept = fields.filter((f) => !/^(?:connection|x-answer):/i.test(f)).sort();
  const seen = [line, said, ...kept, '', body].join('\n');
  const close = /\r\nConnection: *close/i.test(head) || line.endsWith('HTTP/1.0');
  const bytes = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${seen.length}\r\nX-Peer: yes\r\n\r\n${line.startsWith('HEAD') ? '' : seen}`;
  if (close) socket.end(bytes, 'latin1');
  else socket.write(bytes, 'latin1');
}
