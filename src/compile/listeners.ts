// Which servers each address serves, and how: one plan a socket.
import { listenKey, socketKey } from '../config/addresses.ts';
import type { Model, ServerModel, Settings } from '../config/model.ts';
import type { ServerRuntime } from '../exchange.ts';
import type { Door } from '../listen/door.ts';
import type { Front } from '../listen/front.ts';
import type { AddressPlan, ListenerPlan } from '../listen/listener.ts';
import { createSecureContexts } from '../listen/secure-contexts.ts';
import { admitting, type Demand } from '../listen/tls/admission.ts';
import { type TlsTools, trustOf } from '../listen/tls/server-tls.ts';
import { createHostTable, serverByName } from '../route/hosts.ts';
import type { Slices } from '../shared/slices.ts';
import { fail } from './compile-error.ts';

export interface CompiledServer {
  readonly server: ServerModel;
  readonly runtime: ServerRuntime;
}

interface ListenTools {
  readonly tls: TlsTools;
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
  return {
    key,
    listen,
    front: createFront(first, here, listen.ssl ? tls : null),
    secure: listen.ssl
      ? await createSecureContexts(named, tls, slices).catch((error: unknown) => fail(first.server.at, error))
      : null,
  };
}

/** `tls` is null where the address speaks none. */
function createFront(first: CompiledServer, here: readonly CompiledServer[], tls: TlsTools | null): Front {
  const demands = new Map<ServerRuntime, Demand>();
  const demandOf = tls === null ? () => null : demandsOf(first.server.settings, tls);
  const table = createHostTable(
    here.flatMap(({ server: { settings }, runtime }) =>
      settings.serverNames.flat().map((name) => {
        const value = serverByName(runtime, name);
        const demand = demandOf(settings);
        if (demand !== null) demands.set(value, demand);
        return { names: [name], value };
      }),
    ),
    first.runtime,
  );
  const firstDemand = demandOf(first.server.settings);
  if (firstDemand !== null) demands.set(first.runtime, firstDemand);
  const { largeClientHeaderBuffers: buffers, maxHeaders, clientHeaderTimeoutMs } = first.server.settings;
  return {
    defaultServer: first.runtime,
    serverFor: demands.size === 0 ? (host) => table.find(host) : admitting(table, demands),
    headLimits: { maxLine: buffers.bytes, maxHead: buffers.bytes * buffers.count, maxFields: maxHeaders },
    headTimeoutMs: clientHeaderTimeoutMs,
  };
}

/** What servers want of clients; where one has no TLS of its own, they are judged by what the default server trusts. */
function demandsOf(first: Settings, { material }: TlsTools): (settings: Settings) => Demand | null {
  return (settings) => {
    const { sslVerifyClient: verify, sslCertificate, sslRejectHandshake } = settings;
    const isOwn = sslCertificate.length > 0 || sslRejectHandshake;
    return verify === 'off' ? null : { verify, trust: trustOf(isOwn ? settings : first, material.files) };
  };
}
