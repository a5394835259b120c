// TLS towards clients where nginx is no measure: what is refused and why, OpenSSL's own settings, records, a reload that trusts others.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect as connectTcp, createServer } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../support/authority.ts';
import { clientHello } from '../support/client-hello.ts';
import { until } from '../support/http-client.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { readModel, startProxy } from '../support/proxy.ts';

const ca = new Authority();
let pair = '';
beforeAll(() => {
  const { certificate, key } = ca.leaf('s', 's.example');
  pair = `ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
  ca.leaf('client', 'a client');
  ca.selfSigned('stranger', 'stranger');
});
afterAll(() => ca.remove());

const server = (text: string, listen = '127.0.0.1:0'): string =>
  `http { server { listen ${listen} ssl; server_name s.example; ${text} return 200 "$ssl_client_verify"; } }`;

async function secured(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 's.example',
    rejectUnauthorized: false,
    ...options,
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

async function ask(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: s.example\r\n\r\n');
  let text = '';
  while (!/\r\n\r\n[\s\S]/.test(text)) text += (await once(socket, 'data'))[0].toString('latin1');
  return text;
}

describe('a configuration of TLS', () => {
  it.each([
    ['ssl_verify_client on;', /ssl_verify_client has nobody to trust: add ssl_client_certificate/],
    ['ssl_certificate other.pem;', /ssl_certificate .*other\.pem needs its ssl_certificate_key/],
    ['ssl_session_cache shared:S:8k;', /session cache "shared:S:8k" is too small/],
    ['ssl_session_cache shared;', /invalid session cache "shared"/],
    ['ssl_ocsp on;', /"ssl_ocsp" is not supported/],
    ['ssl_certificate_cache inactive=1s;', /"ssl_certificate_cache" needs "max"/],
    ['ssl_verify_client maybe;', /is not one of off, on, optional, optional_no_ca/],
    ['ssl_protocols SSLv3;', /no protocol is left/],
  ])('is refused with %s', (text, reason) => {
    expect(() => readModel(server(pair + text))).toThrow(reason);
  });

  it.each([
    [
      'ssl_conf_command RecordPadding 512;',
      /ssl_conf_command RecordPadding: Node has no way to it; there are Ciphersuites/,
    ],
    ['ssl_conf_command MinProtocol TLSv9;', /ssl_conf_command MinProtocol: "TLSv9" is none of/],
    ['ssl_conf_command Options Nonsense;', /ssl_conf_command Options: "Nonsense" is none that can be set/],
    ['ssl_session_ticket_key {}/short.key;', /ssl_session_ticket_key .*short\.key must have 48 or 80 bytes/],
    ['ssl_ecdh_curve nonsense;', /./],
  ])('is refused when it is compiled with %s', async (text, reason) => {
    writeFileSync(ca.path('short.key'), 'x'.repeat(47));
    await expect(startProxy(server(pair + text.replace('{}', ca.dir)))).rejects.toThrow(reason);
  });

  it('needs a certificate in a server beside a default one that refuses everybody', () => {
    const two = (other: string): string =>
      `http { server { listen 127.0.0.1:1 ssl; ssl_reject_handshake on; } server { listen 127.0.0.1:1 ssl; server_name b; ${other} } }`;
    expect(() => readModel(two(''))).toThrow(/has no ssl_certificate/);
    expect(() => readModel(two(pair))).not.toThrow();
  });
});

it('obeys OpenSSL’s own settings', async () => {
  const proxy = await startProxy(
    server(
      `${pair} ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256; ssl_conf_command MinProtocol TLSv1.3;`,
    ),
  );
  const socket = await secured(proxy.port);
  expect(socket.getCipher().name).toBe('TLS_CHACHA20_POLY1305_SHA256');
  socket.destroy();
  await expect(secured(proxy.port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/i);
  await proxy.close();
});

it('takes a certificate and its key as they stand in the configuration', async () => {
  const [certificate, key] = ['s.crt', 's.key'].map((file) => readFileSync(ca.path(file), 'utf8'));
  const proxy = await startProxy(
    server(`ssl_certificate "data:${certificate}"; ssl_certificate_key "data:${key}";`),
  );
  const socket = await secured(proxy.port);
  expect(socket.getPeerCertificate().subject.CN).toBe('s.example');
  socket.destroy();
  await proxy.close();
});

it('sends no longer records than ssl_buffer_size', async () => {
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:0 ssl; ${pair} ssl_buffer_size 1k; return 200 ${'x'.repeat(9000)}; } }`,
  );
  const lengths: number[] = [];
  // Between the client and the proxy: sees the records.
  const tap = createServer((client) => {
    const peer = connectTcp(proxy.port, '127.0.0.1');
    let rest: Buffer = Buffer.alloc(0);
    peer.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt16BE(3)) {
        if (rest[0] === 23) lengths.push(rest.readUInt16BE(3));
        rest = rest.subarray(5 + rest.readUInt16BE(3));
      }
      client.write(chunk);
    });
    client.on('data', (chunk) => peer.write(chunk));
    client.on('close', () => peer.destroy());
    for (const socket of [client, peer]) socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(tap, 'listening');
  const socket = await secured((tap.address() as AddressInfo).port);
  socket.write('GET / HTTP/1.1\r\nHost: s.example\r\nConnection: close\r\n\r\n');
  socket.resume();
  await once(socket, 'end');
  socket.destroy();
  tap.close();
  expect(lengths.length).toBeGreaterThan(8);
  // Of TLS 1.3 with its byte of type and its tag.
  expect(Math.max(...lengths.slice(-9))).toBeLessThanOrEqual(1024 + 17);
  await proxy.close();
});

