// The secure context of a server: its settings, those of the default server of its address, and the files that they name. As in nginx,
// which makes a connection with the default server's context and changes it once SNI has named another (ngx_http_ssl_servername).
import { constants } from 'node:crypto';
import type { SecureContext, SecureContextOptions, SecureVersion } from 'node:tls';
import type { Settings } from '../../config/model.ts';
import { withCommands, withSuites } from '../../forward/tls/conf-commands.ts';
import { isEncrypted, openedKey } from '../../socket/tls/private-key.ts';
import { createTrustingContext } from './trust.ts';

/** A certificate chain and its key, in PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface ContextParts {
  readonly own: Settings;
  /** Of the default server. */
  readonly first: Settings;
  readonly pairs: readonly Pair[];
  /** What a file holds, `data:` included; '' for ''. */
  contentOf(place: string): string;
}

/** Throws what is wrong, with the directive where that is known. */
export function createServerContext(parts: ContextParts): SecureContext {
  const { own, first, contentOf } = parts;
  const commands = [...own.sslConfCommand.filter(isOwn), ...first.sslConfCommand.filter((c) => !isOwn(c))];
  const options = withCommands(baseOptions(parts), commands, 'ssl_conf_command');
  const trusted = {
    client: contentOf(own.sslClientCertificate),
    trusted: contentOf(own.sslTrustedCertificate),
  };
  if (own.sslVerifyClient === 'off') return createTrustingContext(withSuites(options), NOBODY);
  return createTrustingContext(withSuites(options), { ...trusted, crl: contentOf(own.sslCrl) });
}

const NOBODY = { client: '', trusted: '', crl: '' };

function baseOptions({ own, first, pairs, contentOf }: ContextParts): SecureContextOptions {
  const flags =
    constants.SSL_OP_NO_RENEGOTIATION |
    (own.sslSessionTickets ? 0 : constants.SSL_OP_NO_TICKET) |
    (own.sslPreferServerCiphers ? constants.SSL_OP_CIPHER_SERVER_PREFERENCE : 0);
  return {
    cert: pairs.map(({ certificate }) => certificate),
    key: pairs.map(({ key }) => key),
    ...versionsOf(own.sslProtocols, flags),
    ciphers: withoutSuites(own.sslCiphers),
    ecdhCurve: first.sslEcdhCurve,
    ...(own.sslDhparam === '' ? {} : { dhparam: contentOf(own.sslDhparam) }),
    sessionTimeout: Math.max(1, Math.floor(first.sslSessionTimeoutMs / 1000)),
  };
}

/** Those of a command that hold for the connection from its beginning are the default server's. */
const OF_FIRST: ReadonlySet<string> = new Set([
  'ciphersuites',
  'minprotocol',
  'maxprotocol',
  'curves',
  'groups',
]);

const isOwn = ([name]: readonly [string, string]): boolean => !OF_FIRST.has(name.toLowerCase());

const VERSIONS: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
/** What switches each of them off. Asked for when a server has TLS: without, a process needs nothing of OpenSSL. */
const offBits = (): readonly number[] => [
  constants.SSL_OP_NO_TLSv1,
  constants.SSL_OP_NO_TLSv1_1,
  constants.SSL_OP_NO_TLSv1_2,
  constants.SSL_OP_NO_TLSv1_3,
];

/** The versions may have gaps. */
function versionsOf(on: readonly string[], flags: number): SecureContextOptions {
  const taken = VERSIONS.filter((version) => on.includes(version));
  const bits = offBits();
  const off = VERSIONS.reduce((sum, version, i) => (taken.includes(version) ? sum : sum | bits[i]), flags);
  return { minVersion: taken[0], maxVersion: taken.at(-1), secureOptions: off };
}

/** Suites of TLS 1.3 among the ciphers have no meaning in nginx, but one to Node. */
function withoutSuites(ciphers: string): string {
  return ciphers
    .split(/[:, ]+/)
    .filter((cipher) => !/^[+!-]?TLS_/.test(cipher))
    .join(':');
}

/** A key that is to be used: opened, or an error with the directive. */
export function usableKey(key: string, name: string, passphrases: string): string {
  const opened = openedKey(key, passphrases);
  if (opened !== undefined) return opened;
  if (isEncrypted(key) && passphrases === '')
    throw new Error(`ssl_certificate_key ${name} is encrypted: add ssl_password_file`);
  throw new Error(`no passphrase of ssl_password_file opens ssl_certificate_key ${name}`);
}
