// What only the whole Model shows: listeners without a certificate, groups that do not exist, where a redirect goes.

import type { ListenModel } from '../listen/rows.ts';
import { groupKey } from '../upstream/discovery.ts';
import {
  groupNames,
  isBareName,
  nearestGroup,
  type Passes,
  passesOf,
  programGroups,
  takenForHost,
} from '../upstream/passes.ts';
import { checkSockets, DEFAULT_BACKLOG, listenKey, withSharedOptions } from './addresses.ts';
import { BUFFER_KEYS, checkBuffers } from './finish-buffers.ts';
import { CACHE_KEYS, checkCaches } from './finish-caches.ts';
import { checkCharsets } from './finish-charsets.ts';
import { checkTraces } from './finish-traces.ts';
import { checkZones, ZONE_KEYS } from './finish-zones.ts';
import type { Model, ScriptOp, ServerModel, Settings, UpstreamModel } from './model.ts';
import { positionOf } from './places.ts';
import type { Problems } from './problem.ts';
import { withSettings } from './settings.ts';

const DEFAULT_LISTEN: Omit<ListenModel, 'at'> = {
  host: '*',
  port: 80,
  path: '',
  ssl: false,
  proxyProtocol: false,
  defaultServer: false,
  backlog: DEFAULT_BACKLOG,
  ipv6only: true,
};

/** What the builder knows besides. */
export interface BuildNotes {
  /** Places of upstreams whose servers could not be read, which was reported. */
  readonly unread: ReadonlySet<string>;
  /** All keys that some level sets. */
  readonly used: ReadonlySet<keyof Settings>;
}

export function finishModel(model: Model, problems: Problems, { unread, used }: BuildNotes): Model {
  const servers = withOptions(model.servers.map(withListens));
  const secure = tlsPortsOf(servers);
  const read = { ...model, servers: servers.map((server) => withRedirect(server, secure, problems)) };
  const passes = passesOf(read);
  checkUpstreams(read, problems, unread);
  checkTargets(read, passes, problems);
  checkUris(passes, problems);
  const groups = programGroups(read, passes);
  checkGroups(groups, problems);
  const finished = { ...read, upstreams: [...read.upstreams, ...groups] };
  checkServers(finished, problems);
  // To look at each of ten thousand levels takes its time: not for what none of them has.
  if (ZONE_KEYS.some((key) => used.has(key))) checkZones(finished, problems);
  if (CACHE_KEYS.some((key) => used.has(key))) checkCaches(finished, problems);
  if (BUFFER_KEYS.some((key) => used.has(key))) checkBuffers(finished, problems);
  if (used.has('otelTrace')) checkTraces(finished, problems);
  if (used.has('sourceCharset')) checkCharsets(finished, problems);
  return finished;
}

/** nginx's default address, and `ssl on` as what it means now. */
function withListens(server: ServerModel): ServerModel {
  const { listens, sslOn } = server.settings;
  const given = listens.length > 0 ? listens : [{ ...DEFAULT_LISTEN, at: server.at }];
  const all = sslOn ? given.map((listen) => ({ ...listen, ssl: true })) : given;
  return all === listens ? server : withListensOf(server, all);
}

function withOptions(servers: readonly ServerModel[]): readonly ServerModel[] {
  const listens = withSharedOptions(servers.map(({ settings }) => settings.listens));
  return servers.map((server, i) =>
    listens[i] === server.settings.listens ? server : withListensOf(server, listens[i]),
  );
}

function withListensOf(server: ServerModel, listens: readonly ListenModel[]): ServerModel {
  return { ...server, settings: withSettings(server.settings, { listens }) };
}

/** `redirect https` becomes the `return` that it stands for. */
function withRedirect(server: ServerModel, secure: TlsPorts, problems: Problems): ServerModel {
  const redirect = server.settings.redirectHttps;
  if (redirect === null) return server;
  const port = redirect.port > 0 ? redirect.port : tlsPort(server, secure);
  if (port === 0) {
    problems.error(
      positionOf(server.at),
      'this server redirects to https, but none listens with ssl; add "listen 443 ssl" to one or write redirect https port=443',
    );
    return server;
  }
  const { at } = server;
  // HTTP/1.0 without Host: there is no name to send the client to.
  const nameless: ScriptOp = {
    op: 'if',
    test: { test: 'equal', value: '$host', other: '', negate: false },
    script: [{ op: 'return', status: 400, text: null, at }],
    settings: null,
    at,
  };
  const op: ScriptOp = {
    op: 'return',
    status: redirect.status,
    text: port === 443 ? 'https://$host$request_uri' : `https://$host:${port}$request_uri`,
    at,
  };
  return { ...server, script: [...server.script, nameless, op] };
}

