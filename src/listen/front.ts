// What a listening address knows of the configuration: its virtual servers and the limits that hold before one is chosen.
import type { Exchange, ServerRuntime } from '../exchange.ts';
import type { HeadLimits } from '../http/request-head.ts';

export interface Front {
  readonly defaultServer: ServerRuntime;
  /** The virtual server for a Host (name, optional port); the default one where none matches. */
  serverFor(host: string): ServerRuntime;
  readonly headLimits: HeadLimits;
  readonly headTimeoutMs: number;
}

/** What a TLS port is to clients that speak plain HTTP: as in nginx the server of their Host says 400 (497), and the connection ends. */
export function frontOfPlain(front: Front): Front {
  return {
    ...front,
    serverFor(host) {
      // Field by field: a server that is made later has none of its own.
      const { name, root, redirect, toNamed } = front.serverFor(host);
      return { name, root, redirect, toNamed, dispatch: refusePlain };
    },
  };
}

function refusePlain(exchange: Exchange): void {
  exchange.location.fail(exchange, 497, 'this port speaks TLS; write https:// in front of the address');
}
