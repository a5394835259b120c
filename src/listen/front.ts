// What a listening address knows of the configuration: its virtual servers and the limits that hold before one is chosen.
import type { Client, Exchange, ServerRuntime } from '../exchange/exchange.ts';
import type { HeadLimits } from '../http/request-head.ts';

export interface Front {
  readonly defaultServer: ServerRuntime;
  /** The server before a Host is known, or where none can be read: whom SNI has named, else the default one. */
  serverBefore(client: Pick<Client, 'tls'>): ServerRuntime;
  /**
   * The virtual server for a Host (name, optional port); the default one where none matches. Where it asks for a certificate and the
   * client has not shown the right one, a server that says so.
   */
  serverFor(host: string, client: Pick<Client, 'tls'>): ServerRuntime;
  readonly headLimits: HeadLimits;
  readonly headTimeoutMs: number;
  /** `unix:` and the path of a Unix socket, whose connections have no other address; '' for others. Bytes as latin1. */
  readonly socketName: string;
  /** The PROXY protocol is spoken before the first request. */
  readonly proxyProtocol: boolean;
}

/** What a TLS port is to clients that speak plain HTTP: as in nginx the server of their Host says 400 (497), and the connection ends. */
export function frontOfPlain(front: Front): Front {
  return {
    ...front,
    // Read before it turned out that no TLS is spoken.
    proxyProtocol: false,
    serverFor(host, client) {
      // Field by field: a server that is made later has none of its own.
      const { name, root, redirect, toNamed } = front.serverFor(host, client);
      return { name, root, redirect, toNamed, dispatch: refusePlain };
    },
  };
}

function refusePlain(exchange: Exchange): void {
  exchange.location.fail(exchange, 497, 'this port speaks TLS; write https:// in front of the address');
}
