// All addresses of a port and some of them by name: one socket, whose connections belong to the servers of the address that the client
// came to (nginx binds the first and asks getsockname).
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

/** The bodies of the answers to GET / with these Hosts, on one connection. */
function bodies(host: string, port: number, names: readonly string[]): Promise<string[]> {
  const requests = names.map((name, i) => {
    const last = i === names.length - 1 ? 'Connection: close\r\n' : '';
    return `GET / HTTP/1.1\r\nHost: ${name}\r\n${last}\r\n`;
  });
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port }, () => socket.write(requests.join('')));
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.setTimeout(4000, () => socket.destroy(new Error(`no end of ${JSON.stringify(text)}`)));
    socket.on('close', () => resolve([...text.matchAll(/\[(.*?)\]/g)].map(([, body]) => body)));
  });
}

const NAMES = ['any.example', 'other.example', 'named.example', 'nobody.example'];

const SERVERS = `
  server { listen {port}; server_name any.example; return 200 "[all]"; }
  server { listen {port}; server_name other.example; return 200 "[other]"; }
  server { listen 127.0.0.1:{port}; return 200 "[one $server_addr]"; }
  server { listen 127.0.0.1:{port}; server_name named.example; return 200 "[named]"; }
  server { listen 127.0.0.3:{port} default_server; listen [::1]:{port}; return 200 "[three]"; }
  server { listen [::]:{port}; server_name six.example; return 200 "[six]"; }`;

describe.skipIf(nginxVersion === '')('the servers of an address', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(SERVERS);
  });
  afterAll(() => pair?.close());

  it.each([
    ['127.0.0.1', ['one 127.0.0.1', 'one 127.0.0.1', 'named', 'one 127.0.0.1']],
    ['127.0.0.2', ['all', 'other', 'all', 'all']],
    ['127.0.0.3', ['three', 'three', 'three', 'three']],
    ['::1', ['three', 'three', 'three', 'three']],
  ])('%s', async (host, expected) => {
    expect(await bodies(host, pair.nginx.port, NAMES)).toEqual(expected);
    expect(await bodies(host, pair.lbproxy.port, NAMES)).toEqual(expected);
  });
});

/** The common name of the certificate that is shown, and the body. */
function overTls(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port, rejectUnauthorized: false }, () => {
      const { CN } = socket.getPeerCertificate().subject;
      socket.on('data', (chunk) => {
        resolve(`${CN} ${/\[(.*?)\]/.exec(chunk.toString('latin1'))?.[1]}`);
        socket.destroy();
      });
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    });
    socket.on('error', reject);
    socket.setTimeout(4000, () => socket.destroy(new Error('no answer')));
  });
}

describe('over TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-wildcard-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const of = (name: string): string => {
    const { certificate, key } = makeCertificate(dir, name, name);
    return `ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
  };
  const servers = `
    server { listen {port} ssl; ${of('all.example')} return 200 "[all]"; }
    server { listen 127.0.0.1:{port} ssl; ${of('one.example')} return 200 "[one]"; }`;

  it.skipIf(nginxVersion === '')('the certificate is that of the address, and so is plain HTTP', async () => {
    const pair = await startPair(servers);
    for (const { port } of [pair.nginx, pair.lbproxy]) {
      expect(await overTls('127.0.0.1', port)).toBe('one.example one');
      expect(await overTls('127.0.0.2', port)).toBe('all.example all');
    }
    await pair.close();
  });

  it('one that says it of an address has said it of that address alone: refused here, with both places', async () => {
    const mixed = servers.replace('{port} ssl', '9100').replace('{port}', '9100');
    await expect(startProxy(`http {${mixed}}`)).rejects.toThrow(
      /^nginx\.conf:3:21: 127\.0\.0\.1:9100 is served by the socket of \*:9100 \(at .*nginx\.conf:2:21\), which has no ssl: write ssl at both, or choose another port/,
    );
  });
});