/** Where https is served: its ports in the order of the servers, and for each name the first of them. */
interface TlsPorts {
  readonly ports: readonly number[];
  readonly byName: ReadonlyMap<string, number>;
}

function tlsPortsOf(servers: readonly ServerModel[]): TlsPorts {
  const ports: number[] = [];
  const byName = new Map<string, number>();
  for (const { settings } of servers) {
    const listen = settings.listens.find(({ ssl, port }) => ssl && port > 0);
    if (listen === undefined) continue;
    for (const name of settings.serverNames.flat()) if (!byName.has(name)) byName.set(name, ports.length);
    ports.push(listen.port);
  }
  return { ports, byName };
}

/** The TLS port of a server with the same name, else of any; 0 when there is none. */
function tlsPort(server: ServerModel, { ports, byName }: TlsPorts): number {
  let first = ports.length;
  for (const name of server.settings.serverNames.flat()) first = Math.min(first, byName.get(name) ?? first);
  return ports[first] ?? ports[0] ?? 0;
}

function checkUpstreams(model: Model, problems: Problems, unread: ReadonlySet<string>): void {
  const names = new Map<string, string>();
  const programs = new Map(model.programs.map((program) => [program.name, program]));
  for (const { name, at, settings } of model.upstreams) {
    const place = positionOf(at);
    const key = groupKey(name);
    if (names.has(key)) problems.error(place, `upstream "${name}" exists already, at ${names.get(key)}`);
    names.set(key, at);
    const { upstreamServers: servers, upstreamProgram: program } = settings;
    if (servers.length === 0 && program === '' && !unread.has(at)) {
      problems.error(place, `upstream "${name}" has no servers; add "server host:port" or "program name"`);
    }
    if (servers.length > 0 && program === '' && servers.every((s) => s.backup)) {
      problems.error(place, `upstream "${name}" has only backup servers`);
    }
    if (program !== '' && !programs.has(program)) {
      const near = problems.nearest(program, programs);
      problems.error(
        place,
        `upstream "${name}" follows program "${program}", which does not exist${near === undefined ? '' : `; did you mean "${near}"?`}`,
      );
    }
  }
}

/** Programs are told apart by the case of their names, groups are not. */
function checkGroups(groups: readonly UpstreamModel[], problems: Problems): void {
  const names = new Map<string, string>();
  for (const { name, at } of groups) {
    const other = names.get(groupKey(name));
    names.set(groupKey(name), name);
    // Two of one name are told as that.
    if (other === undefined || other === name) continue;
    const what = `proxy_pass knows no case: it cannot tell program "${name}" from "${other}"`;
    problems.error(positionOf(at), `${what}; rename one, or give each an upstream`);
  }
}

function checkTargets(model: Model, { targets }: Passes, problems: Problems): void {
  const upstreams = new Set(model.upstreams.map(({ name }) => groupKey(name)));
  const names = groupNames(model);
  for (const { host, authority, hasPort, byRequest, at, needsPort } of targets) {
    const isGroup = names.has(groupKey(host));
    if (hasPort && isGroup) {
      // It would be taken for a host of that name.
      const what = upstreams.has(groupKey(host))
        ? 'an upstream, whose servers'
        : 'a program, whose processes';
      problems.error(
        positionOf(at),
        `"${host}" is ${what} have ports of their own; write ${needsPort ? '' : 'http://'}${host}`,
      );
    }
    if (needsPort && !hasPort && !isGroup && !authority.startsWith('unix:')) {
      const near = nearestGroup(names, host, problems);
      const advice = near === undefined ? `write ${host}:9000` : `did you mean "${near}"?`;
      problems.error(
        positionOf(at),
        `"${host}" is no upstream or program, and a host needs a port here; ${advice}`,
      );
      continue;
    }
    // A name that no request chooses is looked for before the start.
    if (hasPort || isGroup || !byRequest || !isBareName(host)) continue;
    const near = nearestGroup(names, host, problems);
    if (near !== undefined) problems.warn(positionOf(at), takenForHost(host, near));
  }
}

/** The URI part stands for what the location matched of the path: there must be such a part. With variables it is the whole target. */
function checkUris({ uris }: Passes, problems: Problems): void {
  for (const { uri, kind, at } of uris) {
    if (kind !== 'regex' && kind !== 'named') continue;
    const where = kind === 'named' ? 'a named location' : 'a location with a regular expression';
    problems.error(
      positionOf(at),
      `proxy_pass cannot have the URI part "${uri}" in ${where}; leave it out, or make it with variables`,
    );
  }
}

