// Where Node does not give its handles, everything runs on public sockets: one of each kind of exchange, over TCP and TLS.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { handles } from '../../src/socket/node-handles.ts';
import { readAnswers } from '../support/answers.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { runNode } from '../support/run-node.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';

vi.mock('../../src/socket/node-handles.ts', () => ({
  END_OF_FILE: -4095,
  handles: null,
  acceptHandles: () => false,
  tlsHandles: () => null,
}));

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-without-'));
const body = randomBytes(2_000_000);
let proxy: Proxy;
let peer: TestPeer;

beforeAll(async () => {
  const upstream = await startUpstream((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (chunk) => hash.update(chunk));
    request.on('end', () => response.end(request.method === 'POST' ? hash.digest('hex') : body));
  });
  peer = upstream;
  upstream.server.on('upgrade', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.pipe(socket);
  });
  const { certificate, key } = makeCertificate(dir, 'without', 'without.example');
  const location = `location / { proxy_pass http://${peer.address}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`;
  proxy = await startProxy(`events {} http { client_max_body_size 0;
    server { listen 127.0.0.1:0; ${location} }
    server { listen 127.0.0.2:0 ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key}; ${location} } }`);
});
afterAll(async () => {
  await proxy.close();
  await peer.close();
  rmSync(dir, { recursive: true });
});

const open = (tls: boolean): Socket =>
  tls
    ? connectTls({ port: proxy.ports[1], host: '127.0.0.2', rejectUnauthorized: false })
    : connectTcp(proxy.ports[0], '127.0.0.1');

/** Sends bytes and gives what came when `done` holds, or the end came. */
function ask(socket: Socket, bytes: Buffer, done: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('nothing for 10 s')));
    socket.on('error', reject);
    socket.on('end', () => resolve(text));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.latin1Slice();
      if (!done(text)) return;
      resolve(text);
      socket.destroy();
    });
    socket.write(bytes);
  });
}

const head = (line: string, fields: string): Buffer =>
  Buffer.from(`${line} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);

describe.each([false, true])('without handles (TLS: %s)', (tls) => {
  it('answers requests, one after the other', async () => {
    expect(handles).toBeNull();
    const text = await ask(
      open(tls),
      Buffer.concat([head('GET /a', ''), head('GET /b', 'Connection: close\r\n')]),
    );
    const bodies = readAnswers(text).map((answer) => Buffer.from(answer.body, 'latin1'));
    expect(bodies.map((got) => got.equals(body))).toEqual([true, true]);
  });

  it('takes an upload', async () => {
    const fields = `Connection: close\r\nContent-Length: ${body.length}\r\n`;
    const text = await ask(open(tls), Buffer.concat([head('POST /', fields), body]));
    expect(readAnswers(text)[0].body).toBe(createHash('sha256').update(body).digest('hex'));
  });

  it('carries a WebSocket', async () => {
    const fields =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    const socket = open(tls);
    const text = await ask(socket, head('GET /ws', fields), (got) => {
      if (got.endsWith('\r\n\r\n')) socket.write('there and back');
      return got.endsWith('there and back');
    });
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
  });
});

describe('handles', () => {
  const look = `import { handles } from './src/socket/node-handles.ts'; console.log(handles !== null);`;

  it('are there on this Node, and not where the process has no right to them', async () => {
    expect(await runNode(look)).toBe('true');
    expect(await runNode(look, 'true', ['--permission', '--allow-fs-read=*'])).toBe('false');
  });
});
