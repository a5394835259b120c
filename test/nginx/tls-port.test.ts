// Ports of TLS in nginx and in lbproxy: plain HTTP to them, and one address in servers with and without `ssl`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { makeCertificate } from '../support/certificates.ts';
import { nginxVersion } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';
import { rawClient } from '../support/raw-client.ts';
import { askBoth, expectSameLog, type Pair, request, type Side, startPair } from './pair.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-tls-port-'));
const certificates = ['a', 'b'].map((name) => makeCertificate(dir, name, `${name}.example`));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const [A, B] = certificates.map(
  ({ certificate, key }) => `ssl_certificate ${certificate}; ssl_certificate_key ${key};`,
);
const server = (name: string, options: string, more: string): string =>
  `server { listen 127.0.0.1:{port}${options}; server_name ${name}.example; ${more} return 200 "${name} $scheme"; }`;

/** The certificate's name and the body that a client of this name gets. */
function visit(side: Side, name: string, servername = name): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: side.port,
      host: '127.0.0.1',
      servername,
      rejectUnauthorized: false,
    });
    let text = '';
    socket.once('secureConnect', () => {
      const shown = String(socket.getPeerCertificate().subject.CN);
      socket.on('end', () => resolve(`${shown}: ${readAnswers(text)[0]?.body}`));
      socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.latin1Slice();
    });
    socket.setTimeout(5000, () => socket.destroy(new Error('nothing for 5 s')));
    socket.on('error', reject);
  });
}

/** Runs on a pair and closes it. */
async function onPair<T>(http: string, run: (pair: Pair) => Promise<T>): Promise<T> {
  const pair = await startPair(http);
  try {
    return await run(pair);
  } finally {
    await pair.close();
  }
}

describe.skipIf(nginxVersion === '')('a TLS port in nginx and here', () => {
  const log = 'access_log {dir}/access.log shape;';
  const PLAIN = `log_format shape '$scheme $host $request $status $connection_requests';
    ${server('a', ' ssl', A + log)} ${server('b', ' ssl', B + log)}`;

  it.each([
    ['GET', request('GET', '/')],
    ['of HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['to be kept alive', 'GET / HTTP/1.1\r\nHost: b.example\r\n\r\n'],
    ['HEAD', request('HEAD', '/')],
    ['POST', request('POST', '/', ['Content-Length: 5'], 'hello')],
    ['OPTIONS', request('OPTIONS', '/x')],
    ['without Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['in absolute form', 'GET https://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n'],
  ])('answers plain HTTP the same: %s', (_what, bytes) =>
    onPair(PLAIN, async (pair) => {
      const { nginx, lbproxy } = await askBoth(pair, bytes);
      expect(lbproxy).toEqual(nginx);
      await expectSameLog(pair, 'access.log', 1);
    }),
  );

  it.each([
    ['TRACE', request('TRACE', '/')],
    ['what is no HTTP', 'SSH-2.0-nobody\r\n\r\n'],
    ['an unknown version', 'GET / HTTP/9.9\r\nHost: a.example\r\n\r\n'],
  ])('refuses %s as on any port', (_what, bytes) =>
    onPair(PLAIN, async (pair) => {
      const { nginx, lbproxy } = await askBoth(pair, bytes);
      expect(lbproxy).toEqual(nginx);
    }),
  );

  it('answers one of several requests, also in single bytes, and closes', () =>
    onPair(PLAIN, async (pair) => {
      for (const side of [pair.nginx, pair.lbproxy]) {
        const client = rawClient(side.port);
        client.socket.setNoDelay(true);
        for (const byte of 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n') {
          client.write(byte);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        const answers = readAnswers(await client.closed());
        expect(answers.map(({ status }) => status)).toEqual([400]);
        expect(answers[0].body).toContain('The plain HTTP request was sent to HTTPS port');
        client.destroy();
      }
    }));

  it('has the server name as it was sent, and its certificate', () =>
    onPair(
      `${server('a', ' ssl', `${A} return 200 "[$ssl_server_name]";`)} ${server('b', ' ssl', B)}`,
      async (pair) => {
        for (const name of ['a.example', 'A.Example', '', 'unknown.example']) {
          const shown = `a.example: [${name}]`;
          expect(await visit(pair.nginx, 'a.example', name)).toBe(shown);
          expect(await visit(pair.lbproxy, 'a.example', name)).toBe(shown);
        }
        expect(await visit(pair.nginx, 'a.example', 'B.Example')).toBe('b.example: [B.Example]');
        expect(await visit(pair.lbproxy, 'a.example', 'B.Example')).toBe('b.example: [B.Example]');
      },
    ));

  it.each([
    ['the second server says no ssl', server('a', ' ssl', A) + server('b', '', B), 'b.example: b https'],
    ['only the second says ssl', server('a', '', A) + server('b', ' ssl', B), 'b.example: b https'],
    ['the second has no certificate', server('a', ' ssl', A) + server('b', '', ''), 'a.example: b https'],
    ['neither that with ssl has one', server('a', '', A) + server('b', ' ssl', ''), 'a.example: b https'],
    [
      'the default server says it',
      server('b', '', '') + server('a', ' ssl default_server', A),
      'a.example: b https',
    ],
  ])('is one of TLS for all its servers when %s', (_when, http, second) =>
    onPair(http, async (pair) => {
      for (const side of [pair.nginx, pair.lbproxy]) {
        expect(await visit(side, 'a.example'), side.name).toBe('a.example: a https');
        expect(await visit(side, 'b.example'), side.name).toBe(second);
      }
    }),
  );

  it.each([
    ['the first server, which is the default', server('a', '', '') + server('b', ' ssl', B)],
    ['the default server', server('a', ' ssl', A) + server('b', ' default_server', '')],
    ['all', server('a', ' ssl', '') + server('b', '', '')],
  ])('is refused when a certificate is missing in %s', async (_what, http) => {
    await expect(onPair(http, async () => {})).rejects.toThrow(/no "ssl_certificate" is defined/);
    expect(() => readModel(`http { ${http.replaceAll('{port}', '0')} }`)).toThrow(
      /nginx\.conf:1:\d+: .*no ssl_certificate/,
    );
  });
});
