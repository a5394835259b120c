// Which addresses a configuration listens on, and which socket each belongs to. As in nginx the socket of all addresses of a port serves
// those that are named besides: no other can be bound there.
import { isIP } from 'node:net';
import type { ListenModel } from '../listen/rows.ts';
import { positionOf } from './places.ts';
import type { Problems } from './problem.ts';

/** One address: `*:80`, `127.0.0.1:80`, `[::1]:80`, `unix:/path`. */
export function listenKey(listen: ListenModel): string {
  if (listen.path !== '') return `unix:${listen.path}`;
  if (listen.host === '0.0.0.0') return `*:${listen.port}`;
  return listen.host.includes(':') ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`;
}

/** The key of the socket that an address is served by: its own, or that of all addresses of the port, where `keys` has it. */
export function socketKey(listen: ListenModel, keys: { has(key: string): boolean }): string {
  const own = listenKey(listen);
  // Port 0 is another one each time.
  if (listen.path !== '' || listen.port === 0) return own;
  const all = listen.host.includes(':') ? `[::]:${listen.port}` : `*:${listen.port}`;
  return keys.has(all) ? all : own;
}

/** What one `listen` says of the socket holds for all of the address: `ssl`, `ipv6only=off`, `backlog`. */
export function withSharedOptions(lists: readonly (readonly ListenModel[])[]): (readonly ListenModel[])[] {
  const said = new Map<string, SocketOptions>();
  for (const listen of lists.flat()) {
    const key = listenKey(listen);
    const { ssl, proxyProtocol, ipv6only, backlog } = said.get(key) ?? listen;
    said.set(key, {
      ssl: ssl || listen.ssl,
      proxyProtocol: proxyProtocol || listen.proxyProtocol,
      ipv6only: ipv6only && listen.ipv6only,
      backlog: backlog === DEFAULT_BACKLOG ? listen.backlog : backlog,
    });
  }
  // Most say nothing that others do not: the list is the one that it was.
  return lists.map((list) => {
    const shared = list.map((listen) => withOptionsOf(listen, said.get(listenKey(listen)) ?? listen));
    return shared.every((listen, i) => listen === list[i]) ? list : shared;
  });
}

type SocketOptions = Pick<ListenModel, 'ssl' | 'proxyProtocol' | 'ipv6only' | 'backlog'>;

function withOptionsOf(listen: ListenModel, options: SocketOptions): ListenModel {
  const { ssl, proxyProtocol, ipv6only, backlog } = options;
  const isSame =
    listen.ssl === ssl &&
    listen.proxyProtocol === proxyProtocol &&
    listen.ipv6only === ipv6only &&
    listen.backlog === backlog;
  return isSame ? listen : { ...listen, ssl, proxyProtocol, ipv6only, backlog };
}

export const DEFAULT_BACKLOG = 511;

/** Finds addresses that could not be bound beside each other, or that one socket cannot serve. */
export function checkSockets(listens: readonly ListenModel[], problems: Problems): void {
  const first = new Map<string, ListenModel>();
  for (const listen of listens) if (!first.has(listenKey(listen))) first.set(listenKey(listen), listen);
  for (const [key, listen] of first) {
    const all = first.get(socketKey(listen, first)) ?? listen;
    const problem = (all !== listen && whyNotServedBy(all, listen)) || whyTaken(listen, first);
    if (problem) problems.error(positionOf(listen.at), `${key} ${problem}`);
  }
}

/** Why the connections of an address cannot be told from the others of the socket of all addresses. */
function whyNotServedBy(all: ListenModel, listen: ListenModel): string | undefined {
  const socket = `is served by the socket of ${listenKey(all)} (at ${all.at})`;
  if (isIP(listen.host) === 0) return `${socket}: write the address of "${listen.host}" as a number`;
  if (listen.ssl === all.ssl) return undefined;
  return `${socket}, which has ${all.ssl ? 'ssl' : 'no ssl'}: write ssl at both, or choose another port`;
}

/** An IPv4 address beside a socket that takes IPv4 and IPv6. */
function whyTaken(listen: ListenModel, first: ReadonlyMap<string, ListenModel>): string | undefined {
  if (listen.path !== '' || listen.port === 0 || listen.host.includes(':')) return undefined;
  const both = first.get(`[::]:${listen.port}`);
  if (both === undefined || both.ipv6only) return undefined;
  return `is taken already by ${listenKey(both)} (at ${both.at}), which has IPv4 too: remove ipv6only=off there, or this line`;
}
