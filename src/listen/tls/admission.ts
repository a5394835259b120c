// Whether the certificate that a client has shown, or has not, is enough for the server of its request (ngx_http_set_virtual_server,
// ngx_http_process_request). Only in front of servers that ask for one.
import type { Client, ServerRuntime } from '../../exchange.ts';
import { bareName, type HostTable } from '../../route/hosts.ts';
import type { ClientTls } from '../../socket/tls/client-tls.ts';
import type { VerifyClient } from './rows.ts';

/** What a server wants of clients. */
export interface Demand {
  readonly verify: Exclude<VerifyClient, 'off'>;
  /** By whom its clients are judged. */
  readonly trust: string;
}

/** Finds the server of a request; one that does not let the client in answers why. */
export function admitting(
  table: HostTable<ServerRuntime>,
  demands: ReadonlyMap<ServerRuntime, Demand>,
): (host: string, client: Pick<Client, 'tls'>) => ServerRuntime {
  return (host, { tls }) => {
    const server = table.find(host);
    const demand = demands.get(server);
    if (demand === undefined || tls === null) return server;
    const { serverName } = tls.terms;
    if (serverName !== '' && bareName(host) !== serverName)
      return refusing(table.find(serverName), 421, 'the name differs from the one that TLS was begun for');
    const certificate = tls.certificate !== null;
    if (certificate && tls.terms.trust !== demand.trust)
      return refusing(server, 421, 'the certificate was judged by what another server trusts');
    if (!isTrusted(tls, demand))
      return refusing(server, 495, `the certificate is not trusted: ${tls.distrust?.text ?? ''}`);
    if (demand.verify === 'on' && !certificate)
      return refusing(server, 496, 'the client has shown no certificate');
    return server;
  };
}

/** What optional_no_ca lets pass (nginx: ngx_ssl_verify_error_optional): nobody knows who signed it. */
const UNKNOWN_SIGNER: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function isTrusted({ distrust }: ClientTls, { verify }: Demand): boolean {
  return distrust === null || (verify === 'optional_no_ca' && UNKNOWN_SIGNER.has(distrust.code));
}

function refusing(server: ServerRuntime, status: number, why: string): ServerRuntime {
  // Field by field: a server that is made later has none of its own.
  const { name, root, redirect, toNamed } = server;
  return { name, root, redirect, toNamed, dispatch: (x) => x.location.fail(x, status, why) };
}
