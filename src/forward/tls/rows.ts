// Rows of TLS towards peers: one maker and one type for all families of backs that have it (proxy_, uwsgi_, and later grpc_).
import {
  count,
  flag,
  HTTP_LEVELS,
  ignored,
  list,
  path,
  type ReadContext,
  type Row,
  setting,
} from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';

export const PEER_PROTOCOLS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export type PeerProtocol = (typeof PEER_PROTOCOLS)[number];

/** What a level says of TLS towards its peers. Paths are absolute; '' = none. */
export interface PeerTlsSettings {
  readonly SslServerName: boolean;
  /** Template; null = the host or group of the URL. */
  readonly SslName: string | null;
  readonly SslVerify: boolean;
  readonly SslVerifyDepth: number;
  readonly SslTrustedCertificate: string;
  readonly SslCrl: string;
  /** Template of a path. */
  readonly SslCertificate: string;
  /** Template of a path. */
  readonly SslCertificateKey: string;
  readonly SslPasswordFile: string;
  readonly SslProtocols: readonly PeerProtocol[];
  /** OpenSSL list. */
  readonly SslCiphers: string;
  readonly SslSessionReuse: boolean;
  readonly SslConfCommand: readonly (readonly [name: string, value: string])[];
}

/** Families whose directives have all of these. */
export type TlsFamily = 'proxy' | 'uwsgi';

/** The settings of one family, whose name messages and the pool need. */
export interface FamilyTls extends PeerTlsSettings {
  readonly family: TlsFamily;
}

type Of<F extends TlsFamily> = { readonly [K in keyof PeerTlsSettings as `${F}${K}`]: PeerTlsSettings[K] };

declare module '../../config/model.ts' {
  interface Settings extends Of<'proxy'>, Of<'uwsgi'> {}
}

const DEFAULTS: PeerTlsSettings = {
  SslServerName: false,
  SslName: null,
  SslVerify: false,
  SslVerifyDepth: 1,
  SslTrustedCertificate: '',
  SslCrl: '',
  SslCertificate: '',
  SslCertificateKey: '',
  SslPasswordFile: '',
  SslProtocols: ['TLSv1.2', 'TLSv1.3'],
  SslCiphers: 'DEFAULT',
  SslSessionReuse: true,
  SslConfCommand: [],
};

function defaultsOf<F extends TlsFamily>(family: F): Of<F> {
  return Object.fromEntries(
    Object.entries(DEFAULTS).map(([key, value]) => [`${family}${key}`, value]),
  ) as unknown as Of<F>;
}

export const peerTlsDefaults: Of<TlsFamily> = { ...defaultsOf('proxy'), ...defaultsOf('uwsgi') };

/** The settings of one family, its name cut from theirs. */
export function peerTlsOf(settings: Of<TlsFamily>, family: TlsFamily): FamilyTls {
  const keys = Object.keys(DEFAULTS) as (keyof PeerTlsSettings)[];
  const own = Object.fromEntries(keys.map((key) => [key, settings[`${family}${key}`]]));
  return { ...(own as unknown as PeerTlsSettings), family };
}

/** nginx merges a path with variables when the request comes; a constant one is made absolute here. */
function readPath(words: readonly Word[], cx: ReadContext): string {
  const text = cx.template(words[0]);
  return text === '' || text.startsWith('$') ? text : cx.resolvePath(text);
}

function readProtocols(words: readonly Word[], cx: ReadContext): readonly PeerProtocol[] | undefined {
  const taken: PeerProtocol[] = [];
  for (const word of words) {
    const known = PEER_PROTOCOLS.find((name) => name === word.text);
    if (known !== undefined) taken.push(known);
    else if (/^SSLv[23]$/.test(word.text))
      cx.problems.warn(word.at, `${word.text} is not secure and stays off`);
    else
      return cx.problems.error(
        word.at,
        `unknown protocol "${word.text}"; there are ${PEER_PROTOCOLS.join(', ')}`,
      );
  }
  if (taken.length > 0) return taken;
  return cx.problems.error(words[0].at, `no protocol is left; write TLSv1.2 TLSv1.3`);
}

const contexts = HTTP_LEVELS;

/** Makes the name of a directive. */
type Name = (rest: string) => string;

