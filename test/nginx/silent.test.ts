// `return 444` and its like close the connection without a word: in order, as nginx does, not with a reset.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { nginxVersion } from '../support/nginx.ts';
import { startProxy } from '../support/proxy.ts';
import { type Pair, startPair } from './pair.ts';

/** What a client sees of its connection: the bytes, and how it ended. */
function seen(port: number, bytes: string): Promise<{ text: string; end: string }> {
  return new Promise((resolve) => {
    let text = '';
    let end = 'closed without FIN';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () =>
      socket.write(bytes, 'latin1'),
    );
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('end', () => {
      end = 'FIN';
      socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (end = error.code ?? 'error'));
    socket.setTimeout(3000, () => {
      end = 'open';
      socket.destroy();
    });
    socket.on('close', () => resolve({ text: text.replace(/^(?:Server|Date): .*\r\n/gm, ''), end }));
  });
}

const get = (target: string, more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: ref.example\r\n${more}\r\n`;

describe.skipIf(nginxVersion === '')('an answer that is none', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair =
      await startPair(`limit_req_zone $host zone=once:1m rate=1r/m; server { listen {port}; server_name ref.example;
      location /text { return 200 "text"; }
      location /444 { return 444; } location /408 { return 408; } location /499 { return 499; }
      location = /limited { limit_req zone=once nodelay; limit_req_status 444; error_page 444 /text; empty_gif; }
      location /if { if ($args) { return 444; } return 200 "text"; }
    } server { listen {port}; server_name silent.example; return 444; }`);
    // Both have used it up.
    for (const { port } of [pair.nginx, pair.lbproxy])
      expect((await seen(port, get('/limited', 'Connection: close\r\n'))).text).toMatch(/^HTTP\/1.1 200 /);
  });
  afterAll(() => pair?.close());

  it.each([
    ['444', get('/444')],
    ['408', get('/408')],
    ['499', get('/499')],
    ['of a server', get('/').replace('ref', 'silent')],
    ['in an if', get('/if?x')],
    ['after an answer', get('/text') + get('/444')],
    ['of a limit', get('/limited')],
    ['before another request', get('/444') + get('/text')],
    ['HTTP/1.0', get('/444').replace('1.1', '1.0')],
    ['with its body', `${get('/444', 'Content-Length: 3\r\n')}abc`],
    ['with a body that does not come', get('/444', 'Content-Length: 3\r\n')],
    ['with half a chunked body', `${get('/444', 'Transfer-Encoding: chunked\r\n')}3\r\nab`],
  ])('%s', async (_what, bytes) => {
    const [nginx, lbproxy] = [await seen(pair.nginx.port, bytes), await seen(pair.lbproxy.port, bytes)];
    expect(nginx.end).toBe('FIN');
    expect(lbproxy).toEqual(nginx);
  });
});

it('over TLS it ends in order too', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-silent-'));
  const { certificate, key } = makeCertificate(dir, 'silent', 'localhost');
  const proxy = await startProxy(
    `http { ssl_certificate ${certificate}; ssl_certificate_key ${key}; server { listen 127.0.0.1:0 ssl; return 444; } }`,
  );
  const seenOverTls = await new Promise<string>((resolve) => {
    const socket = connectTls({ port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
      socket.write(get('/')),
    );
    socket.on('data', (chunk) => resolve(`bytes: ${chunk}`));
    socket.on('end', () => resolve('end'));
    socket.on('error', (error) => resolve(error.message));
    socket.setTimeout(3000, () => resolve('open'));
  });
  await proxy.close();
  rmSync(dir, { recursive: true, force: true });
  expect(seenOverTls).toBe('end');
});
