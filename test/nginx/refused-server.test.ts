// A request that cannot be served is answered by a server all the same: the default one while no Host is known, else that of the Host. And
// a body that nobody wants is dropped, whatever its size: the connection stays.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { rawClient } from '../support/raw-client.ts';
import { askBoth, type Pair, startPair } from './pair.ts';

const HTTP = `
  server {
    listen 127.0.0.1:{port} default_server;
    error_page 400 414 494 /who; location = /who { return 200 "the default server\n"; }
  }
  server {
    listen 127.0.0.1:{port}; server_name named.example;
    error_page 400 414 494 /who; location = /who { return 200 "the named server\n"; }
  }`;

const named = (line: string, ...fields: readonly string[]): string =>
  `${[line, 'Host: named.example', ...fields].join('\r\n')}\r\n\r\n`;
const GET = 'GET / HTTP/1.1';
const ONCE = ['If-Match', 'If-Range', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since'].concat([
  'Authorization',
  'Content-Range',
  'Expect',
]);

const REQUESTS: readonly string[] = [
  ...['/%zz', '/%00', '/a/../../b', `/${'l'.repeat(9000)}`].map((target) => named(`GET ${target} HTTP/1.1`)),
  named(GET, 'no colon'),
  `GET / HTTP/1.1\r\nno colon\r\nHost: named.example\r\n\r\n`,
  named(GET, 'Host: other.example'),
  named(GET, 'Content-Length: x'),
  named(GET, `X: ${'x'.repeat(9000)}`),
  named('TRACE / HTTP/1.1'),
  named('GET http://named.example/ HTTP/1.1', 'Content-Length: x'),
  `GET / HTTP/1.1\r\nHost: bad/host\r\n\r\n`,
  `GET / HTTP/1.1\r\n\r\n`,
  ...ONCE.map((name) =>
    named(GET, `${name}: 100-continue`, 'X-Between: 1', `${name.toLowerCase()}: 100-continue`),
  ),
];

describe.skipIf(nginxVersion === '')('a request that is refused', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(HTTP);
  });
  afterAll(() => pair?.close());

  it.each(REQUESTS.map((bytes) => ({ bytes, name: JSON.stringify(bytes).slice(0, 90) })))(
    '$name has the answer of the same server',
    async ({ bytes }) => {
      const { nginx, lbproxy } = await askBoth(pair, bytes);
      expect(nginx.status).toMatch(/ 4\d\d /);
      expect(lbproxy).toEqual(nginx);
    },
  );

  it.each([[], ['Expect: 100-continue']])(
    'leaves the connection to the next one, whatever the size of its body %j',
    async (...fields) => {
      for (const { port } of [pair.nginx, pair.lbproxy]) {
        const client = rawClient(port);
        client.write(named('PUT /none HTTP/1.1', 'Content-Length: 300000', ...fields) + 'b'.repeat(300_000));
        client.write(named('GET /who HTTP/1.1', 'Connection: close'));
        const text = await client.closed();
        client.destroy();
        expect(text.match(/HTTP\/1\.1 \d+|Connection: .*/g)).toEqual([
          ...['HTTP/1.1 405', 'Connection: keep-alive'],
          ...['HTTP/1.1 200', 'Connection: close'],
        ]);
      }
    },
  );
});
