// TLS towards peers of each family: mistakes are told in the family's own directives, and no family gets a connection of another one.
import { describe, expect, it } from 'vitest';
import { createPeerContext } from '../../../src/forward/tls/peer-context.ts';
import { type PeerTls, PeerTlsSet } from '../../../src/forward/tls/peer-tls.ts';
import {
  type PeerTlsSettings,
  peerTlsDefaults,
  peerTlsOf,
  type TlsFamily,
} from '../../../src/forward/tls/rows.ts';
import { stubExchange } from '../../support/stub-exchange.ts';

const FAMILIES: readonly TlsFamily[] = ['proxy', 'uwsgi'];
const FILES = { '/a.crt': '', '/a.key': '-----BEGIN ENCRYPTED PRIVATE KEY-----', '/words': 'x\n' };
const OWN = { SslCertificate: '/a.crt', SslCertificateKey: '/a.key' };

/** `[settings, what is said, F for the family]`. */
const MISTAKES: readonly (readonly [Partial<PeerTlsSettings>, string])[] = [
  [{ SslVerify: true }, 'F_ssl_verify has nobody to trust: add F_ssl_trusted_certificate'],
  [
    { SslVerify: true, SslTrustedCertificate: '/a.crt' },
    'F_ssl_trusted_certificate /a.crt holds no certificate in PEM',
  ],
  [{ SslCertificate: '/a.crt' }, 'F_ssl_certificate /a.crt has no key: add F_ssl_certificate_key'],
  [OWN, 'F_ssl_certificate_key /a.key is encrypted: add F_ssl_password_file'],
  [
    { ...OWN, SslPasswordFile: '/words' },
    'no passphrase of F_ssl_password_file /words opens F_ssl_certificate_key /a.key',
  ],
  [{ SslCiphers: 'none' }, 'F_ssl_ciphers none: OpenSSL knows none of them'],
  [{ SslConfCommand: [['Nothing', 'x']] }, 'F_ssl_conf_command Nothing: Node has no way to it'],
  [{ SslConfCommand: [['constructor', 'x']] }, 'F_ssl_conf_command constructor: Node has no way to it'],
  [{ SslConfCommand: [['Options', 'nothing']] }, 'F_ssl_conf_command Options: "nothing" is none that can be'],
  [{ SslConfCommand: [['Options', '-constructor']] }, 'F_ssl_conf_command Options: "-constructor" is none'],
];

describe.each(FAMILIES)('of %s', (family) => {
  it.each(MISTAKES)('%j is told', (settings, message) => {
    const make = (): unknown =>
      createPeerContext({ ...peerTlsOf(peerTlsDefaults, family), ...settings }, FILES);
    expect(make).toThrow(message.replaceAll('F_', `${family}_`));
  });

  it('one transport serves all requests', () => {
    const x = stubExchange();
    const transport = transportsOf(new PeerTlsSet({}, '/', null).of(peerTlsOf(peerTlsDefaults, family)));
    expect(transport(x)).toBe(transport(x));
  });
});

it('equal settings of two families are two transports', () => {
  const set = new PeerTlsSet({}, '/', null);
  const keys = FAMILIES.map(
    (family) => transportsOf(set.of(peerTlsOf(peerTlsDefaults, family)))(stubExchange()).key,
  );
  expect(new Set(keys).size).toBe(FAMILIES.length);
});

function transportsOf(tls: PeerTls): ReturnType<PeerTls['transportOf']> {
  return tls.transportOf({ name: () => 'peer.example', certificate: null });
}
