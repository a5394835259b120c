// A charset by a variable: whatever that holds ends no field.
import { expect, it } from 'vitest';
import { startProxy } from '../../support/proxy.ts';
import { exchangeRaw } from '../../support/raw-client.ts';

it('cannot bring a field of its own', async () => {
  const proxy = await startProxy(
    'http { server { listen 127.0.0.1:0; location / { charset $uri; default_type text/html; return 200 x; } } }',
  );
  const text = await exchangeRaw(
    proxy.port,
    'GET /a%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  expect(text).toContain('Content-Type: text/html; charset=/a  Set-Cookie: a=b\r\n');
  await proxy.close();
});
