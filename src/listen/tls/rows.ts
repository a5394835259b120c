// Rows of TLS towards clients: certificates, whom to trust, sessions, protocols. Which of them follow the server that SNI names and which
// the default one of the address: contexts.ts.
// Past 300 lines as a table is: one entry a directive.
import {
  type Context,
  choice,
  count,
  flag,
  ignored,
  list,
  type ReadContext,
  type Row,
  setting,
  size,
  time,
} from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount, parseSize, parseTime } from '../../config/units.ts';

export type VerifyClient = 'off' | 'on' | 'optional' | 'optional_no_ca';

/** Where sessions are kept that clients come back with. */
export interface SessionPlace {
  readonly kind: 'off' | 'none' | 'builtin' | 'shared';
  /** Of the zone. */
  readonly name: string;
  readonly bytes: number;
  /** Sessions of `builtin`. */
  readonly count: number;
}

/** ssl_certificate_cache: certificates whose paths hold variables. */
export interface CertificateKeeping {
  readonly max: number;
  readonly inactiveMs: number;
  readonly validMs: number;
}

declare module '../../config/model.ts' {
  interface Settings {
    readonly sslOn: boolean;
    /** Templates of paths, `data:` and PEM, `local` or `self-signed`; those of one index belong together. */
    readonly sslCertificate: readonly string[];
    readonly sslCertificateKey: readonly string[];
    readonly sslCertificateCache: CertificateKeeping | null;
    /** Paths are absolute; '' = none. */
    readonly sslPasswordFile: string;
    readonly sslVerifyClient: VerifyClient;
    readonly sslVerifyDepth: number;
    readonly sslClientCertificate: string;
    readonly sslTrustedCertificate: string;
    readonly sslCrl: string;
    readonly sslRejectHandshake: boolean;
    readonly sslSessionCache: SessionPlace;
    readonly sslSessionTimeoutMs: number;
    readonly sslSessionTickets: boolean;
    readonly sslSessionTicketKey: readonly string[];
    readonly sslProtocols: readonly string[];
    /** OpenSSL list. */
    readonly sslCiphers: string;
    readonly sslPreferServerCiphers: boolean;
    readonly sslEcdhCurve: string;
    readonly sslDhparam: string;
    readonly sslBufferBytes: number;
    readonly sslEarlyData: boolean;
    readonly sslStapling: boolean;
    readonly sslStaplingFile: string;
    readonly sslStaplingResponder: string;
    readonly sslStaplingVerify: boolean;
    readonly sslConfCommand: readonly (readonly [name: string, value: string])[];
    readonly sslOcsp: false;
  }
}

const NO_SESSIONS: SessionPlace = { kind: 'none', name: '', bytes: 0, count: 0 };
/** OpenSSL's own bound. */
const BUILTIN_SESSIONS = 20_480;

export const tlsDefaults = {
  sslOn: false,
  sslCertificate: [],
  sslCertificateKey: [],
  sslCertificateCache: null,
  sslPasswordFile: '',
  sslVerifyClient: 'off',
  sslVerifyDepth: 1,
  sslClientCertificate: '',
  sslTrustedCertificate: '',
  sslCrl: '',
  sslRejectHandshake: false,
  sslSessionCache: NO_SESSIONS,
  sslSessionTimeoutMs: 300_000,
  sslSessionTickets: true,
  sslSessionTicketKey: [],
  sslProtocols: ['TLSv1.2', 'TLSv1.3'],
  sslCiphers: 'HIGH:!aNULL:!MD5',
  sslPreferServerCiphers: false,
  sslEcdhCurve: 'auto',
  sslDhparam: '',
  sslBufferBytes: 16_384,
  sslEarlyData: false,
  sslStapling: false,
  sslStaplingFile: '',
  sslStaplingResponder: '',
  sslStaplingVerify: false,
  sslConfCommand: [],
  sslOcsp: false,
} as const;

const contexts: readonly Context[] = ['http', 'server'];

/** A path, or PEM behind `data:`; neither is looked at before it is used. */
function readPlace(text: string, cx: ReadContext): string {
  return text.startsWith('data:') || text.startsWith('$') ? text : cx.resolvePath(text);
}

/** `engine:` and `store:` name keys that only OpenSSL's own loaders reach. */
function readCertificate(words: readonly Word[], cx: ReadContext): string | undefined {
  const [word] = words;
  if (word.text === 'self-signed' || word.text === 'local') return word.text;
  const [scheme] = /^(?:engine|store):/.exec(word.text) ?? [];
  if (scheme !== undefined)
    return cx.problems.error(word.at, `"${scheme}" is not supported: Node has no way to it; name a PEM file`);
  return readPlace(cx.template(word), cx);
}