function checkServers(model: Model, problems: Problems): void {
  const addresses = new Map<string, Claims>();
  for (const server of model.servers) {
    checkKey(server.at, server.settings, problems);
    const own = new Set<string>();
    for (const listen of server.settings.listens) {
      const key = listenKey(listen);
      if (own.has(key)) {
        problems.error(
          positionOf(listen.at),
          `this server listens on ${key} twice; remove one`,
          `a duplicate listen ${asNumbers(key)}`,
        );
        continue;
      }
      own.add(key);
      const claims: Claims = addresses.get(key) ?? {
        ssl: listen.ssl,
        first: server,
        servers: [],
        defaultAt: '',
        names: new Map<string, string>(),
      };
      addresses.set(key, claims);
      claims.servers.push(server);
      if (listen.defaultServer && claims.defaultAt === '') claims.first = server;
      checkAddress(server, listen, claims, problems);
    }
  }
  checkCertificates([...addresses.values()], problems);
  checkSockets(
    model.servers.flatMap(({ settings }) => settings.listens),
    problems,
  );
}

/** As nginx shows the address. */
const asNumbers = (key: string): string => key.replace(/^\*/, '0.0.0.0');

/** What the servers of one address have said of it so far. */
interface Claims {
  readonly ssl: boolean;
  /** The default server: that which says so, else the first. */
  first: ServerModel;
  readonly servers: ServerModel[];
  defaultAt: string;
  /** Server name → place of the server that has it. */
  readonly names: Map<string, string>;
}

function checkAddress(server: ServerModel, listen: ListenModel, claims: Claims, problems: Problems): void {
  const key = listenKey(listen);
  if (listen.defaultServer) {
    if (claims.defaultAt !== '') {
      problems.error(
        positionOf(server.at),
        `a duplicate default server for ${key}; the first is at ${claims.defaultAt}`,
        `a duplicate default server for ${asNumbers(key)}`,
      );
    }
    claims.defaultAt = server.at;
  }
  const names = server.settings.serverNames.flat();
  for (const name of names.length > 0 ? names : ['']) {
    const first = claims.names.get(name.toLowerCase());
    if (first === undefined) claims.names.set(name.toLowerCase(), server.at);
    else if (first !== server.at) {
      problems.warn(
        positionOf(server.at),
        `conflicting server name "${name}" on ${key}: the server at ${first} gets its requests`,
        `conflicting server name "${name}" on ${asNumbers(key)}, ignored`,
      );
    }
  }
}

/**
 * The default server of a TLS port shows its certificate where another one has none: it must have one, the others may. Where it refuses
 * everybody instead, those others need their own.
 */
function checkCertificates(addresses: readonly Claims[], problems: Problems): void {
  const without = ({ settings }: ServerModel): boolean =>
    settings.sslCertificate.length === 0 && !settings.sslRejectHandshake;
  const needed = addresses.flatMap(({ ssl, first, servers }) => {
    if (!ssl) return [];
    return first.settings.sslCertificate.length > 0 ? [] : [first, ...servers];
  });
  for (const { at } of new Set(needed.filter(without)))
    problems.error(
      positionOf(at),
      'this server listens with ssl but has no ssl_certificate; write one, or "ssl_certificate local", which lbproxy makes',
    );
}

function checkKey(at: string, settings: Settings, problems: Problems): void {
  const { sslCertificate: certificates, sslCertificateKey: keys, sslRejectHandshake } = settings;
  if (!settings.listens.some((listen) => listen.ssl)) return;
  const made = (place: string): boolean => place === 'self-signed' || place === 'local';
  const keyless = certificates.findIndex((place, i) => !made(place) && i >= keys.length);
  if (keyless >= 0)
    problems.error(positionOf(at), `ssl_certificate ${certificates[keyless]} needs its ssl_certificate_key`);
  if (certificates.includes('local') && certificates.length > 1)
    problems.error(
      positionOf(at),
      '"ssl_certificate local" makes a certificate for each name; take it out, or the other ssl_certificate',
    );
  const { sslVerifyClient: verify, sslClientCertificate, sslTrustedCertificate } = settings;
  if (certificates.length === 0 && !sslRejectHandshake) return;
  if (!['on', 'optional'].includes(verify) || sslClientCertificate + sslTrustedCertificate !== '') return;
  problems.error(
    positionOf(at),
    'ssl_verify_client has nobody to trust: add ssl_client_certificate or ssl_trusted_certificate',
  );
}
