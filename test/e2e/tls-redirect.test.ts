// `redirect https`: a plain listener that sends its clients to the TLS one, with the host and URI that they asked for.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { freePorts } from '../support/free-ports.ts';
import { startProxy } from '../support/proxy.ts';
import { exchangeOnce, field } from '../support/wire.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-redirect-'));
const files = makeCertificate(dir, 'a', 'a.example');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the redirect to TLS', () => {
  it.each([
    ['"https"', 302],
    ['"https 301"', 301],
    ['"https 308"', 308],
    ['"https port=8443"', 302],
  ])('%s gives %i and keeps host and URI', async (redirect, status) => {
    const [tlsPort] = await freePorts(1);
    const proxy = await startProxy(
      `{ "servers": [ { "listen": "127.0.0.1:0", "redirect": ${redirect} },
        { "listen": "127.0.0.1:${tlsPort} ssl", "certificate": "${files.certificate}", "certificate_key": "${files.key}", "return": "200 x" } ] }`,
    );
    const port = redirect.includes('port=') ? 8443 : tlsPort;
    const to = async (bytes: string): Promise<readonly [number, string]> => {
      const answer = await exchangeOnce(proxy.port, bytes);
      return [answer.status, field(answer, 'location')];
    };
    try {
      const host = 'Host: Shop.Example:8080\r\nConnection: close\r\n\r\n';
      expect(await to(`GET /a%20b/c?d=e%26f HTTP/1.1\r\n${host}`)).toEqual([
        status,
        `https://shop.example:${port}/a%20b/c?d=e%26f`,
      ]);
      expect(await to(`POST //evil.example/ HTTP/1.1\r\nContent-Length: 0\r\n${host}`)).toEqual([
        status,
        `https://shop.example:${port}//evil.example/`,
      ]);
      expect(await to('GET /x HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n')).toEqual([
        status,
        `https://[::1]:${port}/x`,
      ]);
      expect(
        (await to('GET http://other.example/y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))[1],
      ).toBe(`https://other.example:${port}/y`);
      expect(await to('GET /x HTTP/1.0\r\n\r\n')).toEqual([400, '']);
    } finally {
      await proxy.close();
    }
  });
});
