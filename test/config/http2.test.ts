// Until HTTP/2 is spoken, both spellings of nginx are taken with the same warning: `listen 443 ssl http2` and `http2 on`.
import { expect, it } from 'vitest';
import { readModel } from '../support/proxy.ts';

it.each([
  ['listen 127.0.0.1:443 http2;', 38],
  ['listen 127.0.0.1:443 default_server http2 reuseport;', 53],
  ['listen [::1]:443 http2; server_name a;', 34],
  ['http2 on;', 17],
])('%s', (text, column) => {
  const { model, warnings, remove } = readModel(`http { server { ${text} } }`);
  remove();
  expect(warnings).toContain(`nginx.conf:1:${column}: warning: "http2" has no effect: not supported yet`);
  expect(model.servers[0].settings.listens).toHaveLength(1);
});

it('is taken in JSON as well', () => {
  const { model, warnings, remove } = readModel('{ "servers": [{ "listen": "443 http2" }] }');
  remove();
  expect(warnings).toContain('"http2" has no effect: not supported yet');
  expect(model.servers[0].settings.listens[0].port).toBe(443);
});
