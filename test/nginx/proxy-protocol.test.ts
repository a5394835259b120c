// The PROXY protocol before requests, beside nginx: both versions, their variables, realip by them, and what is no such head.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { nginxVersion } from '../support/nginx.ts';
import { exchangeOnce } from '../support/wire.ts';
import { askBoth, comparable, type Pair, request, startPair } from './pair.ts';

const SHOWN =
  '$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port|$remote_addr|$realip_remote_addr';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-proxied-'));
const pem = makeCertificate(dir, 'proxied', 'ref.example');

const CONFIGURATION = `
  map $remote_port $port { 12345 given; '' none; default own; }
  server { listen {port4} ssl proxy_protocol; server_name ref.example; ssl_certificate ${pem.certificate}; ssl_certificate_key ${pem.key};
    location / { return 200 "${SHOWN}|$scheme"; } }
  server { listen {port} proxy_protocol; server_name ref.example; root {dir};
    location / { return 200 "${SHOWN}"; }
    location /real/ { set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol; error_page 404 =200 @shown; }
    location @shown { return 200 "${SHOWN}|$port"; } }
  server { listen {port2} proxy_protocol; server_name ref.example; set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;
    location / { return 200 "${SHOWN}|$port"; } location /deny/ { deny 192.0.2.1; return 200 "in"; error_page 403 /denied; deny all; } }
  server { listen {port3}; server_name ref.example; location / { return 200 "${SHOWN}|plain"; } }`;

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const v2 = (command: number, family: number, body: string): string =>
  SIGNATURE + String.fromCharCode(command, family, body.length >> 8, body.length & 255) + body;
const V4 = '\xc0\0\x02\x01\xc0\0\x02\x02\x30\x39\x01\xbb';
const V6 = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01${'\0'.repeat(15)}\x01\x30\x39\x01\xbb`;

const HEADS: Readonly<Record<string, string>> = {
  tcp4: 'PROXY TCP4 192.0.2.1 192.0.2.2 12345 443\r\n',
  tcp6: 'PROXY TCP6 2001:db8::1 ::1 12345 443\r\n',
  'port 0': 'PROXY TCP4 192.0.2.1 192.0.2.2 0 0\r\n',
  unknown: 'PROXY UNKNOWN\r\n',
  'unknown and more': 'PROXY UNKNOWN 1 2 3 4\r\n',
  'odd addresses': 'PROXY TCP4 1.2 a:b 1 2\r\n',
  'v2 IPv4': v2(0x21, 0x11, V4),
  'v2 IPv6': v2(0x21, 0x21, V6),
  'v2 local': v2(0x20, 0x11, V4),
  'v2 unspecified': v2(0x21, 0, ''),
  'v2 of datagrams': v2(0x21, 0x12, V4),
  'v2 of Unix': v2(0x21, 0x31, 'x'.repeat(216)),
  'v2 with values': v2(0x21, 0x11, `${V4}\x02\0\x04host\x05\0\x02id`),
  'v2 of an unknown command': v2(0x22, 0x11, V4),
};

const BROKEN: Readonly<Record<string, string>> = {
  none: '',
  'another word': 'PROXI TCP4 192.0.2.1 192.0.2.2 12345 443\r\n',
  'another family': 'PROXY TCP5 192.0.2.1 192.0.2.2 12345 443\r\n',
  'no port': 'PROXY TCP4 192.0.2.1 192.0.2.2 12345\r\n',
  'a port too large': 'PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n',
  'no number': 'PROXY TCP4 192.0.2.1 192.0.2.2 x 443\r\n',
  'a letter': 'PROXY TCP4 192.0.2.g 192.0.2.2 1 443\r\n',
  'LF alone': 'PROXY TCP4 192.0.2.1 192.0.2.2 12345 443\n',
  'v2 of version 1': v2(0x11, 0x11, V4),
  'v2 too short': v2(0x21, 0x11, 'short'),
};

describe.skipIf(nginxVersion === '')('the PROXY protocol', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(CONFIGURATION);
  });
  afterAll(async () => {
    await pair?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const at = (index: number, text: string): ReturnType<typeof askBoth> => {
    const there = (side: Pair['nginx']): Pair['nginx'] => ({ ...side, port: side.ports[index] });
    return askBoth(
      { ...pair, nginx: there(pair.nginx), lbproxy: there(pair.lbproxy) },
      Buffer.from(text, 'latin1'),
    );
  };

  describe.each(Object.keys(HEADS))('%s', (name) => {
    it.each([
      [0, '/'],
      [0, '/real/x'],
      [1, '/'],
      [1, '/deny/x'],
    ])('port %i %s', async (index, target) => {
      for (const method of ['GET', 'HEAD', 'POST']) {
        const { nginx, lbproxy } = await at(index, HEADS[name] + request(method, target));
        expect(lbproxy).toEqual(nginx);
      }
    });
  });

  it.each(Object.keys(BROKEN))('is not: %s', async (name) => {
    const { nginx, lbproxy } = await at(0, BROKEN[name] + request('GET', '/'));
    expect(lbproxy).toEqual(nginx);
    expect(lbproxy.status).toBe('');
  });

  it('holds for all requests of the connection', async () => {
    const kept = 'GET / HTTP/1.1\r\nHost: ref.example\r\n\r\n';
    const { nginx, lbproxy } = await at(1, HEADS.tcp4 + kept + request('GET', '/'));
    expect(lbproxy).toEqual(nginx);
  });

  it.each(['tcp4', 'v2 with values', 'v2 local'])('is spoken before TLS: %s', async (name) => {
    const ask = async (side: Pair['nginx']): Promise<unknown> => {
      const below = connect(side.ports[3], '127.0.0.1');
      below.write(Buffer.from(HEADS[name], 'latin1'));
      const socket = connectTls({ socket: below, rejectUnauthorized: false });
      return comparable(await exchangeOnce(side.ports[3], request('GET', '/'), { socket }), side);
    };
    expect(await ask(pair.lbproxy)).toEqual(await ask(pair.nginx));
  });

  it.each(['tcp4', 'v2 with values'])('is spoken before plain requests to a TLS port: %s', async (name) => {
    const { nginx, lbproxy } = await at(3, HEADS[name] + request('GET', '/'));
    expect(lbproxy).toEqual(nginx);
  });

  it('is a bad request where it is not spoken', async () => {
    const { nginx, lbproxy } = await at(2, HEADS.tcp4 + request('GET', '/'));
    expect(lbproxy).toEqual(nginx);
    const plain = await at(2, request('GET', '/'));
    expect(plain.lbproxy).toEqual(plain.nginx);
  });
});
