// Is the peer who it should be? As ngx_http_upstream_ssl_handshake asks: the verdict of OpenSSL, the depth, the name.
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate } from 'node:tls';
import type { TlsEnd } from '../../socket/tls/tls-end.ts';
import type { TlsFamily } from './rows.ts';

export interface PeerChecks {
  /** Certificates that may stand between the peer's own and the trusted one. */
  readonly depth: number;
  /** Whom the certificate must name. */
  readonly name: string;
  /** Whose directives messages name. */
  readonly family: TlsFamily;
}

/** Why the peer is not to be trusted; '' when it is. */
export function judgePeer(end: TlsEnd, { depth, name, family }: PeerChecks): string {
  const error = end.verifyError;
  const code = error === null ? '' : (error?.code ?? error?.message ?? 'nobody can tell why');
  if (code !== '') return `its certificate cannot be trusted: ${meaningOf(code, family)} (${code})`;
  // A session is kept only of a peer that was judged well by the same checks, and comes without the certificates.
  if (end.reused) return '';
  const { shown } = end;
  if (shown !== undefined && betweenOf(shown) > depth)
    return `its certificate cannot be trusted: more than ${depth} stand between it and a trusted one (${family}_ssl_verify_depth)`;
  const certificate = shown === undefined ? undefined : new X509Certificate(shown.raw);
  if (name !== '' && certificate?.checkHost(name) !== undefined) return '';
  const names = certificate?.subjectAltName ?? certificate?.subject.replaceAll('\n', ', ') ?? 'none';
  return `its certificate is not for "${name}" (${family}_ssl_name), but for ${names}`;
}

/** How many certificates stand between the first and the last of a chain. */
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

function meaningOf(code: string, family: TlsFamily): string {
  return MEANINGS[code]?.replaceAll('F_', `${family}_`) ?? 'OpenSSL says';
}

/** F_ for the family. */
const MEANINGS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet; see whether the clock of this machine is right',
  CERT_REVOKED: 'it was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself and does not stand in F_ssl_trusted_certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'who signed it does not stand in F_ssl_trusted_certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'who signed the one that signed it does not stand in F_ssl_trusted_certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'who signed it does not stand in F_ssl_trusted_certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'who signed it does not stand in F_ssl_trusted_certificate, or the peer does not send what lies between',
  UNABLE_TO_GET_CRL: 'F_ssl_crl has no list of who signed it',
  CRL_HAS_EXPIRED: 'the list of F_ssl_crl has expired',
  INVALID_PURPOSE: 'it is not made for servers',
};
