// Variables of TLS on the client's side: of its certificate, its session, of what it offered. None of them is set without TLS.
import type { Exchange } from '../exchange/exchange.ts';
import type { Getter, VariableTable } from '../route/template.ts';

type Tls = NonNullable<Exchange['client']['tls']>;

/** What is empty is not set. */
const ofTls =
  (value: (tls: Tls) => string): Getter =>
  ({ client: { tls } }) =>
    tls === null ? undefined : value(tls) || undefined;

const ofCertificate = (value: (certificate: NonNullable<Tls['certificate']>) => string): Getter =>
  ofTls(({ certificate }) => (certificate === null ? '' : value(certificate)));

function verdictOf({ certificate, distrust }: Tls): string {
  if (certificate === null) return 'NONE';
  return distrust === null ? 'SUCCESS' : `FAILED:${distrust.text}`;
}

export const listenVariables: VariableTable = {
  plain: {
    ssl_server_name: ofTls((tls) => tls.offer.name),
    ssl_protocol: ofTls((tls) => tls.protocol),
    ssl_cipher: ofTls((tls) => tls.cipher),
    ssl_ciphers: ofTls((tls) => tls.ciphers),
    ssl_curve: ofTls((tls) => tls.group),
    ssl_curves: ofTls((tls) => tls.groups),
    ssl_session_id: ofTls((tls) => tls.sessionId),
    ssl_session_reused: ofTls((tls) => (tls.reused ? 'r' : '.')),
    ssl_alpn_protocol: ofTls((tls) => tls.alpn),
    // No early data is ever taken.
    ssl_early_data: () => undefined,
    ssl_client_cert: ofCertificate((one) => one.folded),
    ssl_client_raw_cert: ofCertificate((one) => one.pem),
    ssl_client_escaped_cert: ofCertificate((one) => one.escaped),
    ssl_client_s_dn: ofCertificate((one) => one.subject),
    ssl_client_i_dn: ofCertificate((one) => one.issuer),
    ssl_client_s_dn_legacy: ofCertificate((one) => one.subjectLine),
    ssl_client_i_dn_legacy: ofCertificate((one) => one.issuerLine),
    ssl_client_serial: ofCertificate((one) => one.serial),
    ssl_client_fingerprint: ofCertificate((one) => one.fingerprint),
    ssl_client_verify: ofTls(verdictOf),
    ssl_client_v_start: ofCertificate((one) => one.validFrom),
    ssl_client_v_end: ofCertificate((one) => one.validTo),
    ssl_client_v_remain: ofCertificate((one) =>
      String(one.remainingDays(Math.floor(Date.now() / 1000) * 1000)),
    ),
  },
  families: {},
};
