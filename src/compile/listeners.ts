// Which servers each address serves, and how: one plan a socket.
import { listenKey, socketKey } from '../config/addresses.ts';
import type { Model, ServerModel } from '../config/model.ts';
import type { ServerRuntime } from '../exchange.ts';
import type { Door } from '../listen/door.ts';
import type { Front } from '../listen/front.ts';
import type { AddressPlan, ListenerPlan } from '../listen/listener.ts';
import { createSecureContexts } from '../listen/secure-contexts.ts';
import { createHostTable, serverByName } from '../route/hosts.ts';
import type { Slices } from '../shared/slices.ts';
import { fail } from './compile-error.ts';
import type { RuntimeTools } from './runtime.ts';

export interface CompiledServer {
  readonly server: ServerModel;
  readonly runtime: ServerRuntime;
}

type ListenTools = Pick<RuntimeTools, 'tls'> & { readonly door: Door; readonly slices: Slices };

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
      return [key, { ...plan, addresses, maxConnections, door: tools.door }];
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
    front: createFront(first, here),
    secure: listen.ssl
      ? await createSecureContexts(named, tls, slices).catch((error: unknown) => fail(first.server.at, error))
      : null,
  };
}

function createFront(first: CompiledServer, here: readonly CompiledServer[]): Front {
  const table = createHostTable(
    here.flatMap(({ server, runtime }) =>
      server.settings.serverNames
        .flat()
        .map((name) => ({ names: [name], value: serverByName(runtime, name) })),
    ),
    first.runtime,
  );
  const { largeClientHeaderBuffers: buffers, maxHeaders, clientHeaderTimeoutMs } = first.server.settings;
  return {
    defaultServer: first.runtime,
    serverFor: (host) => table.find(host),
    headLimits: { maxLine: buffers.bytes, maxHead: buffers.bytes * buffers.count, maxFields: maxHeaders },
    headTimeoutMs: clientHeaderTimeoutMs,
  };
}
