// What only the whole Model shows: listeners without a certificate, groups that do not exist, where a redirect goes.

import type { ListenModel } from '../listen/rows.ts';
import { type Passes, passesOf, programGroups } from '../upstream/passes.ts';
import type { LocationModel, Model, ScriptOp, ServerModel, Settings } from './model.ts';
import { didYouMean, type Problems } from './problem.ts';
import type { Position, Tree } from './tree.ts';

const DEFAULT_LISTEN: ListenModel = {
  host: '*',
  port: 80,
  path: '',
  ssl: false,
  defaultServer: false,
  backlog: 511,
  ipv6only: true,
};

/** `unread`: places of upstreams whose servers could not be read, which was reported. */
export function finishModel(
  model: Model,
  problems: Problems,
  tree: Tree,
  unread: ReadonlySet<string>,
): Model {
  const servers = model.servers.map(withListens);
  const read = { ...model, servers: servers.map((server) => withRedirect(server, servers, problems)) };
  const passes = passesOf(read);
  checkUpstreams(read, problems, unread);
  checkPorts(read, passes, problems);
  const finished = { ...read, upstreams: [...read.upstreams, ...programGroups(read, passes)] };
  checkServers(finished, problems);
  for (const server of finished.servers) checkLocations(server.locations, problems);
  if (finished.servers.length === 0 && !problems.hasErrors && tree.syntax === 'json') {
    problems.error({ file: tree.file, line: 1, column: 1 }, 'no "servers": there is nothing to listen on');
  }
  return finished;
}

/** `file:line:column` of a model back to a place. */
export function positionOf(at: string): Position {
  const m = /^(.*):(\d+):(\d+)$/s.exec(at);
  return m === null
    ? { file: at, line: 1, column: 1 }
    : { file: m[1], line: Number(m[2]), column: Number(m[3]) };
}

/** nginx's default address, and `ssl on` as what it means now. */
function withListens(server: ServerModel): ServerModel {
  const { listens, sslOn } = server.settings;
  const given = listens.length > 0 ? listens : [DEFAULT_LISTEN];
  const all = sslOn ? given.map((listen) => ({ ...listen, ssl: true })) : given;
  return { ...server, settings: { ...server.settings, listens: all } };
}

