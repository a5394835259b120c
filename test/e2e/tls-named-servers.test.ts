// What a server says of TLS holds for those who name it in their ClientHello, and for nobody else on its address.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-named-'));
let proxy: Proxy;

beforeAll(async () => {
  const pair = (file: string): string => {
    const { certificate, key } = makeCertificate(dir, file, `${file}.example`);
    return `ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
  };
  const server = (name: string, more: string): string =>
    `server { listen 127.0.0.1:0 ssl; server_name ${name}.example; ${more} return 200 ${name}; }`;
  proxy = await startProxy(`http {
    ${server('first', pair('first'))}
    ${server('new', `${pair('new')} ssl_protocols TLSv1.3;`)}
    ${server('old', `${pair('old')} ssl_protocols TLSv1.2; ssl_ciphers ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305;`)}
    ${server('bare-new', 'ssl_protocols TLSv1.3;')}
    ${server('bare', '')}
  }`);
});
afterAll(async () => {
  await proxy?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Protocol, cipher and certificate that a client gets, or why it gets none. */
function visit(servername: string, options: ConnectionOptions = {}): Promise<Record<string, unknown>> {
  return new Promise((resolve) => {
    const socket = connect({
      port: proxy.port,
      host: '127.0.0.1',
      servername,
      rejectUnauthorized: false,
      ...options,
    });
    socket.once('secureConnect', () => {
      const shown = socket.getPeerCertificate().subject.CN;
      resolve({ version: socket.getProtocol(), cipher: socket.getCipher().name, shown });
      socket.destroy();
    });
    socket.once('error', (error) => resolve({ refused: error.message }));
  });
}

const only = (version: 'TLSv1.2' | 'TLSv1.3'): ConnectionOptions => ({
  minVersion: version,
  maxVersion: version,
});

describe.each([
  ['new.example', 'TLSv1.3', 'new.example'],
  ['old.example', 'TLSv1.2', 'old.example'],
] as const)('ssl_protocols of %s', (name, version, shown) => {
  const other = version === 'TLSv1.2' ? 'TLSv1.3' : 'TLSv1.2';

  it(`lets ${version} in and nothing else`, async () => {
    expect(await visit(name)).toMatchObject({ version, shown });
    expect(await visit(name, only(version))).toMatchObject({ version, shown });
    expect(await visit(name, only(other))).toEqual({ refused: expect.stringMatching(/protocol version/) });
  });
});

// Without a certificate of its own a server is the default one, for TLS.
it.each(['first.example', 'bare.example', 'bare-new.example', 'nobody.example', ''])(
  'for "%s" both versions are let in',
  async (name) => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
      expect(await visit(name, only(version))).toMatchObject({ version, shown: 'first.example' });
  },
);

it('ssl_ciphers of the server that is named hold', async () => {
  const { cipher } = await visit('old.example', only('TLSv1.2'));
  expect(cipher).toMatch(/CHACHA20/);
  const aes = { ...only('TLSv1.2'), ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256' };
  expect(await visit('old.example', aes)).toEqual({
    refused: expect.stringMatching(/handshake failure/),
  });
  expect(await visit('first.example', aes)).toMatchObject({ version: 'TLSv1.2' });
});