function peerTlsRows(family: TlsFamily): Row[] {
  const name: Name = (rest) => `${family}_ssl_${rest}`;
  return [...peerRows(family, name), ...ownRows(family, name), ...protocolRows(family, name)];
}

/** Whom one speaks to. */
function peerRows(family: TlsFamily, name: Name): Row[] {
  return [
    flag(`${family}SslServerName`, {
      name: name('server_name'),
      contexts,
      default: 'off',
      doc: 'Tells the peer by SNI which name is meant (…_ssl_name); addresses are not told.',
    }),
    setting(`${family}SslName`, {
      name: name('name'),
      contexts,
      args: [1, 1],
      syntax: 'name',
      default: family === 'proxy' ? '$proxy_host' : 'the host or group of the address',
      doc: 'The name that SNI tells and that the certificate must have; a port in it is left out.',
      read: (words, cx) => cx.template(words[0]),
    }),
    flag(`${family}SslVerify`, {
      name: name('verify'),
      contexts,
      default: 'off',
      doc: 'Checks the peer’s certificate: who signed it (…_ssl_trusted_certificate), its dates, its name. Without it anybody may answer in the peer’s place.',
    }),
    count(`${family}SslVerifyDepth`, {
      name: name('verify_depth'),
      contexts,
      default: '1',
      doc: 'How many certificates may stand between the peer’s own and the trusted one.',
    }),
    path(`${family}SslTrustedCertificate`, {
      name: name('trusted_certificate'),
      contexts,
      doc: 'Certificates in PEM of those who may sign a peer’s.',
    }),
    path(`${family}SslCrl`, {
      name: name('crl'),
      contexts,
      doc: 'Lists of revoked certificates in PEM, one of each who signs.',
    }),
  ];
}

/** Who one is. */
function ownRows(family: TlsFamily, name: Name): Row[] {
  return [
    setting(`${family}SslCertificate`, {
      name: name('certificate'),
      contexts,
      args: [1, 1],
      syntax: 'file',
      doc: 'Certificate chain in PEM that lbproxy shows to a peer that asks for one.',
      read: readPath,
    }),
    setting(`${family}SslCertificateKey`, {
      name: name('certificate_key'),
      contexts,
      args: [1, 1],
      syntax: 'file',
      doc: 'Private key of that certificate in PEM.',
      read: readPath,
    }),
    ignored(name('certificate_cache'), contexts, 'a file that variables name is read again when it changes', {
      args: [1, 3],
    }),
    path(`${family}SslPasswordFile`, {
      name: name('password_file'),
      contexts,
      doc: 'Passphrases of the key, a line each; they are tried in turn.',
    }),
  ];
}

/** How one speaks. */
function protocolRows(family: TlsFamily, name: Name): Row[] {
  return [
    setting(`${family}SslProtocols`, {
      name: name('protocols'),
      contexts,
      args: [1, 6],
      syntax: '[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]',
      repeat: 'union',
      default: 'TLSv1.2 TLSv1.3',
      doc: 'TLS versions towards peers.',
      read: readProtocols,
    }),
    setting(`${family}SslCiphers`, {
      name: name('ciphers'),
      contexts,
      args: [1, 1],
      syntax: 'list',
      default: 'DEFAULT',
      doc: "Ciphers up to TLS 1.2 in OpenSSL's notation.",
      read: (words) => words[0].text,
    }),
    flag(`${family}SslSessionReuse`, {
      name: name('session_reuse'),
      contexts,
      default: 'on',
      doc: 'Begins a connection with the session of an earlier one to the same peer, which saves the greater part of the handshake.',
    }),
    list(`${family}SslConfCommand`, {
      name: name('conf_command'),
      contexts,
      args: [2, 2],
      syntax: 'name value',
      doc: 'OpenSSL’s own settings: Ciphersuites, CipherString, MinProtocol, MaxProtocol, Protocol, Curves or Groups, SignatureAlgorithms, Options.',
      read: ([command, value]) => [command.text, value.text] as const,
    }),
  ];
}

export const peerTlsRowsOfAll: readonly Row[] = [...peerTlsRows('proxy'), ...peerTlsRows('uwsgi')];