/** `redirect https` becomes the `return` that it stands for. */
function withRedirect(server: ServerModel, servers: readonly ServerModel[], problems: Problems): ServerModel {
  const redirect = server.settings.redirectHttps;
  if (redirect === null) return server;
  const port = redirect.port > 0 ? redirect.port : tlsPort(server, servers);
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

/** The TLS port of a server with the same name, else of any; 0 when there is none. */
function tlsPort(server: ServerModel, servers: readonly ServerModel[]): number {
  const names = new Set(server.settings.serverNames.flat());
  const secure = servers.filter((s) => s.settings.listens.some((listen) => listen.ssl && listen.port > 0));
  const best = secure.find((s) => s.settings.serverNames.flat().some((name) => names.has(name))) ?? secure[0];
  return best?.settings.listens.find((listen) => listen.ssl && listen.port > 0)?.port ?? 0;
}

function checkUpstreams(model: Model, problems: Problems, unread: ReadonlySet<string>): void {
  const names = new Map<string, string>();
  const programs = model.programs.map((program) => program.name);
  for (const { name, at, settings } of model.upstreams) {
    const place = positionOf(at);
    if (names.has(name)) problems.error(place, `upstream "${name}" exists already, at ${names.get(name)}`);
    names.set(name, at);
    const { upstreamServers: servers, upstreamProgram: program } = settings;
    if (servers.length === 0 && program === '' && !unread.has(at)) {
      problems.error(place, `upstream "${name}" has no servers; add "server host:port" or "program name"`);
    }
    if (servers.length > 0 && program === '' && servers.every((s) => s.backup)) {
      problems.error(place, `upstream "${name}" has only backup servers`);
    }
    if (program !== '' && !programs.includes(program)) {
      const near = didYouMean(program, programs);
      problems.error(
        place,
        `upstream "${name}" follows program "${program}", which does not exist${near === undefined ? '' : `; did you mean "${near}"?`}`,
      );
    }
  }
}

/** A group's name with a port would be taken for a host of that name. */
function checkPorts(model: Model, { targets }: Passes, problems: Problems): void {
  const upstreams = new Set(model.upstreams.map((upstream) => upstream.name));
  const programs = new Set(model.programs.map((program) => program.name));
  for (const { host, hasPort, at } of targets) {
    if (!hasPort || !(upstreams.has(host) || programs.has(host))) continue;
    const what = upstreams.has(host) ? 'an upstream, whose servers' : 'a program, whose processes';
    problems.error(positionOf(at), `"${host}" is ${what} have ports of their own; write http://${host}`);
  }
}

/** Of two equal locations the second would never be asked. nginx refuses them, but for regular expressions. */
function checkLocations(locations: readonly LocationModel[], problems: Problems): void {
  const seen = new Map<string, string>();
  for (const location of locations) {
    const name = nameOf(location);
    const first = seen.get(name);
    if (first === undefined) {
      seen.set(name, location.at);
    } else if (location.match.kind === 'regex') {
      problems.warn(
        positionOf(location.at),
        `location "${name}" is never reached: the one at ${first} takes its requests`,
      );
    } else {
      problems.error(positionOf(location.at), `location "${name}" exists already in this block, at ${first}`);
    }
    checkLocations(location.locations, problems);
  }
}

/** Equal for locations that match the same: `^~` says what happens next, not what matches. */
function nameOf({ match }: LocationModel): string {
  if (match.kind === 'regex') return `${match.caseless ? '~*' : '~'} ${match.text}`;
  return match.kind === 'exact' ? `= ${match.text}` : match.text;
}

function checkServers(model: Model, problems: Problems): void {
  const addresses = new Map<string, Claims>();
  for (const server of model.servers) {
    checkCertificate(server.at, server.settings, problems);
    const own = new Set<string>();
    for (const listen of server.settings.listens) {
      const key = listenKey(listen);
      if (own.has(key)) {
        problems.error(positionOf(server.at), `this server listens on ${key} twice; remove one`);
        continue;
      }
      own.add(key);
      const claims = addresses.get(key) ?? {
        ssl: listen.ssl,
        defaultAt: '',
        names: new Map<string, string>(),
      };
      addresses.set(key, claims);
      checkAddress(server, listen, claims, problems);
    }
  }
}

/** What the servers of one address have said of it so far. */
interface Claims {
  readonly ssl: boolean;
  defaultAt: string;
  /** Server name → place of the server that has it. */
  readonly names: Map<string, string>;
}

function checkAddress(server: ServerModel, listen: ListenModel, claims: Claims, problems: Problems): void {
  const key = listenKey(listen);
  const place = positionOf(server.at);
  if (claims.ssl !== listen.ssl) {
    problems.error(place, `${key} is listened on both with and without ssl; choose one`);
  }
  if (listen.defaultServer) {
    if (claims.defaultAt !== '') {
      problems.error(place, `a duplicate default server for ${key}; the first is at ${claims.defaultAt}`);
    }
    claims.defaultAt = server.at;
  }
  const names = server.settings.serverNames.flat();
  for (const name of names.length > 0 ? names : ['']) {
    const first = claims.names.get(name.toLowerCase());
    if (first === undefined) claims.names.set(name.toLowerCase(), server.at);
    else if (first !== server.at) {
      problems.warn(
        place,
        `conflicting server name "${name}" on ${key}: the server at ${first} gets its requests`,
      );
    }
  }
}

function checkCertificate(at: string, settings: Settings, problems: Problems): void {
  if (!settings.listens.some((listen) => listen.ssl)) return;
  if (settings.sslCertificate === '') {
    problems.error(
      positionOf(at),
      'this server listens with ssl but has no ssl_certificate; write one, or "ssl_certificate self-signed"',
    );
  } else if (settings.sslCertificate !== 'self-signed' && settings.sslCertificateKey === '') {
    problems.error(positionOf(at), 'ssl_certificate needs its ssl_certificate_key');
  }
}

/** One listening socket: `*:80`, `127.0.0.1:80`, `[::1]:80`, `unix:/path`. */
export function listenKey(listen: ListenModel): string {
  if (listen.path !== '') return `unix:${listen.path}`;
  if (listen.host === '0.0.0.0') return `*:${listen.port}`;
  return listen.host.includes(':') ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`;
}
