// What cannot be done with a page costs its own answer, also where the disk brings its bytes: nothing hangs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { rawClient } from '../support/raw-client.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-throwing-'));
const doubled = `<!--#set var="a" value="xxxxxxxxxxxxxxxx" -->${'<!--#set var="a" value="$a$a" -->'.repeat(40)}`;
writeFileSync(join(dir, 'page.html'), `${doubled}<p>end</p>`);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a variable of a page that doubles itself is an error of the page', async () => {
  const proxy = await startProxy(`http { server { listen 127.0.0.1:0; root ${dir};
    location / { ssi on; types { text/html html; } } } }`);
  const client = rawClient(proxy.port);
  client.write('GET /page.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const text = await client.closed();
  expect(text).toContain('[an error occurred while processing the directive]');
  expect(text).toContain('<p>end</p>');
  expect(text.endsWith('0\r\n\r\n')).toBe(true);
  client.destroy();
  await proxy.close();
});