const tlsFile = (
  key:
    | 'sslPasswordFile'
    | 'sslClientCertificate'
    | 'sslTrustedCertificate'
    | 'sslCrl'
    | 'sslDhparam'
    | 'sslStaplingFile',
  name: string,
  doc: string,
): Row =>
  setting(key, {
    name,
    contexts,
    args: [1, 1],
    syntax: 'file',
    doc,
    read: (words, cx) => (words[0].text === '' ? '' : readPlace(words[0].text, cx)),
  });

const certificateRows: readonly Row[] = [
  list('sslCertificate', {
    name: 'ssl_certificate',
    aliases: ['certificate'],
    contexts,
    args: [1, 1],
    syntax: 'file | data:pem | local | self-signed',
    doc: 'Certificate chain in PEM; several, one of each kind of key, give each client the one it can use. With variables it is read at each handshake. `local` has a local authority make one for each name, which `lbproxy trust` has browsers believe; `self-signed` makes one for localhost once and keeps it. A server without one is, for TLS, the default server.',
    read: readCertificate,
  }),
  list('sslCertificateKey', {
    name: 'ssl_certificate_key',
    aliases: ['certificate_key'],
    contexts,
    args: [1, 1],
    syntax: 'file | data:pem',
    doc: 'Private key of the certificate in PEM; the first belongs to the first certificate, and so on.',
    read: readCertificate,
  }),
  setting('sslCertificateCache', {
    name: 'ssl_certificate_cache',
    contexts,
    args: [1, 3],
    syntax: 'off | max=n [inactive=time] [valid=time]',
    default: 'off',
    doc: 'How many certificates that variables name are kept, for how long without use, and after what time their files are looked at again.',
    read: readKeeping,
  }),
  tlsFile(
    'sslPasswordFile',
    'ssl_password_file',
    'Passphrases of keys, a line each; they are tried in turn.',
  ),
  ignored('ssl_certificate_compression', contexts, 'certificates are sent as they are', { args: [1, 1] }),
  ignored('ssl_ech_file', contexts, 'Node has no way to it, as OpenSSL before 4.0', {
    args: [1, 1],
    warn: true,
    repeats: true,
  }),
];

const trustRows: readonly Row[] = [
  choice('sslVerifyClient', ['off', 'on', 'optional', 'optional_no_ca'], {
    name: 'ssl_verify_client',
    contexts,
    default: 'off',
    doc: 'Asks clients for a certificate: it must be there and be trusted (`on`), be trusted where it is there (`optional`), or may be anybody’s (`optional_no_ca`). Else 400 (495, 496 to error_page).',
  }),
  count('sslVerifyDepth', {
    name: 'ssl_verify_depth',
    contexts,
    default: '1',
    doc: 'How many certificates may stand between the client’s own and a trusted one.',
  }),
  tlsFile(
    'sslClientCertificate',
    'ssl_client_certificate',
    'Certificates in PEM of those who may sign clients’; their names are told to clients.',
  ),
  tlsFile(
    'sslTrustedCertificate',
    'ssl_trusted_certificate',
    'As ssl_client_certificate, without the names being told; also whose OCSP answers are believed.',
  ),
  tlsFile('sslCrl', 'ssl_crl', 'Lists of revoked certificates in PEM, one of each who signs.'),
  setting('sslEarlyData', {
    name: 'ssl_early_data',
    contexts,
    args: [1, 1],
    syntax: 'on | off',
    default: 'off',
    doc: 'Read for compatibility: Node takes no early data, so that clients send it again after the handshake.',
    read: readEarlyData,
  }),
  setting('sslOcsp', {
    name: 'ssl_ocsp',
    contexts,
    args: [1, 1],
    syntax: 'off',
    default: 'off',
    doc: 'Node has no way to ask whether a client’s certificate was revoked; only `off` is taken. ssl_crl does it with lists.',
    read: readOcsp,
  }),
  ...['ssl_ocsp_cache', 'ssl_ocsp_responder'].map((name) =>
    ignored(name, contexts, 'ssl_ocsp is off', { args: [1, 1] }),
  ),
];

