// A chunked body that is none is a 400, also where nobody would have read it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { rawClient } from '../support/raw-client.ts';

let proxy: Proxy;
beforeAll(async () => {
  proxy = await startProxy(`http { server { listen 127.0.0.1:0;
    location / { return 200 text; }
    location /paged { error_page 400 = /page; return 200 text; }
    location = /page { return 200 paged; } } }`);
});
afterAll(async () => {
  await proxy.close();
});

it.each([
  ['a good one', '/', '4\r\nSEE!\r\n0\r\n\r\n', /^HTTP\/1\.1 200 [\s\S]*text$/],
  ['one whose beginning alone has come', '/', '4\r\nSE', /^HTTP\/1\.1 200 [\s\S]*text$/],
  ['a chunk longer than it says', '/', '4\r\nSEE-THIS\r\n0\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['no size', '/', 'x\r\n', /^HTTP\/1\.1 400 /],
  ['one that error_page answers', '/paged', 'x\r\n', /^HTTP\/1\.1 200 [\s\S]*paged$/],
])('%s', async (_what, path, body, answer) => {
  const client = rawClient(proxy.port);
  client.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
  expect(await client.until((text) => answer.test(text))).toMatch(answer);
  client.destroy();
});
