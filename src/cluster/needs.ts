// What a Model asks of the primary: addresses to bind, names to look up, a certificate to have.
import { listenKey, passesOf } from '../config/finish.ts';
import type { LocationModel, Model, UpstreamModel } from '../config/model.ts';
import type { ListenModel } from '../listen/rows.ts';
import { constantOf } from '../route/template.ts';
import { groupKey, hostNamesOf, implicitUpstream } from '../upstream/discovery.ts';

/** One entry per distinct address. */
export function listensOf(model: Model): Map<string, ListenModel> {
  const listens = new Map<string, ListenModel>();
  for (const server of model.servers) {
    for (const listen of server.settings.listens) {
      const key = listenKey(listen);
      if (!listens.has(key)) listens.set(key, listen);
    }
  }
  return listens;
}

/** `file:line:column` of the first server that listens there. */
export function placeOfListen(model: Model, key: string): string {
  const server = model.servers.find(({ settings }) => settings.listens.some((l) => listenKey(l) === key));
  return server?.at ?? '';
}

export function usesSelfSigned(model: Model): boolean {
  return model.servers.some(
    ({ settings }) =>
      settings.sslCertificate === 'self-signed' && settings.listens.some((listen) => listen.ssl),
  );
}

/** Host names of all peers, also of those that a proxy_pass names directly. */
export function followedHosts(model: Model): string[] {
  const groups = new Set(model.upstreams.map((upstream) => groupKey(upstream.name)));
  const implicit: UpstreamModel[] = [];
  const visit = (location: LocationModel): void => {
    for (const pass of passesOf(location)) {
      const authority = /^http:\/\/([^/?]+)/i.exec(constantOf(pass.url) ?? '')?.[1];
      if (authority !== undefined && !groups.has(groupKey(authority)))
        implicit.push(implicitUpstream(model.settings, authority, location.at));
    }
    location.locations.forEach(visit);
  };
  for (const server of model.servers) server.locations.forEach(visit);
  return hostNamesOf(model, implicit);
}
