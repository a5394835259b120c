// What is known of a client's TLS, for variables and for who may come in. Taken when the handshake is done, as a log is written when the
// connection may be gone; what costs more is made when it is asked for.
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { cipherNames } from './cipher-names.ts';
import { ClientCertificate } from './client-certificate.ts';
import { elementsOf, INTEGER, OCTETS } from './der.ts';
import { groupName, groupNames } from './group-names.ts';

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

/** Node's inner side of a TLS socket, as far as it is used here. */
interface InnerTls {
  verifyError?(): (Error & { readonly code?: string }) | null | undefined;
}

const UNKNOWN: Distrust = { code: 'UNSPECIFIED', text: 'unspecified certificate verification error' };
/** What OpenSSL says in the end of a chain that is longer than the depth. */
const CUT_OFF: Distrust = {
  code: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  text: 'unable to get local issuer certificate',
};

/** What OpenSSL and the depth say of the certificate that was shown; undefined = none was. */
export function judgeClient(socket: TLSSocket, depth: number): Distrust | null | undefined {
  if (isDeeper(socket, depth)) return CUT_OFF;
  if (!hasShownOne(socket)) return undefined;
  const inner = (socket as unknown as { _handle?: InnerTls | null })._handle;
  if (typeof inner?.verifyError !== 'function') return UNKNOWN;
  const error = inner.verifyError();
  // Newer Nodes add advice that is none for a server.
  const text = error?.message.replace(/; if the root CA .*/, '') ?? '';
  return error == null ? null : { code: error.code ?? UNKNOWN.code, text };
}

function hasShownOne(socket: TLSSocket): boolean {
  return socket.getPeerCertificate()?.fingerprint256 !== undefined;
}

/** What was found of chains: in Node 22 they are gone once the certificate was asked for as an X509Certificate. */
const deeper = new WeakMap<TLSSocket, boolean>();

/**
 * Whether more than `depth` certificates stand between the first and the last of the chain that was shown: Node has no setting for it.
 * With a session no chain comes: who was refused for it must get none. To be asked before anything else of the certificate.
 */
export function isDeeper(socket: TLSSocket, depth: number): boolean {
  const known = deeper.get(socket);
  if (known !== undefined) return known;
  if (socket.isSessionReused() || !hasShownOne(socket)) return false;
  const found = betweenOf(socket.getPeerCertificate(true)) > depth;
  deeper.set(socket, found);
  return found;
}

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
  readonly #socket: TLSSocket;
  #session: Session | null = null;

  /** `asked`: it was asked for a certificate. */
  constructor(socket: TLSSocket, offer: Offer, terms: Terms, asked: boolean) {
    this.#socket = socket;
    this.offer = offer;
    this.terms = terms;
    this.protocol = socket.getProtocol() ?? '';
    this.cipher = socket.getCipher()?.name ?? '';
    this.alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : '';
    this.reused = socket.isSessionReused();
    // In this order: see `deeper`.
    this.distrust = asked ? (judgeClient(socket, terms.depth) ?? null) : null;
    const shown = asked ? socket.getPeerX509Certificate() : undefined;
    this.certificate = shown === undefined ? null : new ClientCertificate(shown);
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
    this.#session ??= readSession(this.#socket.destroyed ? undefined : this.#socket.getSession());
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