it('asks a client anew once a reload trusts others', async () => {
  const trusting = (file: string): string =>
    `worker_processes 1; ${server(`${pair} ssl_verify_client optional; ssl_client_certificate ${ca.path(file)};`, '127.0.0.1:PORT1')}`;
  const lbproxy = await startLbproxy(trusting('root.crt'));
  const own = { cert: ca.read('client.crt'), key: ca.read('client.key') };
  const socket = await secured(lbproxy.port, own);
  expect(await ask(socket)).toMatch(/^HTTP\/1\.1 200 .*SUCCESS$/s);
  expect(await lbproxy.reload(`${trusting('root.crt')} # the same`)).toBe('reloaded');
  expect(await ask(socket)).toMatch(/^HTTP\/1\.1 200 .*SUCCESS$/s);
  expect(await lbproxy.reload(trusting('stranger.crt'))).toBe('reloaded');
  expect(await ask(socket)).toMatch(/^HTTP\/1\.1 421 /);
  socket.destroy();
  const again = await secured(lbproxy.port, own);
  expect(await ask(again)).toMatch(/^HTTP\/1\.1 400 /);
  again.destroy();
  await lbproxy.stop();
});

it('asks a client anew once a reload trusts shorter chains only', async () => {
  ca.leaf('between', 'between', { authority: true });
  ca.leaf('far', 'far', { by: 'between', chain: ['between'] });
  const trusting = (depth: number): string =>
    `worker_processes 1; ${server(`${pair} ssl_verify_client on; ssl_client_certificate ${ca.root}; ssl_verify_depth ${depth};`, '127.0.0.1:PORT1')}`;
  const lbproxy = await startLbproxy(trusting(1));
  const own = { cert: ca.read('far.crt'), key: ca.read('far.key') };
  const socket = await secured(lbproxy.port, own);
  expect(await ask(socket)).toMatch(/^HTTP\/1\.1 200 .*SUCCESS$/s);
  expect(await lbproxy.reload(trusting(0))).toBe('reloaded');
  expect(await ask(socket)).toMatch(/^HTTP\/1\.1 421 /);
  socket.destroy();
  const again = await secured(lbproxy.port, own);
  expect(await ask(again)).toMatch(/^HTTP\/1\.1 400 /);
  again.destroy();
  await lbproxy.stop();
});

it('looks at no crowd of handshakes that go no further for each ticket: while there is one, no ticket holds', async () => {
  const proxy = await startProxy(
    server(`${pair} ssl_verify_client optional; ssl_client_certificate ${ca.root};`),
  );
  const resumes = async (): Promise<boolean> => {
    const first = await secured(proxy.port);
    const [[session]] = await Promise.all([once(first, 'session'), ask(first)]);
    first.destroy();
    const second = await secured(proxy.port, { session });
    const reused = second.isSessionReused();
    second.destroy();
    return reused;
  };
  expect(await resumes()).toBe(true);
  const hello = await clientHello({ servername: 's.example' });
  const stalled = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const socket = connectTcp(proxy.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(hello);
      await once(socket, 'data');
      return socket;
    }),
  );
  expect(await resumes()).toBe(false);
  for (const socket of stalled) socket.destroy();
  await until(resumes, 10_000, 'tickets hold again');
  await proxy.close();
});
