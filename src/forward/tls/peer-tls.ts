// TLS towards peers as a transport: one for each set of settings and the contents of its files, whichever locations have them.
// What they share is what may be shared: a connection or a session that one of them made is as good for the other.
import { createHash } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { Exchange } from '../../exchange.ts';
import type { Connecting, ConnectOwner, ConnectTarget } from '../../socket/connect-socket.ts';
import { connectTls } from '../../socket/connect-tls.ts';
import type { Transport } from '../../upstream/transport.ts';
import { judgePeer } from './judge-peer.ts';
import { createPeerContext, type PeerFiles } from './peer-context.ts';
import { filesOf } from './peer-files.ts';
import type { PeerTlsSettings } from './rows.ts';
import { SessionCache } from './session-cache.ts';

/** Transports of names that requests bring; more would only mean that they are made anew. */
const MAX_NAMES = 256;

/** All of one configuration. */
export class PeerTlsSet {
  readonly #files: PeerFiles;
  /** Until this set is in use, as in UpstreamSet. */
  #previous: PeerTlsSet | null;
  readonly #all = new Map<string, PeerTls>();

  constructor(files: PeerFiles, previous: PeerTlsSet | null) {
    this.#files = files;
    this.#previous = previous;
  }

  /** Throws what is wrong with the settings or the files. */
  of(settings: PeerTlsSettings): PeerTls {
    const id = identityOf(settings, this.#files);
    const tls =
      this.#all.get(id) ??
      (this.#previous === null ? undefined : this.#previous.#all.get(id)) ??
      new PeerTls(id, settings, createPeerContext(settings, this.#files));
    this.#all.set(id, tls);
    return tls;
  }

  /** All was compiled: kept longer, each configuration would hold on to all before it. */
  settle(): void {
    this.#previous = null;
  }
}

/** Equal where the same peers are trusted, by the same means, and see the same. The name is not in it. */
function identityOf(settings: PeerTlsSettings, files: PeerFiles): string {
  const { SslName: _name, ...rest } = settings;
  const contents = filesOf(settings).map((path) => files[path]);
  return createHash('sha256')
    .update(JSON.stringify([rest, contents]))
    .digest('base64url');
}

export class PeerTls {
  readonly #id: string;
  readonly #settings: PeerTlsSettings;
  readonly #context: SecureContext;
  readonly #sessions = new SessionCache();
  readonly #transports = new Map<string, Transport>();

  constructor(id: string, settings: PeerTlsSettings, context: SecureContext) {
    this.#id = id;
    this.#settings = settings;
    this.#context = context;
  }

  /** The transport of a request; `name` is what proxy_ssl_name makes of it. */
  transportOf(name: (exchange: Exchange) => string): (exchange: Exchange) => Transport {
    const { SslServerName: tells, SslVerify: verifies } = this.#settings;
    // Nobody asks for the name.
    if (!tells && !verifies) {
      const only = this.#named('');
      return () => only;
    }
    return (exchange) => this.#named(withoutPort(name(exchange)));
  }

  #named(name: string): Transport {
    const kept = this.#transports.get(name);
    if (kept !== undefined) return kept;
    const made: Transport = {
      key: `${this.#id} ${name}`,
      connect: (target, owner) => this.#connect(name, target, owner),
    };
    if (this.#transports.size >= MAX_NAMES) this.#transports.clear();
    this.#transports.set(name, made);
    return made;
  }

  #connect(name: string, target: ConnectTarget, owner: ConnectOwner): Connecting {
    const {
      SslServerName: tells,
      SslSessionReuse: reuses,
      SslVerify,
      SslVerifyDepth: depth,
    } = this.#settings;
    const sessions = this.#sessions;
    const place = 'path' in target ? target.path : `${target.host} ${target.port}`;
    const key = `${name} ${place}`;
    return connectTls(
      target,
      {
        context: this.#context,
        serverName: tells && isHostName(name) ? name : '',
        session: reuses ? sessions.find(key) : undefined,
        judge: SslVerify ? (socket) => judgePeer(socket, { depth, name }) : () => '',
        onSession: (session) => {
          if (reuses) sessions.keep(key, session);
        },
        onFailed: () => sessions.drop(key),
      },
      owner,
    );
  }
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
