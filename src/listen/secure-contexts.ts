// TLS of an address: what each of its servers is to clients, chosen by SNI as nginx does.
import type { Settings } from '../config/model.ts';
import { namesOf, usesLocal } from '../local-ca/names.ts';
import { bareName, createHostTable } from '../route/hosts.ts';
import type { Slices } from '../shared/slices.ts';
import { ServerTls, type TlsTools } from './tls/server-tls.ts';

/** Whom a name leads to. */
export interface NamedTls {
  readonly tls: ServerTls;
  /** In lower case; '' where none was told, or it leads to the default server as any unknown one does. */
  readonly serverName: string;
}

export interface SecureContexts {
  /** By SNI; '' is what clients without it are given. */
  find(name: string): NamedTls;
}

/** A server of the listener, default one first. */
export interface SecureServer {
  readonly names: readonly string[];
  readonly settings: Settings;
}

/** Rejects with what `tls.createSecureContext` throws; the caller knows the place. A thousand of them take a second: in slices. */
export async function createSecureContexts(
  servers: readonly SecureServer[],
  tools: TlsTools,
  slices: Slices,
): Promise<SecureContexts> {
  const [first, ...others] = servers;
  const made = new Map<string, ServerTls>();
  const of = (settings: Settings): ServerTls => {
    const identity = identityOf(settings);
    const tls = made.get(identity) ?? new ServerTls(settings, first.settings, tools);
    made.set(identity, tls);
    return tls;
  };
  const fallback = of(first.settings);
  const entries: { names: readonly string[]; value: ServerTls | null }[] = [
    { names: first.names, value: fallback },
  ];
  for (const { names, settings } of others) {
    await slices.step();
    // As in nginx a server without a certificate has no TLS of its own.
    const isOwn = settings.sslCertificate.length > 0 || settings.sslRejectHandshake;
    entries.push({ names, value: isOwn ? of(settings) : fallback });
  }
  const table = createHostTable(entries, null);
  // As in nginx the only server of an address has no names.
  const hasNames =
    others.length > 0 || first.names.some((name) => name.startsWith('~') && name.includes('('));
  return {
    find(name) {
      const tls = hasNames && name !== '' ? table.find(name) : null;
      return tls === null ? { tls: fallback, serverName: '' } : { tls, serverName: bareName(name) };
    },
  };
}

/** All that a server's TLS is made of. */
function identityOf(settings: Settings): string {
  const keys = Object.keys(TLS_KEYS) as (keyof typeof TLS_KEYS)[];
  const names = usesLocal(settings) ? [settings.serverNames, namesOf(settings)] : [];
  return JSON.stringify([...keys.map((key) => settings[key]), ...names]);
}

/** `true` for each, so that the compiler asks for all of them. */
const TLS_KEYS: { readonly [K in keyof Settings as K extends `ssl${string}` ? K : never]: true } = {
  sslOn: true,
  sslCertificate: true,
  sslCertificateKey: true,
  sslCertificateCache: true,
  sslPasswordFile: true,
  sslVerifyClient: true,
  sslVerifyDepth: true,
  sslClientCertificate: true,
  sslTrustedCertificate: true,
  sslCrl: true,
  sslRejectHandshake: true,
  sslSessionCache: true,
  sslSessionTimeoutMs: true,
  sslSessionTickets: true,
  sslSessionTicketKey: true,
  sslProtocols: true,
  sslCiphers: true,
  sslPreferServerCiphers: true,
  sslEcdhCurve: true,
  sslDhparam: true,
  sslBufferBytes: true,
  sslEarlyData: true,
  sslStapling: true,
  sslStaplingFile: true,
  sslStaplingResponder: true,
  sslStaplingVerify: true,
  sslConfCommand: true,
  sslOcsp: true,
};
