// TLS towards peers as a transport: one for each set of settings and the contents of its files, whichever locations have them.
// What they share is what may be shared: a connection or a session that one of them made is as good for the other.
import { createHash } from 'node:crypto';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Connecting, ConnectOwner, ConnectTarget } from '../../socket/connect-socket.ts';
import { connectTls } from '../../socket/connect-tls.ts';
import type { Transport } from '../../upstream/transport.ts';
import { judgePeer } from './judge-peer.ts';
import { createPeerContext, type PeerFiles } from './peer-context.ts';
import { byRequest, filesOf } from './peer-files.ts';
import { type NumberedContext, type OwnCertificate, RequestCertificates } from './request-certificates.ts';
import type { FamilyTls } from './rows.ts';
import { SessionCache } from './session-cache.ts';

/** Transports of names that requests bring; more would only mean that they are made anew. */
const MAX_NAMES = 256;

/** All of one configuration. */
export class PeerTlsSet {
  readonly #files: PeerFiles;
  readonly #prefix: string;
  /** Until this set is in use, as in UpstreamSet. */
  #previous: PeerTlsSet | null;
  readonly #all = new Map<string, PeerTls>();

  /** Relative paths that requests make start from `prefix`. */
  constructor(files: PeerFiles, prefix: string, previous: PeerTlsSet | null) {
    this.#files = files;
    this.#prefix = prefix;
    this.#previous = previous;
  }

  /** Throws what is wrong with the settings or the files. */
  of(settings: FamilyTls): PeerTls {
    const id = identityOf(settings, this.#files);
    const tls =
      this.#all.get(id) ??
      (this.#previous === null ? undefined : this.#previous.#all.get(id)) ??
      new PeerTls(id, settings, this.#contextsOf(settings));
    this.#all.set(id, tls);
    return tls;
  }

  #contextsOf(settings: FamilyTls): (own: OwnCertificate | null) => NumberedContext {
    const constant = byRequest(settings) ? { ...settings, SslCertificate: '' } : settings;
    const only = { context: createPeerContext(constant, this.#files), id: 0 };
    const certificates = new RequestCertificates(settings, this.#files, this.#prefix);
    return (own) => (own === null ? only : certificates.contextOf(own));
  }

  /** All was compiled: kept longer, each configuration would hold on to all before it. */
  settle(): void {
    this.#previous = null;
  }
}

/** Equal where the same peers are trusted, by the same means, and see the same of the same family. The name is not in it. */
function identityOf(settings: FamilyTls, files: PeerFiles): string {
  const { SslName: _name, ...rest } = settings;
  const contents = filesOf(settings).map((path) => files[path]);
  return createHash('sha256')
    .update(JSON.stringify([rest, contents]))
    .digest('base64url');
}

/** What a request makes of the templates. */
export interface PeerTemplates {
  readonly name: (exchange: Exchange) => string;
  /** Null where the certificate is the same for all requests. */
  readonly certificate: ((exchange: Exchange) => OwnCertificate) | null;
}

/** Who is spoken to, and as whom. */
interface Parties {
  readonly name: string;
  readonly own: OwnCertificate | null;
}

export class PeerTls {
  readonly #id: string;
  readonly #settings: FamilyTls;
  readonly #contextOf: (own: OwnCertificate | null) => NumberedContext;
  readonly #sessions = new SessionCache();
  readonly #transports = new Map<string, Transport>();

  constructor(id: string, settings: FamilyTls, contextOf: (own: OwnCertificate | null) => NumberedContext) {
    this.#id = id;
    this.#settings = settings;
    this.#contextOf = contextOf;
  }

  /** The transport of a request. */
  transportOf({ name, certificate }: PeerTemplates): (exchange: Exchange) => Transport {
    const { SslServerName: tells, SslVerify: verifies } = this.#settings;
    // Nobody asks for the name.
    const nameOf = tells || verifies ? (x: Exchange) => withoutPort(name(x)) : null;
    if (certificate !== null)
      return (x) => this.#between({ name: nameOf === null ? '' : nameOf(x), own: certificate(x) });
    if (nameOf !== null) return (x) => this.#between({ name: nameOf(x), own: null });
    const only = this.#between({ name: '', own: null });
    return () => only;
  }

  #between(parties: Parties): Transport {
    const { name, own } = parties;
    const id = own === null ? name : `${name}\0${own.certificate}\0${own.key}`;
    const kept = this.#transports.get(id);
    if (kept !== undefined) return kept;
    const made: Transport = {
      key: `${this.#id} ${id}`,
      connect: (target, owner) => this.#connect(parties, target, owner),
    };
    if (this.#transports.size >= MAX_NAMES) this.#transports.clear();
    this.#transports.set(id, made);
    return made;
  }

  #connect({ name, own }: Parties, target: ConnectTarget, owner: ConnectOwner): Connecting {
    const {
      SslServerName: tells,
      SslSessionReuse: reuses,
      SslVerify,
      SslVerifyDepth: depth,
      family,
    } = this.#settings;
    const found = contextOrError(() => this.#contextOf(own));
    if (found instanceof Error) return failLater(found, owner);
    const sessions = this.#sessions;
    const place = 'path' in target ? target.path : `${target.host} ${target.port}`;
    const key = `${name} ${found.id} ${place}`;
    return connectTls(
      target,
      {
        context: found.context,
        serverName: tells && isHostName(name) ? name : '',
        session: reuses ? sessions.find(key) : undefined,
        judge: SslVerify ? (end) => judgePeer(end, { depth, name, family }) : () => '',
        onSession: (session) => {
          if (reuses) sessions.keep(key, session);
        },
        onFailed: () => sessions.drop(key),
      },
      owner,
    );
  }
}

function contextOrError(make: () => NumberedContext): NumberedContext | Error {
  try {
    return make();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Nobody is told within the call. */
function failLater(error: Error, owner: ConnectOwner): Connecting {
  const told = setImmediate(() => owner.onNotConnected(error));
  return { cancel: () => clearImmediate(told) };
}

/** It may come from $proxy_host or $http_host (ngx_http_upstream_ssl_name). */
function withoutPort(name: string): string {
  const from = name.startsWith('[') ? Math.max(0, name.indexOf(']')) : 0;
  const colon = name.indexOf(':', from);
  return colon < 0 ? name : name.slice(0, colon);
}

/** RFC 6066 §3: no addresses. */
function isHostName(name: string): boolean {
  return name !== '' && !name.startsWith('[') && !/^(?:\d{1,3}\.){3}\d{1,3}$/.test(name);
}

/** What nginx takes without proxy_ssl_name: the group, the host, or the path of the socket. */
export function defaultPeerName({ proxyHost }: Exchange): string {
  return proxyHost.startsWith('unix:') ? proxyHost.slice('unix:'.length) : proxyHost;
}
