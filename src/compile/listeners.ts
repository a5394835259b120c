// Which servers each address serves, and how: one plan a socket.
import { listenKey, socketKey } from '../config/addresses.ts';
import type { Model, ServerModel } from '../config/model.ts';
import type { ServerRuntime } from '../exchange.ts';
import type { Door } from '../listen/door.ts';
import type { Front } from '../listen/front.ts';
import type { AddressPlan, ListenerPlan } from '../listen/listener.ts';
import { createSecureContexts } from '../listen/secure-contexts.ts';
import { createHostTable, serverByName } from '../route/hosts.ts';
import { at } from './compile-error.ts';
import type { RuntimeTools } from './runtime.ts';

export interface CompiledServer {
  readonly server: ServerModel;
  readonly runtime: ServerRuntime;
}

type ListenTools = Pick<RuntimeTools, 'tls'> & { readonly door: Door };

/** One plan a socket, in the order of the configuration. */
export function planListeners(
  model: Model,
  servers: readonly CompiledServer[],
  tools: ListenTools,
): Map<string, ListenerPlan> {
  const plans = new Map<string, AddressPlan & Pick<ListenerPlan, 'key' | 'listen'>>();
  for (const { settings } of model.servers) {
    for (const listen of settings.listens) {
      const key = listenKey(listen);
      if (!plans.has(key)) plans.set(key, planAddress(key, servers, tools));
    }
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
function planAddress(
  key: string,
  all: readonly CompiledServer[],
  tools: ListenTools,
): AddressPlan & Pick<ListenerPlan, 'key' | 'listen'> {
  const here = all.filter(({ server }) =>
    server.settings.listens.some((listen) => listenKey(listen) === key),
  );
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
    secure: listen.ssl ? at(first.server.at, () => createSecureContexts(named, tools.tls)) : null,
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
