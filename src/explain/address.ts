// Which listening address a URL leads to, and which virtual server answers there.
import { isIP } from 'node:net';
import type { Runtime } from '../compile.ts';
import { listenKey } from '../config/addresses.ts';
import type { Model, ServerModel } from '../config/model.ts';
import type { Front } from '../listen/front.ts';
import { frontOfPlain } from '../listen/front.ts';
import type { AddressPlan, ListenerPlan } from '../listen/listener.ts';
import type { ListenModel } from '../listen/rows.ts';
import { bareName, createHostTable } from '../route/hosts.ts';

/** A URL in its parts, as it was given. */
export interface AskedUrl {
  readonly secure: boolean;
  /** As it stands in the URL: the Host. */
  readonly authority: string;
  readonly host: string;
  /** null = none is named. */
  readonly port: number | null;
  /** Path and query, as they go on the wire. */
  readonly target: string;
}

export interface FoundAddress {
  /** `127.0.0.1:8080` */
  readonly key: string;
  readonly listen: ListenModel;
  readonly front: Front;
  /** What the client's connection has as its own end. */
  readonly localAddress: string;
  readonly why: string;
}

const USUAL_PORTS = { http: 80, https: 443 } as const;

/** The address; or why there is none, as a sentence. */
export function findAddress({ listeners }: Runtime, url: AskedUrl): FoundAddress | string {
  const plans = [...listeners.values()];
  const scheme = url.secure ? 'https' : 'http';
  const port = url.port ?? USUAL_PORTS[scheme];
  const onPort = plans.filter(({ listen }) => listen.path === '' && listen.port === port);
  if (onPort.length > 0)
    return choose(onPort, url, `port ${port}${url.port === null ? `, that of ${scheme}` : ''}`);
  const names = [...new Set(plans.map(({ key }) => key))].join(', ');
  if (plans.length === 0) return 'the configuration has no server: nobody listens';
  if (url.port !== null) return `nobody listens on port ${port}: this configuration has ${names}`;
  // Who asks by name alone means whatever serves that.
  const [first] = plans.filter(({ listen }) => listen.ssl === url.secure);
  if (first === undefined)
    return `nobody speaks ${scheme} on port ${port}, or elsewhere: this configuration has ${names}`;
  const others = `the URL names no port, and nobody listens on ${port}`;
  return choose([first], url, `${others}: taken for ${first.key}`);
}

function choose(plans: readonly ListenerPlan[], url: AskedUrl, why: string): FoundAddress {
  const local = isIP(url.host) === 0 ? LOOPBACK : url.host;
  const isOf = ({ listen: { host } }: ListenerPlan): boolean => host === url.host || host === local;
  const isAny = ({ listen: { host } }: ListenerPlan): boolean =>
    host === '*' || host === '0.0.0.0' || (host === '::' && (local.includes(':') || plans.length === 1));
  const plan = plans.find(isOf) ?? plans.find(isAny) ?? plans[0];
  const own = plan.addresses?.get(local) ?? null;
  const there: AddressPlan & { readonly listen?: ListenModel; readonly key?: string } = own ?? plan;
  const listen = there.listen ?? plan.listen;
  const wild = listen.host === '*' || listen.host === '0.0.0.0' || listen.host === '::';
  const localAddress = wild ? local : listen.path !== '' ? there.front.socketName : listen.host;
  return {
    key: listenKey(listen),
    listen,
    front: listen.ssl && !url.secure ? frontOfPlain(there.front) : there.front,
    localAddress,
    why: wild ? `${why}, of all addresses` : why,
  };
}

const LOOPBACK = '127.0.0.1';

export interface FoundServer {
  readonly at: string;
  /** First name, '' without. */
  readonly name: string;
  readonly why: string;
  /** Other servers of the address that the Host would fit, too. */
  readonly others: readonly { readonly at: string; readonly name: string; readonly why: string }[];
}

/** Why the server with this place was found for the Host at this address. */
export function explainServer(model: Model, key: string, host: string, at: string): FoundServer {
  const here = model.servers.filter(({ settings }) => settings.listens.some((one) => listenKey(one) === key));
  const entries = here.flatMap((server) =>
    namesOf(server).map((name) => ({ names: [name], value: { server, name } })),
  );
  // The road's own table, with other values.
  const found = createHostTable<(typeof entries)[number]['value'] | null>(entries, null).find(host);
  const name = bareName(host);
  const chosen = here.find((server) => server.at === at);
  const byName = found !== null && found.server.at === at ? found.name : null;
  const others = here
    .filter((server) => server.at !== at)
    .flatMap((server) => {
      const own = namesOf(server).find((one) => fitsName(one, name));
      return own === undefined ? [] : [{ at: server.at, name: own, why: `${kindOf(own)}: it comes later` }];
    });
  return {
    at,
    name: chosen === undefined ? '' : (namesOf(chosen)[0] ?? ''),
    why: byName === null ? whyDefault(here, at, key, name) : `"${byName}" ${WORDS[kindOf(byName)]}`,
    others,
  };
}

const namesOf = ({ settings }: ServerModel): readonly string[] => settings.serverNames.flat();

type NameKind = 'exact name' | 'wildcard at the start' | 'wildcard at the end' | 'regular expression';

const WORDS: Readonly<Record<NameKind, string>> = {
  'exact name': 'is the name, exactly',
  'wildcard at the start': 'is the longest wildcard at the start; no exact name fits',
  'wildcard at the end': 'is the longest wildcard at the end; no name or wildcard before it fits',
  'regular expression': 'is the first regular expression that matches; no name or wildcard fits',
};

function kindOf(name: string): NameKind {
  if (name.startsWith('~')) return 'regular expression';
  if (name.startsWith('*.') || name.startsWith('.')) return 'wildcard at the start';
  return name.endsWith('.*') ? 'wildcard at the end' : 'exact name';
}

function fitsName(own: string, name: string): boolean {
  return createHostTable([{ names: [own], value: true }], false).find(name);
}

function whyDefault(here: readonly ServerModel[], at: string, key: string, name: string): string {
  const isSaid = here.some(
    (server) =>
      server.at === at && server.settings.listens.some((one) => listenKey(one) === key && one.defaultServer),
  );
  const why = isSaid ? 'it is the default_server' : 'it is the first server of the address';
  if (here.length === 1) return 'the only server of the address';
  return name === '' ? `without a Host ${why}` : `no server_name fits "${name}": ${why}`;
}
