// From the TLS settings of a location to the transport of its requests.

import type { Settings } from '../../config/model.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { compileTemplate, type VariableLookup } from '../../route/template.ts';
import type { Transport } from '../../upstream/transport.ts';
import type { ForwardTools } from '../forward-tools.ts';
import type { ProxyPass } from '../rows.ts';
import { byRequest, maySecure, tlsFamilyOf } from './peer-files.ts';
import { defaultPeerName, type PeerTemplates } from './peer-tls.ts';
import { type PeerTlsSettings, peerTlsOf } from './rows.ts';

/** For the requests that go over TLS; null where none may. */
export function compilePeerTls(
  pass: ProxyPass,
  settings: Settings,
  { peerTls, lookup }: ForwardTools,
): ((exchange: Exchange) => Transport) | null {
  if (!maySecure(pass)) return null;
  const own = peerTlsOf(settings, tlsFamilyOf(pass));
  const name = own.SslName === null ? defaultPeerName : compileTemplate(own.SslName, lookup);
  return peerTls.of(own).transportOf({ name, certificate: compileCertificate(own, lookup) });
}

function compileCertificate(own: PeerTlsSettings, lookup: VariableLookup): PeerTemplates['certificate'] {
  if (!byRequest(own)) return null;
  const certificate = compileTemplate(own.SslCertificate, lookup);
  const key = compileTemplate(own.SslCertificateKey, lookup);
  return (x) => ({ certificate: certificate(x), key: key(x) });
}
