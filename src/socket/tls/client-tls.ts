// What is known of a client's TLS, for variables and for who may come in. Taken when the handshake is done, as a log is written when the
// connection may be gone; what costs more is made when it is asked for.
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate } from 'node:tls';
import { cipherNames } from './cipher-names.ts';
import { ClientCertificate } from './client-certificate.ts';
import { elementsOf, INTEGER, OCTETS } from './der.ts';
import { groupName, groupNames } from './group-names.ts';
import type { TlsEnd } from './tls-end.ts';

/** What the client said first. Lists of numbers of two bytes each, as latin1. */
export interface Offer {
  /** SNI as it was sent; '' = none. */
  readonly name: string;
  readonly ciphers: string;
  readonly groups: string;
}

/** Why OpenSSL does not trust a certificate; null = it does. */
export interface Distrust {
  /** As Node's errors have it: `CERT_HAS_EXPIRED`. */
  readonly code: string;
  readonly text: string;
}

/** How the handshake was led. */
export interface Terms {
  /** The name that found a virtual server, in lower case; '' where none was told, or it is unknown. */
  readonly serverName: string;
  /** Who was trusted, by what and how far, when the client was judged. */
  readonly trust: string;
  /** Certificates that may stand between the client's own and the trusted one. */
  readonly depth: number;
}

export interface ClientTls {
  readonly offer: Offer;
  readonly terms: Terms;
  readonly protocol: string;
  readonly cipher: string;
  readonly alpn: string;
  readonly reused: boolean;
  readonly certificate: ClientCertificate | null;
  readonly distrust: Distrust | null;
  readonly ciphers: string;
  readonly groups: string;
  readonly sessionId: string;
  readonly group: string;
}

const UNKNOWN: Distrust = { code: 'UNSPECIFIED', text: 'unspecified certificate verification error' };
/** What OpenSSL says in the end of a chain that is longer than the depth. */
const CUT_OFF: Distrust = {
  code: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  text: 'unable to get local issuer certificate',
};

/** What OpenSSL and the depth say of the certificate that was shown; undefined = none was. */
export function judgeClient(end: TlsEnd, depth: number): Distrust | null | undefined {
  if (isDeeper(end, depth)) return CUT_OFF;
  if (end.shown === undefined) return undefined;
  const error = end.verifyError;
  if (error === undefined) return UNKNOWN;
  // Newer Nodes add advice that is none for a server.
  const text = error?.message.replace(/; if the root CA .*/, '') ?? '';
  return error === null ? null : { code: error.code ?? UNKNOWN.code, text };
}

/**
 * Whether more than `depth` certificates stand between the first and the last of the chain that was shown: Node has no setting for it.
 * With a session no chain comes: who was refused for it must get none.
 */
export function isDeeper(end: TlsEnd, depth: number): boolean {
  const known = deeper.get(end);
  if (known !== undefined) return known;
  const shown = end.reused ? undefined : end.shown;
  if (shown === undefined) return false;
  const found = betweenOf(shown) > depth;
  deeper.set(end, found);
  return found;
}

/** What was found of chains: for each ticket all handshakes under way are asked. */
const deeper = new WeakMap<TlsEnd, boolean>();

function betweenOf(leaf: DetailedPeerCertificate): number {
  const seen = new Set([leaf.fingerprint256]);
  for (
    let one = leaf.issuerCertificate;
    one !== undefined && !seen.has(one.fingerprint256);
    one = one.issuerCertificate
  )
    seen.add(one.fingerprint256);
  return seen.size - 2;
}

/** A client whose handshake is done. */
export class SecuredClient implements ClientTls {
  readonly offer: Offer;
  readonly terms: Terms;
  readonly protocol: string;
  readonly cipher: string;
  readonly alpn: string;
  readonly reused: boolean;
  readonly certificate: ClientCertificate | null;
  readonly distrust: Distrust | null;
  readonly #end: TlsEnd;
  #session: Session | null = null;

  /** `asked`: it was asked for a certificate. */
  constructor(end: TlsEnd, offer: Offer, terms: Terms, asked: boolean) {
    this.#end = end;
    this.offer = offer;
    this.terms = terms;
    this.protocol = end.protocol;
    this.cipher = end.cipher;
    this.alpn = end.alpn;
    this.reused = end.reused;
    this.distrust = asked ? (judgeClient(end, terms.depth) ?? null) : null;
    const shown = asked ? end.shown : undefined;
    this.certificate = shown === undefined ? null : new ClientCertificate(new X509Certificate(shown.raw));
  }

  get ciphers(): string {
    return cipherNames(this.offer.ciphers);
  }

  get groups(): string {
    return groupNames(this.offer.groups);
  }

  get sessionId(): string {
    return this.#sessionOnce().id;
  }

  get group(): string {
    return this.#sessionOnce().group;
  }

  #sessionOnce(): Session {
    this.#session ??= readSession(this.#end.session);
    return this.#session;
  }
}

/** A client whose certificate of the server depends on what it said. */
export function beforeHandshake(offer: Offer, terms: Terms): ClientTls {
  return {
    offer,
    terms,
    protocol: '',
    cipher: '',
    alpn: '',
    reused: false,
    certificate: null,
    distrust: null,
    ciphers: cipherNames(offer.ciphers),
    groups: groupNames(offer.groups),
    sessionId: '',
    group: '',
  };
}

interface Session {
  readonly id: string;
  readonly group: string;
}

/** `[19] group` of OpenSSL's SSL_SESSION_ASN1. */
const GROUP_TAG = 0xb3;

/** OpenSSL's own form of a session: version, protocol, cipher, id, … */
function readSession(der: Buffer | undefined): Session {
  const [whole] = der === undefined ? [] : elementsOf(der);
  if (whole === undefined) return { id: '', group: '' };
  const fields = elementsOf(whole.content);
  const id = fields.filter(({ tag }) => tag === OCTETS)[1]?.content.toString('hex') ?? '';
  const group = fields.find(({ tag }) => tag === GROUP_TAG);
  const [number] = group === undefined ? [] : elementsOf(group.content);
  const value = number?.tag === INTEGER ? number.content.reduce((sum, byte) => sum * 256 + byte, 0) : 0;
  return { id, group: value === 0 ? '' : groupName(value) };
}
