// What a Model asks of the primary: addresses to bind, names to look up, a certificate to have.
import { listenKey, socketKey } from '../config/addresses.ts';
import type { Model } from '../config/model.ts';
import type { ListenModel } from '../listen/rows.ts';
import { LOCAL } from '../local-ca/names.ts';
import {
  type FollowedHost,
  groupKey,
  hostNamesOf,
  implicitUpstream,
  withPort,
} from '../upstream/discovery.ts';
import { passesOf } from '../upstream/passes.ts';

/** One entry per socket, which is that of the first `listen` for its address. */
export function listensOf(model: Model): Map<string, ListenModel> {
  const listens = new Map<string, ListenModel>();
  for (const server of model.servers) {
    for (const listen of server.settings.listens) {
      const key = listenKey(listen);
      if (!listens.has(key)) listens.set(key, listen);
    }
  }
  return new Map([...listens].filter(([key, listen]) => socketKey(listen, listens) === key));
}

/** `file:line:column` of the first server that has the self-signed certificate. */
export function placeOfSelfSigned(model: Model): string | undefined {
  return placeOfCertificate(model, 'self-signed');
}

/** As `placeOfSelfSigned`, of local certificates. */
export function placeOfLocal(model: Model): string | undefined {
  return placeOfCertificate(model, LOCAL);
}

function placeOfCertificate(model: Model, word: string): string | undefined {
  return model.servers.find(
    ({ settings }) => settings.sslCertificate.includes(word) && settings.listens.some((listen) => listen.ssl),
  )?.at;
}

/** Host names of all peers, also of those that a proxy_pass names directly. */
export function followedHosts(model: Model): FollowedHost[] {
  const groups = new Set(model.upstreams.map((upstream) => groupKey(upstream.name)));
  const implicit = passesOf(model)
    .targets.filter(({ authority, byRequest }) => !byRequest && !groups.has(groupKey(authority)))
    .map(({ authority, secure, at }) => implicitUpstream(model.settings, withPort(authority, secure), at));
  return hostNamesOf(model, implicit);
}

/** Some server is reached over TLS. */
export function usesTls(model: Model): boolean {
  return model.servers.some(({ settings }) => settings.listens.some((listen) => listen.ssl));
}
