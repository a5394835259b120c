// Whether the certificate that a client has shown, or has not, is enough for the server of its request (ngx_http_set_virtual_server,
// ngx_http_process_request). Only in front of servers that ask for one.
import type { Client, Exchange, ServerRuntime } from '../../exchange/exchange.ts';
import { bareName, type HostTable } from '../../route/hosts.ts';
import type { VerifyClient } from './rows.ts';
import { isAccepted } from './verdict.ts';

/** What a server wants of clients. */
export type Demand = Exclude<VerifyClient, 'off'>;

/**
 * Finds the server of a request; one that does not let the client in answers why. `trustFor` says who is trusted where this name was told:
 * after a reload that may be somebody else than when the client was judged.
 */
export function admitting(
  table: HostTable<ServerRuntime>,
  demands: ReadonlyMap<ServerRuntime, Demand>,
  trustFor: (name: string) => string,
): (host: string, client: Pick<Client, 'tls'>) => ServerRuntime {
  return (host, { tls }) => {
    const server = table.find(host);
    const demand = demands.get(server);
    if (demand === undefined || tls === null) return server;
    const { serverName } = tls.terms;
    if (serverName !== '' && bareName(host) !== serverName)
      return misdirected(table.find(serverName), 'the name differs from the one that TLS was begun for');
    const certificate = tls.certificate !== null;
    if (certificate && tls.terms.trust !== trustFor(tls.offer.name))
      return misdirected(server, 'since the certificate was judged others are trusted');
    if (!isAccepted(tls.distrust, demand))
      return refusing(server, 495, `the certificate is not trusted: ${tls.distrust?.text ?? ''}`);
    if (demand === 'on' && !certificate) return refusing(server, 496, 'the client has shown no certificate');
    return server;
  };
}

/** As in nginx `$host` is not that of the request then. */
function misdirected(server: ServerRuntime, why: string): ServerRuntime {
  const { name, root, redirect, toNamed } = server;
  const dispatch = (x: Exchange): void => {
    x.request.host = '';
    x.location.fail(x, 421, why);
  };
  return { name, root, redirect, toNamed, dispatch };
}

function refusing(server: ServerRuntime, status: number, why: string): ServerRuntime {
  // Field by field: a server that is made later has none of its own.
  const { name, root, redirect, toNamed } = server;
  return { name, root, redirect, toNamed, dispatch: (x) => x.location.fail(x, status, why) };
}
