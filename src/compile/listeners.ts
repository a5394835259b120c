// Which servers each address serves, and how: one plan a socket.
import { listenKey, socketKey } from '../config/addresses.ts';
import type { Model, ServerModel, Settings } from '../config/model.ts';
import type { ServerRuntime } from '../exchange/exchange.ts';
import { headLimits } from '../http/request-head.ts';
import type { Door } from '../listen/door.ts';
import type { Front } from '../listen/front.ts';
import type { AddressPlan, ListenerPlan } from '../listen/listener.ts';
import type { ListenModel } from '../listen/rows.ts';
import { createSecureContexts, type SecureContexts } from '../listen/secure-contexts.ts';
import { admitting, type Demand } from '../listen/tls/admission.ts';
import type { TlsTools } from '../listen/tls/server-tls.ts';
import { createHostTable, serverByName } from '../route/hosts.ts';
import { toBytes } from '../route/template.ts';
import type { Slices } from '../shared/slices.ts';
import { fail } from './compile-error.ts';

export interface CompiledServer {
  readonly server: ServerModel;
  readonly runtime: ServerRuntime;
}

interface ListenTools {
  /** null: TLS is left out. */
  readonly tls: TlsTools | null;
  readonly door: Door;
  readonly tell: (message: string) => void;
  readonly slices: Slices;
}

/** One plan a socket, in the order of the configuration. */
export async function planListeners(
  model: Model,
  servers: readonly CompiledServer[],
  tools: ListenTools,
): Promise<Map<string, ListenerPlan>> {
  const byAddress = new Map<string, Set<CompiledServer>>();
  for (const server of servers) {
    for (const key of server.server.settings.listens.map(listenKey)) {
      const here = byAddress.get(key) ?? new Set();
      byAddress.set(key, here.add(server));
    }
  }
  const plans = new Map<string, AddressPlan & Pick<ListenerPlan, 'key' | 'listen'>>();
  for (const [key, here] of byAddress) {
    await tools.slices.step();
    plans.set(key, await planAddress(key, [...here], tools));
  }
  const maxConnections = model.settings.workerConnections;
  const sockets = [...plans].filter(([key, { listen }]) => socketKey(listen, plans) === key);
  return new Map(
    sockets.map(([key, plan]) => {
      const served = [...plans.values()].filter((p) => p !== plan && socketKey(p.listen, plans) === key);
      const addresses = served.length > 0 ? new Map(served.map((p) => [p.listen.host, p])) : null;
      return [key, { ...plan, addresses, maxConnections, door: tools.door, tell: tools.tell }];
    }),
  );
}

/** The servers of one address, the default one first. */
async function planAddress(
  key: string,
  here: readonly CompiledServer[],
  { tls, slices }: ListenTools,
): Promise<AddressPlan & Pick<ListenerPlan, 'key' | 'listen'>> {
  const isDefault = ({ server }: CompiledServer): boolean =>
    server.settings.listens.some((listen) => listenKey(listen) === key && listen.defaultServer);
  const first = here.find(isDefault) ?? here[0];
  const listen =
    first.server.settings.listens.find((l) => listenKey(l) === key) ?? first.server.settings.listens[0];
  const ordered = [first, ...here.filter((server) => server !== first)];
  const named = ordered.map(({ server }) => ({
    names: server.settings.serverNames.flat(),
    settings: server.settings,
  }));
  const secure =
    listen.ssl && tls !== null
      ? await createSecureContexts(named, tls, slices).catch((error: unknown) => fail(first.server.at, error))
      : null;
  return {
    key,
    listen,
    front: createFront(first, here, { secure, listen }),
    secure,
  };
}

/** `secure` is null where the address speaks no TLS. */
function createFront(
  first: CompiledServer,
  here: readonly CompiledServer[],
  { secure, listen }: { readonly secure: SecureContexts | null; readonly listen: ListenModel },
): Front {
  const demands = new Map<ServerRuntime, Demand>();
  const demand = (runtime: ServerRuntime, { sslVerifyClient: verify }: Settings): ServerRuntime => {
    if (secure !== null && verify !== 'off') demands.set(runtime, verify);
    return runtime;
  };
  const table = createHostTable(
    here.flatMap(({ server: { settings }, runtime }) =>
      settings.serverNames
        .flat()
        .map((name) => ({ names: [name], value: demand(serverByName(runtime, name), settings) })),
    ),
    demand(first.runtime, first.server.settings),
  );
  const { largeClientHeaderBuffers: buffers, maxHeaders, clientHeaderTimeoutMs } = first.server.settings;
  return {
    defaultServer: first.runtime,
    serverBefore: ({ tls }) =>
      tls === null || tls.terms.serverName === '' ? first.runtime : table.find(tls.terms.serverName),
    serverFor:
      secure === null || demands.size === 0
        ? (host) => table.find(host)
        : admitting(table, demands, (name) => secure.find(name).tls.trust),
    headLimits: headLimits(buffers.bytes, buffers.bytes * buffers.count, maxHeaders),
    headTimeoutMs: clientHeaderTimeoutMs,
    socketName: listen.path === '' ? '' : toBytes(`unix:${listen.path}`),
    proxyProtocol: listen.proxyProtocol,
  };
}
