// Whether a server takes a client's certificate, or none, by what OpenSSL says of it.
import type { Distrust } from '../../socket/tls/client-tls.ts';
import type { VerifyClient } from './rows.ts';

/** What optional_no_ca lets pass (nginx: ngx_ssl_verify_error_optional): nobody knows who signed it. */
const UNKNOWN_SIGNER: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

export function isAccepted(distrust: Distrust | null, verify: VerifyClient): boolean {
  return distrust === null || (verify === 'optional_no_ca' && UNKNOWN_SIGNER.has(distrust.code));
}
