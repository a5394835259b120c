// What an app behind TLS believes of its client: a JSON configuration says it by itself, and no client can forge it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { runLbproxy } from '../support/cli.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { type RecordingPeer, startRecordingPeer } from '../support/recording-peer.ts';
import { exchangeOnce } from '../support/wire.ts';

let dir = '';
let peer: RecordingPeer;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  peer = await startRecordingPeer();
});
afterAll(async () => {
  await peer.close();
  rmSync(dir, { recursive: true, force: true });
});

const FORGED = [
  'X-Real-IP: 192.0.2.1',
  'X-Scheme: gopher',
  'X-Forwarded-For: 192.0.2.2',
  'X-Forwarded-For: 192.0.2.3',
  'x-forwarded-proto: ftp',
  'X-Forwarded-Proto: wss',
  'X-FORWARDED-HOST: evil.example',
  'Forwarded: for=192.0.2.4;proto=ftp;host=evil.example',
  'X_Forwarded_Proto: ftp',
];

const request = (lines: readonly string[]): string =>
  `${['GET / HTTP/1.1', 'Host: shop.example:8443', ...lines, 'X-Other: kept', 'Connection: close'].join('\r\n')}\r\n\r\n`;

/** The fields of the one request that the peer got since it was asked before, sorted. */
function fieldsAtPeer(): string[] {
  const [head] = peer.received.join('').split('\r\n\r\n');
  peer.forget();
  return head.split('\r\n').slice(1).sort();
}

const told = (scheme: string): string[] =>
  [
    'Host: shop.example:8443',
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Host: shop.example:8443',
    `X-Forwarded-Proto: ${scheme}`,
    'X-Other: kept',
    'X-Real-IP: 127.0.0.1',
    `X-Scheme: ${scheme}`,
  ].sort();

async function startJson(location: object): Promise<Proxy> {
  const certificate = makeCertificate(dir, 'shop', 'shop.example');
  return await startProxy(
    JSON.stringify({
      servers: [
        {
          listen: ['127.0.0.1:0', '127.0.0.2:0 ssl'],
          certificate: certificate.certificate,
          certificate_key: certificate.key,
          locations: { '/': { proxy_pass: `http://${peer.address}`, ...location } },
        },
      ],
    }),
  );
}

it('a JSON configuration tells the peer scheme, host and address, whatever the client says', async () => {
  const proxy = await startJson({});
  try {
    const [plain, secure] = proxy.ports;
    for (const lines of [[], FORGED]) {
      await exchangeOnce(plain, request(lines));
      expect(fieldsAtPeer()).toEqual(told('http'));
      const socket = connectTls({ host: '127.0.0.2', port: secure, rejectUnauthorized: false });
      await exchangeOnce(secure, request(lines), { socket });
      expect(fieldsAtPeer()).toEqual(told('https'));
    }
  } finally {
    await proxy.close();
  }
});

it('each of the fields can be said otherwise, the client’s own too, without losing the rest', async () => {
  const proxy = await startJson({
    proxy_set_header: {
      'x-forwarded-proto': '$http_x_forwarded_proto',
      'X-Forwarded-Host': '',
      Forwarded: '$http_forwarded',
    },
  });
  try {
    await exchangeOnce(proxy.port, request(['X-Forwarded-Proto: https', ...FORGED.slice(-2)]));
    expect(fieldsAtPeer()).toEqual(
      [
        ...told('http').filter((line) => !/^X-Forwarded-(?:Proto|Host)/.test(line)),
        'x-forwarded-proto: https',
        'Forwarded: for=192.0.2.4;proto=ftp;host=evil.example',
      ].sort(),
    );
  } finally {
    await proxy.close();
  }
});

it('-T prints a JSON file as an nginx file that sends the same fields', async () => {
  const text = JSON.stringify({
    servers: [
      {
        listen: '127.0.0.1:0',
        locations: {
          '/': { proxy_pass: `http://${peer.address}` },
          '/own': {
            proxy_pass: `http://${peer.address}`,
            proxy_set_header: { 'X-Own': 'yes', 'X-Scheme': '' },
          },
        },
      },
    ],
  });
  writeFileSync(join(dir, 'fields.json'), text);
  const { stdout } = await runLbproxy(['-Tq', '-c', 'fields.json'], {
    cwd: dir,
    env: { XDG_STATE_HOME: dir },
  });
  const seen: string[][] = [];
  for (const configuration of [text, stdout]) {
    const proxy = await startProxy(configuration);
    for (const path of ['/', '/own']) {
      await exchangeOnce(proxy.port, request(FORGED).replace('GET /', `GET ${path}`));
      seen.push(fieldsAtPeer());
    }
    await proxy.close();
  }
  expect(seen[0]).toEqual(told('http'));
  expect(seen[1]).toEqual(
    [...told('http').filter((line) => !line.startsWith('X-Scheme')), 'X-Own: yes'].sort(),
  );
  expect(seen.slice(2)).toEqual(seen.slice(0, 2));
});