const sessionRows: readonly Row[] = [
  setting('sslSessionCache', {
    name: 'ssl_session_cache',
    contexts,
    args: [1, 2],
    syntax: 'off | none | [builtin[:n]] [shared:name:size]',
    default: 'none',
    repeat: 'last',
    doc: 'Where sessions are kept for clients that have no ticket: in one place for all acceptors, whichever of both is named.',
    read: readSessionCache,
  }),
  time('sslSessionTimeoutMs', {
    name: 'ssl_session_timeout',
    contexts,
    default: '5m',
    doc: 'How long a session can be resumed.',
  }),
  flag('sslSessionTickets', {
    name: 'ssl_session_tickets',
    contexts,
    default: 'on',
    doc: 'Session resumption by tickets; all acceptors share the keys.',
  }),
  list('sslSessionTicketKey', {
    name: 'ssl_session_ticket_key',
    contexts,
    args: [1, 1],
    syntax: 'file',
    doc: 'A file of 48 or 80 random bytes that tickets are sealed with, for those who share it; tickets of further ones are taken, too.',
    read: (words, cx) => cx.resolvePath(words[0].text),
  }),
];

const protocolRows: readonly Row[] = [
  flag('sslRejectHandshake', {
    name: 'ssl_reject_handshake',
    contexts,
    default: 'off',
    doc: 'Refuses clients that ask for this server, or for none that there is; it needs no certificate then.',
  }),
  setting('sslProtocols', {
    name: 'ssl_protocols',
    contexts,
    args: [1, 6],
    syntax: '[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]',
    repeat: 'union',
    default: 'TLSv1.2 TLSv1.3',
    doc: 'TLS versions. Those before 1.2 are not secure, and OpenSSL speaks them only with `@SECLEVEL=0` among the ciphers.',
    read: readProtocols,
  }),
  setting('sslCiphers', {
    name: 'ssl_ciphers',
    contexts,
    args: [1, 1],
    syntax: 'list',
    default: 'HIGH:!aNULL:!MD5',
    doc: "Ciphers up to TLS 1.2 in OpenSSL's notation.",
    read: (words) => words[0].text,
  }),
  flag('sslPreferServerCiphers', {
    name: 'ssl_prefer_server_ciphers',
    contexts,
    default: 'off',
    doc: 'The order of ssl_ciphers counts, not that of the client.',
  }),
  setting('sslEcdhCurve', {
    name: 'ssl_ecdh_curve',
    contexts,
    args: [1, 1],
    syntax: 'auto | curve[:curve …]',
    default: 'auto',
    doc: 'Groups of the key exchange; `auto` leaves them to OpenSSL.',
    read: (words) => words[0].text,
  }),
  tlsFile(
    'sslDhparam',
    'ssl_dhparam',
    'Parameters in PEM for ciphers with DHE, which there are none of otherwise.',
  ),
  size('sslBufferBytes', {
    name: 'ssl_buffer_size',
    contexts,
    default: '16k',
    doc: 'Most bytes of one record of an answer, from 512 to 16k: what a client must have before it can read any of them.',
  }),
  list('sslConfCommand', {
    name: 'ssl_conf_command',
    contexts,
    args: [2, 2],
    syntax: 'name value',
    doc: 'OpenSSL’s own settings: Ciphersuites, CipherString, MinProtocol, MaxProtocol, Curves or Groups, SignatureAlgorithms, Options. Others are refused: Node has no way to them.',
    read: ([command, value]) => [command.text, value.text] as const,
  }),
];

const staplingRows: readonly Row[] = [
  flag('sslStapling', {
    name: 'ssl_stapling',
    contexts,
    default: 'off',
    doc: 'Shows with the certificate, where there is only one, that it was not revoked (OCSP).',
  }),
  tlsFile('sslStaplingFile', 'ssl_stapling_file', 'The OCSP answer in DER, instead of asking for one.'),
  setting('sslStaplingResponder', {
    name: 'ssl_stapling_responder',
    contexts,
    args: [1, 1],
    syntax: 'url',
    doc: 'Who is asked, instead of whom the certificate names.',
    read: (words) => words[0].text,
  }),
  flag('sslStaplingVerify', {
    name: 'ssl_stapling_verify',
    contexts,
    default: 'off',
    doc: 'Shows no OCSP answer that was asked for: who has signed it is not looked at here.',
  }),
];

export const tlsRows: readonly Row[] = [
  setting('sslOn', {
    name: 'ssl',
    contexts,
    args: [1, 1],
    syntax: 'on | off',
    default: 'off',
    doc: 'Old form of `listen … ssl`, which nginx removed in 1.25.1; accepted with a warning.',
    read: (words, cx) => {
      const value = words[0].text;
      if (value !== 'on' && value !== 'off') return cx.problems.error(words[0].at, '"ssl" is "on" or "off"');
      if (value === 'on') {
        cx.problems.warn(cx.directive.at, '"ssl on" is the old form; write "listen 443 ssl;" instead');
      }
      return value === 'on';
    },
  }),
  ...certificateRows,
  ...trustRows,
  ...sessionRows,
  ...protocolRows,
  ...staplingRows,
];

