// Certificates beyond what servers and clients show: an identifier that no certificate has, a responder that nobody can reach.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { objectId } from '../../src/socket/tls/der.ts';
import { ocspQuestion } from '../../src/socket/tls/ocsp.ts';
import { Authority } from '../support/authority.ts';

it.each([
  ['2a864886f70d010901', '1.2.840.113549.1.9.1'],
  ['550403', '2.5.4.3'],
  ['8837', '2.999'],
])('reads the identifier %s', (hex, text) => {
  expect(objectId(Buffer.from(hex, 'hex'))).toBe(text);
});

it('looks at no number of any length in an identifier', () => {
  const endless = Buffer.concat([
    Buffer.from('550403', 'hex'),
    Buffer.alloc(100_000, 0xff),
    Buffer.from([1]),
  ]);
  expect(objectId(endless)).toBe('2.5.4.3');
});

describe('who is asked about a certificate', () => {
  const ca = new Authority();
  afterAll(() => ca.remove());
  const { certificate } = ca.leaf('s', 's.example');
  const ask = (responder: string) =>
    ocspQuestion(readFileSync(certificate, 'utf8'), readFileSync(ca.root, 'utf8'), responder);

  it.each([
    ['http://ocsp.example', 'ocsp.example', 80, ''],
    ['http://ocsp.example:65535/a/', 'ocsp.example', 65_535, '/a'],
    ['http://[::1]:81/', '::1', 81, ''],
  ])('is found in %s', (url, host, port, path) => {
    expect(ask(url)).toMatchObject({ host, port, path });
  });

  it.each(['https://a/', 'http://a:0/', 'http://a:65536/', 'http://a:99999999999/', 'ocsp.example'])(
    'is nobody in %s',
    (url) => {
      expect(ask(url)).toBe(`"${url}" is nobody to ask: write http://host/`);
    },
  );
});
