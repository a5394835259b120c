// What a Model looks like from outside: addresses, servers, locations and where each of them leads.

import type { TopologyView } from '../cockpit/face.ts';
import { locationLabel, serverLabel } from '../compile/traffic-series.ts';
import { listenKey } from '../config/addresses.ts';
import type { LocationModel, Model, ScriptOp, Settings } from '../config/model.ts';

type ServerView = TopologyView['servers'][number];
type LocationView = ServerView['locations'][number];

export function topologyOf(model: Model): TopologyView {
  const listeners = new Map<string, { address: string; secure: boolean; servers: string[] }>();
  const servers: ServerView[] = [];
  for (const server of model.servers) {
    const { settings, at } = server;
    const label = serverLabel(server);
    for (const listen of settings.listens) {
      const address = listenKey(listen);
      const here = listeners.get(address) ?? { address, secure: listen.ssl, servers: [] };
      if (!here.servers.includes(label)) here.servers.push(label);
      listeners.set(address, here);
    }
    const root: LocationView = { location: '-', at, ...leadsTo(settings, server.script) };
    const names = settings.serverNames.flat().filter((name) => name !== '');
    servers.push({ server: label, names, at, locations: [root, ...locationViews(server.locations)] });
  }
  return { listeners: [...listeners.values()], servers };
}

function locationViews(locations: readonly LocationModel[]): LocationView[] {
  return locations.flatMap(({ match, at, settings, script, locations: inner }) => [
    { location: locationLabel(match), at, ...leadsTo(settings, script) },
    ...locationViews(inner),
  ]);
}

function leadsTo(settings: Settings, script: readonly ScriptOp[]): Pick<LocationView, 'to' | 'kind'> {
  const returned = script.find((op) => op.op === 'return');
  if (returned !== undefined) return { kind: 'return', to: `${returned.status}` };
  if (settings.proxyPass !== null)
    return { kind: 'proxy', to: settings.proxyPass.url.replace(/^https?:\/\/([^/$]+)\/?$/, '$1') };
  if (settings.fileRoot !== null) return { kind: 'files', to: settings.fileRoot.path };
  return { kind: 'other', to: '' };
}
