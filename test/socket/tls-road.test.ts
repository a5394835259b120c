// The whole road over TLS on handles: what makes the front write several times in one turn.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-road-'));
const body = randomBytes(3_000_000);
let proxy: Proxy;
let peer: TestPeer;

beforeAll(async () => {
  peer = await startUpstream((request, response) => {
    if (request.method === 'POST') {
      const hash = createHash('sha256');
      request.on('data', (chunk) => hash.update(chunk)).on('end', () => response.end(hash.digest('hex')));
    } else if (request.url === '/chunks') {
      for (let at = 0; at < body.length; at += 50_000) response.write(body.subarray(at, at + 50_000));
      response.end();
    } else response.end(request.url);
  });
  const { certificate, key } = makeCertificate(dir, 'road', 'road.example');
  writeFileSync(join(dir, 'file.bin'), body);
  proxy = await startProxy(`events {} http { server { listen 127.0.0.1:0 ssl; client_max_body_size 0;
    ssl_certificate ${certificate}; ssl_certificate_key ${key};
    location /own { return 200 own; }
    location /file.bin { root ${dir}; }
    location / { proxy_pass http://${peer.address}; } } }`);
});
afterAll(async () => {
  await proxy.close();
  await peer.close();
  rmSync(dir, { recursive: true });
});

/** Sends requests in one write, the last of which closes, and gives all that came. */
function ask(request: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect({ port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.setTimeout(10_000, () => socket.destroy(new Error('nothing for 10 s')));
    socket.on('data', (chunk: Buffer) => parts.push(chunk)).on('error', reject);
    socket.on('end', () => resolve(Buffer.concat(parts)));
    socket.write(request, 'latin1');
  });
}

const get = (path: string, close = false): string =>
  `GET ${path} HTTP/1.1\r\nHost: road.example\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;

describe('TLS', () => {
  it('answers pipelined requests, of which several are answered in one turn', async () => {
    const text = get('/own').repeat(20) + get('/a') + get('/b') + get('/own') + get('/c', true);
    const answers = readAnswers((await ask(text)).latin1Slice());
    expect(answers.map((answer) => answer.body)).toEqual([...Array(20).fill('own'), '/a', '/b', 'own', '/c']);
  });

  it.each(['/chunks', '/file.bin'])('answers %s of 3 MB, two times in a row', async (path) => {
    const answers = readAnswers((await ask(get(path) + get(path, true))).latin1Slice());
    expect(answers.length).toBe(2);
    for (const answer of answers) expect(Buffer.from(answer.body, 'latin1').equals(body)).toBe(true);
  });

  it('takes an upload', async () => {
    const head = `POST /up HTTP/1.1\r\nHost: road.example\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
    const [answer] = readAnswers((await ask(head + body.latin1Slice())).latin1Slice());
    expect(answer.body).toBe(createHash('sha256').update(body).digest('hex'));
  });
});
