// Certificates of a TLS listener: one secure context per server, chosen by SNI as nginx does.
import { constants, createHash } from 'node:crypto';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import type { Settings } from '../config/model.ts';
import { settingsOver } from '../config/settings.ts';
import { createHostTable } from '../route/hosts.ts';
import { nodeTls } from '../shared/node-parts.ts';
import type { Slices } from '../shared/slices.ts';
import type { TicketKeys } from '../socket/ticket-keys.ts';
import type { CertificatePaths, TlsFiles } from './tls-files.ts';

/** What TLS needs besides settings, the same in all acceptors. */
export interface TlsMaterial {
  readonly selfSigned: CertificatePaths | null;
  readonly files: TlsFiles;
  readonly ticketKeys: TicketKeys;
}

export interface SecureContexts {
  /** By SNI; '' is what clients without it are given. */
  contextFor(name: string): ServerTls;
}

export interface ServerTls {
  readonly context: SecureContext;
  /**
   * What sessions of a name belong to, at most 32 characters: to the name (RFC 6066 §3: none resumes at another) and, as in nginx, to the
   * certificate. The same in every acceptor and after a reload, so that a session resumes wherever the client lands.
   */
  sessionsOf(name: string): string;
}

/** A server of the listener, default one first. */
export interface SecureServer {
  readonly names: readonly string[];
  readonly settings: Settings;
}

/** Rejects with what `tls.createSecureContext` throws; the caller knows the place. A thousand of them take a second: in slices. */
export async function createSecureContexts(
  servers: readonly SecureServer[],
  material: TlsMaterial,
  slices: Slices,
): Promise<SecureContexts> {
  const [first, ...others] = servers;
  const fallback = serverTls(first.settings, material);
  const entries = [{ names: first.names, value: fallback }];
  for (const { names, settings } of others) {
    await slices.step();
    const value = sameTls(settings, first.settings)
      ? fallback
      : serverTls(withCertificate(settings, first.settings), material);
    entries.push({ names, value });
  }
  const table = createHostTable(entries, fallback);
  return { contextFor: (name) => table.find(name) };
}

/** As in nginx a server without a certificate shows the default one's. What else it says of TLS holds all the same. */
function withCertificate(settings: Settings, { sslCertificate, sslCertificateKey }: Settings): Settings {
  return settings.sslCertificate === ''
    ? settingsOver(settings, { sslCertificate, sslCertificateKey })
    : settings;
}

function sameTls(settings: Settings, first: Settings): boolean {
  return (
    settings.sslCertificate === '' &&
    settings.sslCiphers === first.sslCiphers &&
    settings.sslSessionTickets === first.sslSessionTickets &&
    settings.sslProtocols.toSorted().join() === first.sslProtocols.toSorted().join()
  );
}

function serverTls(settings: Settings, material: TlsMaterial): ServerTls {
  const options = contextOptions(settings, material);
  const sessionsOf = (name: string): string =>
    createHash('sha256').update(options.cert).update(name.toLowerCase()).digest('base64url').slice(0, 32);
  const context = nodeTls().createSecureContext({ ...options, sessionIdContext: sessionsOf('') });
  material.ticketKeys.bind(context);
  return { context, sessionsOf };
}

function contextOptions(
  settings: Settings,
  material: TlsMaterial,
): SecureContextOptions & { readonly cert: string } {
  const own = settings.sslCertificate === 'self-signed' ? material.selfSigned : null;
  const certificate = own?.certificate ?? settings.sslCertificate;
  const key = own?.key ?? settings.sslCertificateKey;
  const versions = settings.sslProtocols;
  return {
    cert: contentOf(certificate, material),
    key: contentOf(key, material),
    minVersion: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: `${TLS13_SUITES}:${settings.sslCiphers === '' ? TLS12_CIPHERS : settings.sslCiphers}`,
    honorCipherOrder: true,
    ticketKeys: material.ticketKeys.current,
    secureOptions:
      constants.SSL_OP_NO_RENEGOTIATION | (settings.sslSessionTickets ? 0 : constants.SSL_OP_NO_TICKET),
  };
}

function contentOf(path: string, { files }: TlsMaterial): string {
  const content = files[path];
  if (content === undefined) throw new Error(`${path} was not read`);
  return content;
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
