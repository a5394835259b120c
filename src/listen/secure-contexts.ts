// Certificates of a TLS listener: one secure context per server, chosen by SNI as nginx does.
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Settings } from '../config/model.ts';
import { createHostTable } from '../route/hosts.ts';

/** Where the self-signed certificate is, and the keys of the session tickets, the same in all acceptors. */
export interface TlsMaterial {
  readonly selfSigned: { readonly certificate: string; readonly key: string } | null;
  /** 48 bytes. */
  readonly ticketKeys: Buffer;
}

export interface SecureContexts {
  /** Of the default server, for clients without SNI. */
  readonly options: SecureContextOptions;
  contextFor(name: string): SecureContext;
}

/** A server of the listener, default one first. */
export interface SecureServer {
  readonly names: readonly string[];
  readonly settings: Settings;
}

/** Throws what `tls.createSecureContext` and `fs` throw; the caller knows the place. */
export function createSecureContexts(
  servers: readonly SecureServer[],
  material: TlsMaterial,
): SecureContexts {
  const contexts = servers.map(({ names, settings }) => {
    const options = contextOptions(settings, material);
    return { names, value: { options, context: createSecureContext(options) } };
  });
  const [first] = contexts;
  const table = createHostTable(contexts, first.value);
  return {
    options: first.value.options,
    contextFor: (name) => table.find(name).context,
  };
}

function contextOptions(settings: Settings, material: TlsMaterial): SecureContextOptions {
  const own = settings.sslCertificate === 'self-signed' ? material.selfSigned : null;
  const certificate = own?.certificate ?? settings.sslCertificate;
  const key = own?.key ?? settings.sslCertificateKey;
  const versions = settings.sslProtocols;
  return {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    minVersion: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: `${TLS13_SUITES}:${settings.sslCiphers === '' ? TLS12_CIPHERS : settings.sslCiphers}`,
    honorCipherOrder: true,
    ticketKeys: material.ticketKeys,
    // The same in every acceptor, so that a session resumes wherever the client lands.
    sessionIdContext: 'lbproxy',
    ...(settings.sslSessionTickets ? {} : { secureOptions: SSL_OP_NO_TICKET }),
  };
}

/** Node takes the suites of TLS 1.3 from the same list and would switch the version off without them. */
const TLS13_SUITES = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

/** Of TLS 1.2 only what has forward secrecy and authenticated encryption. */
const TLS12_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** OpenSSL: no session tickets. */
const SSL_OP_NO_TICKET = 1 << 14;
