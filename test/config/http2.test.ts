// Until HTTP/2 is spoken, both spellings of nginx are taken with the same warning: `listen 443 ssl http2` and `http2 on`.
import { expect, it } from 'vitest';
import { readModel, startProxy } from '../support/proxy.ts';
import { exchangeOnce } from '../support/wire.ts';

const WARNING = '"http2" has no effect: HTTP/2 is not spoken yet, clients are answered in HTTP/1.1';

it.each([
  ['listen 127.0.0.1:443 http2;', 38],
  ['listen 127.0.0.1:443 default_server http2 reuseport;', 53],
  ['listen [::1]:443 http2; server_name a;', 34],
  ['http2 on;', 17],
])('%s', (text, column) => {
  const { model, warnings, remove } = readModel(`http { server { ${text} } }`);
  remove();
  expect(warnings).toContain(`nginx.conf:1:${column}: warning: ${WARNING}`);
  expect(model.servers[0].settings.listens).toHaveLength(1);
});

it('is taken in JSON as well', () => {
  const { model, warnings, remove } = readModel('{ "servers": [{ "listen": "443 http2" }] }');
  remove();
  expect(warnings).toContain(WARNING);
  expect(model.servers[0].settings.listens[0].port).toBe(443);
});

it('$http2 and $http3 are there, as the documentation of early_hints has them', async () => {
  const proxy = await startProxy(
    'http { server { listen 127.0.0.1:0; early_hints $http2$http3; return 200 "[$http2$http3]"; } }',
  );
  const { body } = await exchangeOnce(proxy.port, 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  await proxy.close();
  expect(body).toBe('[]');
});