const OLD: readonly string[] = ['TLSv1', 'TLSv1.1'];
const KNOWN: readonly string[] = [...OLD, 'TLSv1.2', 'TLSv1.3'];

function readProtocols(words: readonly Word[], cx: ReadContext): readonly string[] | undefined {
  const taken: string[] = [];
  for (const word of words) {
    if (OLD.includes(word.text)) cx.problems.warn(word.at, `${word.text} is not secure; leave it out`);
    if (KNOWN.includes(word.text)) taken.push(word.text);
    else if (/^SSLv[23]$/.test(word.text))
      cx.problems.warn(word.at, `${word.text} is not secure and stays off`);
    else return cx.problems.error(word.at, `unknown protocol "${word.text}"; there are ${KNOWN.join(', ')}`);
  }
  if (taken.length > 0) return taken;
  return cx.problems.error(words[0].at, 'no protocol is left; write ssl_protocols TLSv1.2 TLSv1.3');
}

function readEarlyData(words: readonly Word[], cx: ReadContext): boolean | undefined {
  const [{ text, at }] = words;
  if (text !== 'on' && text !== 'off') return cx.problems.error(at, '"ssl_early_data" is "on" or "off"');
  if (text === 'on')
    cx.problems.warn(
      cx.directive.at,
      '"ssl_early_data on" has no effect: Node takes no early data, and clients send it again after the handshake',
    );
  return text === 'on';
}

function readOcsp(words: readonly Word[], cx: ReadContext): false | undefined {
  const [{ text, at }] = words;
  if (text === 'off') return false;
  if (text !== 'on' && text !== 'leaf')
    return cx.problems.error(at, `"ssl_ocsp": "${text}" is not one of off, on, leaf`);
  return cx.problems.error(
    at,
    '"ssl_ocsp" is not supported: Node cannot ask whether a client’s certificate was revoked; use lists, ssl_crl',
  );
}

function readKeeping(words: readonly Word[], cx: ReadContext): CertificateKeeping | null | undefined {
  if (words.some(({ text }) => text === 'off')) return null;
  const keeping = { max: 0, inactiveMs: 10_000, validMs: 60_000 };
  for (const { text, at } of words) {
    const [name, value = ''] = text.split('=', 2);
    const read = name === 'max' ? parseCount(value, 1, 1 << 20) : parseTime(value);
    if (read === undefined || !/^(?:max|inactive|valid)$/.test(name))
      return cx.problems.error(at, `invalid parameter "${text}"; there are max=, inactive=, valid=`);
    if (name === 'max') keeping.max = read;
    else keeping[name === 'valid' ? 'validMs' : 'inactiveMs'] = read;
  }
  if (keeping.max > 0) return keeping;
  return cx.problems.error(cx.directive.at, '"ssl_certificate_cache" needs "max": how many are kept');
}

/** Of nginx: eight pages. */
const MIN_ZONE_BYTES = 32_768;

function readSessionCache(words: readonly Word[], cx: ReadContext): SessionPlace | undefined {
  let place: SessionPlace = NO_SESSIONS;
  for (const { text, at } of words) {
    const one = readSessionPlace(text);
    if (typeof one === 'string') return cx.problems.error(at, one);
    // Beside one for all, the acceptor's own adds nothing.
    if (place.kind !== 'shared' || one.kind === 'shared') place = one;
  }
  return place;
}

/** A sentence where it is none. */
function readSessionPlace(text: string): SessionPlace | string {
  if (text === 'off' || text === 'none') return { ...NO_SESSIONS, kind: text };
  if (text === 'builtin') return { ...NO_SESSIONS, kind: text, count: BUILTIN_SESSIONS };
  const [kind, first = '', second = ''] = text.split(':', 3);
  const number = parseCount(first, 0, 1 << 24);
  // 0 is "no bound" to OpenSSL.
  if (kind === 'builtin' && number !== undefined)
    return { ...NO_SESSIONS, kind, count: number === 0 ? 1 << 24 : number };
  const bytes = parseSize(second);
  if (kind !== 'shared' || first === '' || bytes === undefined)
    return `invalid session cache "${text}"; there are off, none, builtin:n, shared:name:size`;
  if (bytes < MIN_ZONE_BYTES) return `session cache "${text}" is too small: 32k is the least`;
  return { ...NO_SESSIONS, kind, name: first, bytes };
}
