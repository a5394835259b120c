// The same answers again and again within a second, in turns with others: each is what it was the first time.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keptHead } from '../../src/listen/kept-heads.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeRaw } from '../support/raw-client.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

/** Path → what the peer answers. Bodies around the lengths that are copied in another way. */
const ANSWERS: Readonly<Record<string, string>> = {
  '/a': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello',
  '/b': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 2\r\n\r\nHELLO',
  '/reason': 'HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello',
  '/404': 'HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello',
  '/empty': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n',
  '/204': 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n',
  '/304': 'HTTP/1.1 304 Not Modified\r\nX-A: 1\r\nETag: "x"\r\n\r\n',
  '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  // In the place of the one of 5 bytes.
  '/69': `HTTP/1.1 200 OK\r\nContent-Length: 69\r\nX-A: 1\r\n\r\n${'4'.repeat(69)}`,
  '/127': `HTTP/1.1 200 OK\r\nContent-Length: 127\r\n\r\n${'1'.repeat(127)}`,
  '/129': `HTTP/1.1 200 OK\r\nContent-Length: 129\r\n\r\n${'2'.repeat(129)}`,
  '/3000': `HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n${'3'.repeat(3000)}`,
  '/moved': 'HTTP/1.1 302 Found\r\nLocation: http://u/x\r\nContent-Length: 2\r\n\r\nhi',
};
const SERVERS = ['plain.example', 'tokens.example', 'kept.example', 'own.example'];
const SEED = 20261127;

describe('answers that come again', () => {
  let peer: TestPeer;
  let proxy: Proxy;
  beforeAll(async () => {
    peer = await startRawUpstream((socket) => {
      socket.on('data', (bytes) => {
        for (const [, path] of bytes.toString('latin1').matchAll(/^GET (\S+)/gm))
          socket.write(ANSWERS[path.replace(/^\/id/, '')]);
      });
    });
    const locations = `location / { proxy_pass http://u; }
      location /id/ { proxy_pass http://u; add_header X-Id $request_id; }`;
    proxy = await startProxy(`http { upstream u { server ${peer.address}; keepalive 8; }
      ${SERVERS.map(
        (name, i) => `server { listen 127.0.0.1:0; server_name ${name};
          ${['', 'server_tokens off;', 'keepalive_timeout 60s 20s;', 'proxy_pass_header Server; proxy_pass_header Date;'][i]}
          ${locations} }`,
      ).join('\n')} }`);
  });
  afterAll(async () => {
    await proxy?.close();
    await peer?.close();
  });

  /** The answers to three requests on one connection, the last of which ends it, without what differs from time to time. */
  async function ask(server: string, path: string): Promise<string> {
    const request = `GET ${path} HTTP/1.1\r\nHost: ${server}\r\n`;
    const text = await exchangeRaw(
      proxy.port,
      `${request}\r\n${request}\r\n${request}Connection: close\r\n\r\n`,
    );
    return text.replace(/^Date: .*GMT\r$/gm, 'Date: D\r').replace(/^(X-Id: ).{32}\r$/gm, '$1I\r');
  }

  it('are the same each time', async () => {
    const paths = Object.keys(ANSWERS).flatMap((path) => [path, `/id${path}`]);
    const asked = SERVERS.flatMap((server) => paths.map((path) => [server, path] as const));
    const first = new Map<string, string>();
    for (const [server, path] of asked) first.set(`${server}${path}`, await ask(server, path));
    // In many orders: what stands in a place is another's each time.
    let random = SEED;
    for (let i = 0; i < 600; i++) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      const [server, path] = asked[(random >> 8) % (i % 3 === 0 ? 6 : asked.length)];
      expect(await ask(server, path), `${server}${path}`).toBe(first.get(`${server}${path}`));
    }
  }, 60_000);

  it('tell the Date of now', async () => {
    for (let i = 0; i < 8; i++) {
      const before = Math.floor(Date.now() / 1000) * 1000;
      const [, date] = /^Date: (.*)\r$/m.exec(
        await exchangeRaw(proxy.port, 'GET /a HTTP/1.1\r\nHost: plain.example\r\nConnection: close\r\n\r\n'),
      ) as RegExpExecArray;
      expect(Date.parse(date)).toBeGreaterThanOrEqual(before);
      expect(Date.parse(date)).toBeLessThanOrEqual(Date.now());
      await new Promise((resolve) => setTimeout(resolve, 270));
    }
  });
});

describe('a kept head', () => {
  it('is what its parts make, and of lines that are never the same there is none', () => {
    const begin = 'HTTP/1.1 200 OK\r\n';
    const close = 'Connection: close\r\n\r\n';
    expect(keptHead(begin, 'A: 1\r\n', 5, close)).toBeNull();
    const kept = keptHead(begin, 'A: 1\r\n', 5, close);
    expect(kept?.text).toBe(`${begin}A: 1\r\nContent-Length: 5\r\n${close}`);
    expect(kept?.bytes?.latin1Slice()).toBe(kept?.text);
    // In the same place.
    expect(keptHead(begin, 'A: 1\r\n', 69, close)).toBeNull();
    expect(keptHead(begin, 'A: 1\r\n', 69, close)?.text).toContain('Length: 69');
    expect(keptHead(begin, 'A: 1\r\n', 5, close)).toBeNull();
    for (let i = 100; i < 140; i++) expect(keptHead(begin, `Id: ${i}\r\n`, 5, close)).toBeNull();
    // Its place is given up, until the beginning is another.
    for (let i = 0; i < 3; i++) expect(keptHead(begin, 'Id: 100\r\n', 5, close)).toBeNull();
    const later = 'HTTP/1.1 200 ok\r\n';
    expect(keptHead(later, 'Id: 100\r\n', 5, close)).toBeNull();
    expect(keptHead(later, 'Id: 100\r\n', 5, close)?.text).toContain('Id: 100');
  });
});
