// ssl_conf_command, proxy_ssl_conf_command: OpenSSL's SSL_CONF commands, as far as Node has a setting for them.
import { constants } from 'node:crypto';
import type { SecureContextOptions, SecureVersion } from 'node:tls';

type Command = (options: SecureContextOptions, value: string) => SecureContextOptions;

/** Names know no case (SSL_CONF_cmd, SSL_CONF_FLAG_FILE). */
const COMMANDS: ReadonlyMap<string, Command> = mapOf({
  ciphersuites: (o, value) => ({ ...o, ciphers: `${value}:${o.ciphers ?? ''}` }),
  cipherstring: (o, value) => ({ ...o, ciphers: value }),
  minprotocol: (o, value) => ({ ...o, minVersion: versionOf(value, 'TLSv1') }),
  maxprotocol: (o, value) => ({ ...o, maxVersion: versionOf(value, 'TLSv1.3') }),
  curves: (o, value) => ({ ...o, ecdhCurve: value }),
  groups: (o, value) => ({ ...o, ecdhCurve: value }),
  signaturealgorithms: (o, value) => ({ ...o, sigalgs: value }),
  options: (o, value) => ({ ...o, secureOptions: withFlags(Number(o.secureOptions ?? 0), value) }),
});

/** What a configuration names is looked up in it: an object knows more names than its own. */
function mapOf<T>(named: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(named));
}

export function withCommands(
  options: SecureContextOptions,
  commands: readonly (readonly [name: string, value: string])[],
  directive: string,
): SecureContextOptions {
  return commands.reduce((made, [name, value]) => {
    const command = COMMANDS.get(name.toLowerCase());
    if (command === undefined)
      throw new Error(`${directive} ${name}: Node has no way to it; there are ${NAMES}`);
    try {
      return command(made, value);
    } catch (error) {
      throw new Error(`${directive} ${name}: ${(error as Error).message}`);
    }
  }, options);
}

/** Node takes the suites of TLS 1.3 from the same list and would switch the version off without them. */
export function withSuites(options: SecureContextOptions): SecureContextOptions {
  const { ciphers = '' } = options;
  return /(?:^|:)TLS_/.test(ciphers) ? options : { ...options, ciphers: `${TLS13_SUITES}:${ciphers}` };
}

const TLS13_SUITES = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

const NAMES =
  'Ciphersuites, CipherString, MinProtocol, MaxProtocol, Curves, Groups, SignatureAlgorithms, Options';

const VERSIONS: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

function versionOf(value: string, none: SecureVersion): SecureVersion {
  if (value === 'None') return none;
  const version = VERSIONS.find((known) => known === value);
  if (version === undefined) throw new Error(`"${value}" is none of ${VERSIONS.join(', ')}`);
  return version;
}

/** Whether a flag that is named sets the bit or clears it. Made when one is: without TLS a process needs nothing of OpenSSL. */
const flagsByName = (): ReadonlyMap<string, readonly [bit: number, sets: boolean]> =>
  mapOf({
    sessionticket: [constants.SSL_OP_NO_TICKET, false],
    emptyfragments: [constants.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS, false],
    bugs: [constants.SSL_OP_ALL, true],
    compression: [constants.SSL_OP_NO_COMPRESSION, false],
    unsafelegacyrenegotiation: [constants.SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION, true],
    unsafelegacyserverconnect: [constants.SSL_OP_LEGACY_SERVER_CONNECT, true],
    norenegotiation: [constants.SSL_OP_NO_RENEGOTIATION, true],
    encryptthenmac: [constants.SSL_OP_NO_ENCRYPT_THEN_MAC, false],
    serverpreference: [constants.SSL_OP_CIPHER_SERVER_PREFERENCE, true],
    prioritizechacha: [constants.SSL_OP_PRIORITIZE_CHACHA, true],
    allownodhekex: [constants.SSL_OP_ALLOW_NO_DHE_KEX, true],
  });

function withFlags(options: number, value: string): number {
  const flags = flagsByName();
  return value.split(',').reduce((bits, word) => {
    const off = word.startsWith('-');
    const flag = flags.get(word.replace(/^[-+]/, '').trim().toLowerCase());
    if (flag === undefined)
      throw new Error(`"${word}" is none that can be set: ${[...flags.keys()].join(', ')}`);
    const [bit, sets] = flag;
    return sets === off ? bits & ~bit : bits | bit;
  }, options);
}
