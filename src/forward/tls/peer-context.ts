// The secure context of TLS towards peers, made of a level's settings and the files that they name.
import { constants } from 'node:crypto';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { nodeTls } from '../../shared/node-parts.ts';
import { blocksOf } from '../../socket/tls/pem.ts';
import { isEncrypted, openedKey } from '../../socket/tls/private-key.ts';
import { withCommands, withSuites } from './conf-commands.ts';
import { type FamilyTls, PEER_PROTOCOLS } from './rows.ts';

/** Path → content, in PEM. */
export type PeerFiles = Readonly<Record<string, string>>;

/** Throws what is wrong, with the directive. */
export function createPeerContext(tls: FamilyTls, files: PeerFiles): SecureContext {
  const options = {
    ...versionsOf(tls),
    ciphers: tls.SslCiphers,
    // None of Node's own: who is not named is not trusted.
    ca: [] as string[],
    ...trustOf(tls, files),
    ...certificateOf(tls, files),
  };
  try {
    return nodeTls().createSecureContext(
      withSuites(withCommands(options, tls.SslConfCommand, `${directivesOf(tls)}_conf_command`)),
    );
  } catch (error) {
    throw new Error(inWords(error as NodeJS.ErrnoException, tls));
  }
}

/** What switches each version off. Asked for when a peer has TLS: without, a process needs nothing of OpenSSL. */
const offBits = (): Readonly<Record<string, number>> => ({
  TLSv1: constants.SSL_OP_NO_TLSv1,
  'TLSv1.1': constants.SSL_OP_NO_TLSv1_1,
  'TLSv1.2': constants.SSL_OP_NO_TLSv1_2,
  'TLSv1.3': constants.SSL_OP_NO_TLSv1_3,
});

/** The versions may have gaps. */
function versionsOf({ SslProtocols: on }: FamilyTls): SecureContextOptions {
  const bits = offBits();
  const off = PEER_PROTOCOLS.filter((version) => !on.includes(version)).reduce((sum, v) => sum | bits[v], 0);
  return { minVersion: 'TLSv1', maxVersion: 'TLSv1.3', secureOptions: off | constants.SSL_OP_NO_COMPRESSION };
}

function trustOf(tls: FamilyTls, files: PeerFiles): SecureContextOptions {
  if (!tls.SslVerify) return {};
  const { SslTrustedCertificate: trusted, SslCrl: crl } = tls;
  const of = directivesOf(tls);
  if (trusted === '') throw new Error(`${of}_verify has nobody to trust: add ${of}_trusted_certificate`);
  const ca = blocksOf(contentOf(trusted, files), 'CERTIFICATE');
  if (ca.length === 0) throw new Error(`${of}_trusted_certificate ${trusted} holds no certificate in PEM`);
  if (crl === '') return { ca };
  const lists = blocksOf(contentOf(crl, files), 'X509 CRL');
  if (lists.length === 0) throw new Error(`${of}_crl ${crl} holds no list in PEM`);
  return { ca, crl: lists };
}

function certificateOf(tls: FamilyTls, files: PeerFiles): SecureContextOptions {
  const { SslCertificate: certificate, SslCertificateKey: key } = tls;
  if (certificate === '') return {};
  const of = directivesOf(tls);
  if (key === '') throw new Error(`${of}_certificate ${certificate} has no key: add ${of}_certificate_key`);
  return { cert: contentOf(certificate, files), key: openKey(tls, files) };
}

/** The key as it is, or opened by the first passphrase that fits. */
function openKey(tls: FamilyTls, files: PeerFiles): string {
  const { SslCertificateKey: path, SslPasswordFile: passwords } = tls;
  const of = directivesOf(tls);
  const pem = contentOf(path, files);
  if (isEncrypted(pem) && passwords === '')
    throw new Error(`${of}_certificate_key ${path} is encrypted: add ${of}_password_file`);
  const key = openedKey(pem, passwords === '' ? '' : contentOf(passwords, files));
  if (key !== undefined) return key;
  throw new Error(`no passphrase of ${of}_password_file ${passwords} opens ${of}_certificate_key ${path}`);
}

function contentOf(path: string, files: PeerFiles): string {
  const content = files[path];
  if (content === undefined) throw new Error(`${path} was not read`);
  return content;
}

/** What the names of its directives begin with. */
function directivesOf({ family }: FamilyTls): string {
  return `${family}_ssl`;
}

function inWords({ code = '', message }: NodeJS.ErrnoException, tls: FamilyTls): string {
  const of = directivesOf(tls);
  if (/CIPHER/.test(code + message)) return `${of}_ciphers ${tls.SslCiphers}: OpenSSL knows none of them`;
  if (/KEY_VALUES_MISMATCH/.test(code))
    return `${of}_certificate_key ${tls.SslCertificateKey} does not belong to ${of}_certificate ${tls.SslCertificate}`;
  return `the certificates towards peers cannot be used: ${message} (${[tls.SslTrustedCertificate, tls.SslCrl, tls.SslCertificate, tls.SslCertificateKey].filter((path) => path !== '').join(', ')})`;
}
