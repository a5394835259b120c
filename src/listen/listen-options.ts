// An address as Node's servers take it.
import type { ListenModel } from './rows.ts';

/** What `server.listen` takes for an address. */
export function listenOptions(listen: ListenModel): {
  host?: string;
  port?: number;
  path?: string;
  backlog: number;
  ipv6Only?: boolean;
} {
  if (listen.path !== '') return { path: listen.path, backlog: listen.backlog };
  const host = listen.host === '*' ? '0.0.0.0' : listen.host;
  return { host, port: listen.port, backlog: listen.backlog, ipv6Only: listen.ipv6only };
}
