// What lbproxy itself refuses is told in the error log, with the name and the value of the limit; what peers do is told by attempts only.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { rawClient, readToEnd } from '../support/raw-client.ts';
import { deadPort, startRawUpstream } from '../support/upstream.ts';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly request?: string;
  readonly client?: string;
}

const post = (fields: string, body = ''): string =>
  `POST /app HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;

describe('a refusal', () => {
  it('is told at info with the limit that was passed', async () => {
    const peer = await deadPort();
    const silent = await startRawUpstream((socket) => socket.resume());
    // Each short time-out has a server of its own: a machine that stands still makes nobody else late.
    const lbproxy = await startLbproxy(
      `worker_processes 1; error_log DIR/error.log info;
       http { client_max_body_size 100; large_client_header_buffers 2 1k; max_headers 5;
         server { listen 127.0.0.1:PORT1; location /app { proxy_pass http://${silent.address}; } location /dead { proxy_pass http://127.0.0.1:${peer}; } location /loop { rewrite ^ /loop last; } }
         server { listen 127.0.0.1:PORT2; client_body_timeout 300ms; location /app { proxy_pass http://${silent.address}; } }
         server { listen 127.0.0.1:PORT3; client_header_timeout 300ms; } }`,
    );
    const [, slowBody, slowHead] = lbproxy.ports;
    const cases: readonly (readonly [bytes: string, status: number, text: RegExp, port?: number])[] = [
      [post('Content-Length: 101'), 413, /client_max_body_size \(100 bytes\)/],
      [
        post('Transfer-Encoding: chunked', `65\r\n${'x'.repeat(101)}\r\n0\r\n\r\n`),
        413,
        /client_max_body_size \(100 bytes\)/,
      ],
      [post('Content-Length: 50', 'x'), 408, /client_body_timeout \(300 ms\)/, slowBody],
      [post('Transfer-Encoding: chunked', 'zz\r\n'), 400, /the chunked body is not valid/],
      [
        `GET /${'x'.repeat(2000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
        414,
        /request line too long \(large_client_header_buffers: lines of 1024 bytes\)/,
      ],
      [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(1100)}\r\n\r\n`, 400, /large_client_header_buffers/],
      [`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(8)}\r\n`, 400, /too many fields \(max_headers 5\)/],
      ['GET / HTTP/1.1\r\nHo', 408, /client_header_timeout 300 ms/, slowHead],
      ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, /not valid HTTP/],
      ['GET /loop HTTP/1.1\r\nHost: a\r\n\r\n', 500, /cycle/],
    ];
    for (const [bytes, status, , port = lbproxy.port] of cases) {
      const client = rawClient(port);
      client.write(bytes);
      expect([
        bytes.slice(0, 60),
        (await client.until((text) => text.includes('\r\n\r\n'))).slice(9, 12),
      ]).toEqual([bytes.slice(0, 60), String(status)]);
      client.destroy();
    }
    const client = rawClient(lbproxy.port);
    client.write('GET /dead HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(await readToEnd(client)).toContain(' 502 ');
    await silent.close();
    const readLines = (): Line[] =>
      readFileSync(join(lbproxy.dir, 'error.log'), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Line);
    // The one acceptor writes in the order of the requests: with the line of another one all others are there.
    const last = rawClient(lbproxy.port);
    last.write('GET /loop/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await last.closed();
    await expect.poll(() => readLines().some(({ request }) => request === 'GET /loop/last')).toBe(true);
    const lines = readLines().filter(({ request }) => request !== 'GET /loop/last');
    const refusals = lines.filter(({ msg }) => msg.startsWith('answered '));
    expect(refusals.map(({ level }) => level)).toEqual([...cases.slice(1).map(() => 'info'), 'error']);
    for (const [i, [, status, text]] of cases.entries()) {
      expect(refusals[i].msg).toMatch(new RegExp(`^answered ${status}: `));
      expect(refusals[i].msg).toMatch(text);
      expect(refusals[i].client).toBe('127.0.0.1');
    }
    expect(refusals[0].request).toBe('POST /app');
    // A peer that fails is told of once, and not as if there were another one.
    const peers = lines.filter(({ msg }) => msg.includes(`127.0.0.1:${peer}`));
    expect(peers.map(({ msg }) => msg)).toEqual([expect.stringMatching(/not tried again \(no peer left\)$/)]);
  }, 30_000);
});
