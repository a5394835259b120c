// What TLS is to clients of one server.
import { createHash, createPrivateKey } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { Settings } from '../../config/model.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { LeafSource, Leaves } from '../../local-ca/leaf.ts';
import { LOCAL, usesLocal } from '../../local-ca/names.ts';
import { compileTemplate, constantOf, type VariableLookup } from '../../route/template.ts';
import { Roster } from '../../shared/roster.ts';
import type { ServerHandshake } from '../../socket/server-handshake.ts';
import { TicketKeys } from '../../socket/ticket-keys.ts';
import { isDeeper, judgeClient } from '../../socket/tls/client-tls.ts';
import { ocspQuestion } from '../../socket/tls/ocsp.ts';
import type { TlsEnd } from '../../socket/tls/tls-end.ts';
import type { ClientHello } from '../client-hello.ts';
import type { CertificatePaths, TlsFiles } from '../tls-files.ts';
import { createServerContext, type Pair, usableKey } from './context-options.ts';
import { LocalContexts } from './local-contexts.ts';
import { type PairTemplate, RequestPairs } from './request-pairs.ts';
import type { VerifyClient } from './rows.ts';
import type { SessionStore, Zone } from './sessions.ts';
import { Staple } from './staple.ts';
import { isAccepted } from './verdict.ts';

/** What TLS needs besides settings, the same in all acceptors. */
export interface TlsMaterial {
  readonly selfSigned: CertificatePaths | null;
  readonly files: TlsFiles;
  /** Of `ssl_certificate local`, where a server has it. */
  readonly leaves?: Leaves | undefined;
  readonly askLeaf?: LeafSource | undefined;
  readonly ticketKeys: TicketKeys;
  /** Of zones that all acceptors share. */
  readonly sessions: SessionStore;
}

/** What makes a server's TLS of its settings. */
export interface TlsTools {
  readonly material: TlsMaterial;
  readonly lookup: VariableLookup;
  readonly prefix: string;
  /** For the error log. */
  readonly tell: (message: string) => void;
}

/** Where the sessions of a server are. */
export interface Sessions {
  readonly store: SessionStore;
  readonly zone: Zone;
  readonly lifeMs: number;
  /** TLS 1.3 asks for them, as there are no tickets. */
  readonly instead: boolean;
}

/** As in nginx. */
const MAX_SESSION_BYTES = 8192;
const MAX_ID_BYTES = 32;
/** As many handshakes under way are looked at for each ticket; while there are more, nobody gets one that can be used. */
const MAX_JUDGED = 256;
/** Names whose session contexts are kept: a hash costs 6 µs. */
const MAX_NAMES = 256;
/** Of one without a client's certificate, about. */
const SESSION_BYTES = 512;

export class ServerTls {
  /** Refuses everybody. */
  readonly rejects: boolean;
  /** Asks for a certificate. */
  readonly asks: boolean;
  readonly depth: number;
  /** Whom it trusts, by what and how far; '' = it asks nobody. */
  readonly trust: string;
  /** Most bytes of a record; 0 = what TLS has. */
  readonly recordBytes: number;
  readonly sessions: Sessions | null;
  /** Takes them. One for all connections: each has it for as long as it lives. null = they are not kept. */
  readonly onSession: ServerHandshake['onSession'];
  /** What is told of the certificate's revocation; null = nothing. */
  readonly staple: (() => Buffer | null) | null;
  /** Handshakes under way whose clients may show a certificate. */
  readonly #judging: Roster<TlsEnd> | null;
  readonly #id: string;
  /** By name. */
  readonly #contextIds = new Map<string, string>();
  readonly #verify: VerifyClient;
  readonly #speaks13: boolean;
  readonly #context: SecureContext | null;
  readonly #byRequest: RequestPairs | null;
  readonly #local: LocalContexts | null;

  /** `own` are the server's settings, `first` those of the default server of its address. Throws what is wrong with them. */
  constructor(own: Settings, first: Settings, tools: TlsTools) {
    this.rejects = own.sslRejectHandshake;
    this.asks = own.sslVerifyClient !== 'off';
    this.depth = own.sslVerifyDepth;
    this.#verify = own.sslVerifyClient;
    this.#speaks13 = own.sslProtocols.includes('TLSv1.3');
    this.trust = trustOf(own, tools.material.files);
    this.recordBytes = own.sslBufferBytes >= 16_384 ? 0 : Math.max(512, own.sslBufferBytes);
    this.sessions = sessionsOf(own, first, tools.material.sessions);
    this.onSession = this.sessions === null ? null : (id, session, end) => this.#keep(id, session, end);
    this.#judging = this.asks ? new Roster() : null;
    const contentOf = (place: string): string => contentIn(place, tools.material.files);
    const create = (pairs: readonly Pair[]): SecureContext => {
      const context = createServerContext({
        own,
        first,
        pairs: lastOfEach(pairs, own, contentOf),
        contentOf,
      });
      ticketKeysOf(first, tools).bind(context, this.#judging === null ? null : () => this.#spoilsTickets());
      return context;
    };
    const fixed = fixedPairs(own, tools, contentOf);
    this.staple = stapleOf(own, fixed, tools);
    this.#context = fixed === null ? null : create(fixed);
    this.#local = usesLocal(own) ? localContexts(own, tools, create) : null;
    this.#byRequest = fixed === null && this.#local === null ? requestPairs(own, tools, create) : null;
    const named = this.#local === null ? own.sslCertificate : [LOCAL, this.#local.key];
    const shown = fixed === null ? named : fixed.map(({ certificate }) => certificate);
    const identity = JSON.stringify([shown, own.sslVerifyClient, this.trust]);
    this.#id = createHash('sha256').update(identity).digest('base64url');
  }

  /** Resolves when what a client that asks for that name is to be shown is there; null where it is. */
  coming(name: string): Promise<void> | null {
    return this.#local === null ? null : this.#local.coming(name);
  }

  /** `x` stands for the handshake; throws why there is none. */
  contextFor(name: string, x: () => Exchange): SecureContext {
    if (this.#context !== null) return this.#context;
    return this.#local?.contextFor(name) ?? (this.#byRequest as RequestPairs).contextFor(x());
  }

  /**
   * What sessions of a name belong to, at most 32 characters: to the name (RFC 6066 §3: none resumes at another) and, as in nginx, to the
   * certificate and to who is trusted. The same in every acceptor and after a reload, so that a session resumes wherever the client lands.
   */
  sessionContext(name: string): string {
    const lower = name.toLowerCase();
    const known = this.#contextIds.get(lower);
    if (known !== undefined) return known;
    const made = createHash('sha256').update(this.#id).update(lower).digest('base64url').slice(0, 32);
    if (this.#contextIds.size >= MAX_NAMES) this.#contextIds.clear();
    this.#contextIds.set(lower, made);
    return made;
  }

  /** The session that a client asks for by its number. */
  sessionOf({ sessionId, identity }: ClientHello): Buffer | undefined {
    if (this.sessions === null) return undefined;
    const { store, zone, instead } = this.sessions;
    const id = this.#speaks13 && identity !== '' ? (instead ? identity : '') : sessionId;
    return id === '' || id.length > MAX_ID_BYTES ? undefined : store.find(zone, Buffer.from(id, 'latin1'));
  }

  #keep(id: Buffer, session: Buffer, end: TlsEnd): void {
    if (this.sessions === null || session.length > MAX_SESSION_BYTES || !this.#mayKeep(end)) return;
    const { store, zone, lifeMs, instead } = this.sessions;
    // Those of TLS 1.3 are told here even where tickets hold them.
    if (instead || end.protocol !== 'TLSv1.3') store.keep(zone, id, session, lifeMs);
  }

  begin(end: TlsEnd): void {
    this.#judging?.add(end);
  }

  end(end: TlsEnd): void {
    this.#judging?.delete(end);
  }

  /** Whether a session may be kept: as in nginx not that of a client that is refused. */
  #mayKeep(end: TlsEnd): boolean {
    if (this.#verify === 'off') return true;
    return isAccepted(judgeClient(end, this.depth) ?? null, this.#verify);
  }

  /**
   * With a session no chain comes, and one that was too long would be let in. Nobody says whose ticket is being made: that of any of these.
   * Clients that begin handshakes and go no further would make each ticket dear.
   */
  #spoilsTickets(): boolean {
    if (this.#judging !== null && this.#judging.size > MAX_JUDGED) return true;
    for (const end of this.#judging ?? []) if (isDeeper(end, this.depth)) return true;
    return false;
  }
}

function contentIn(place: string, files: TlsFiles): string {
  if (place === '') return '';
  if (place.startsWith('data:')) return place.slice('data:'.length);
  const content = files[place];
  if (content === undefined) throw new Error(`${place} was not read`);
  return content;
}

/** Null where only a handshake knows them. */
function fixedPairs(
  own: Settings,
  { material }: TlsTools,
  contentOf: (place: string) => string,
): readonly Pair[] | null {
  if (byRequest(own) || usesLocal(own)) return null;
  return own.sslCertificate.map((certificate, i) =>
    certificate === 'self-signed'
      ? {
          certificate: contentOf(material.selfSigned?.certificate ?? ''),
          key: contentOf(material.selfSigned?.key ?? ''),
        }
      : {
          certificate: contentOf(constantOf(certificate) ?? ''),
          key: contentOf(constantOf(own.sslCertificateKey[i] ?? '') ?? ''),
        },
  );
}

/** Whether a variable stands in one of its certificates or keys. */
function byRequest({ sslCertificate, sslCertificateKey }: Settings): boolean {
  return [...sslCertificate, ...sslCertificateKey].some((place) => constantOf(place) === undefined);
}

function localContexts(
  own: Settings,
  { material, tell }: TlsTools,
  create: (pairs: readonly Pair[]) => SecureContext,
): LocalContexts {
  const { leaves = {}, askLeaf: ask = NOBODY } = material;
  return new LocalContexts({ own, leaves, ask, create, tell });
}

const NOBODY: LeafSource = () => Promise.resolve(null);

function requestPairs(
  own: Settings,
  { lookup, prefix }: TlsTools,
  create: (pairs: readonly Pair[]) => SecureContext,
): RequestPairs {
  const templates = own.sslCertificate.map(
    (certificate, i): PairTemplate => ({
      certificate: compileTemplate(certificate, lookup),
      key: compileTemplate(own.sslCertificateKey[i] ?? '', lookup),
    }),
  );
  return new RequestPairs({ templates, prefix, keeping: own.sslCertificateCache, create });
}

/** One pair of each kind of key, the last: OpenSSL has one place for each. Keys are opened. */
function lastOfEach(
  pairs: readonly Pair[],
  own: Settings,
  contentOf: (place: string) => string,
): readonly Pair[] {
  const passphrases = contentOf(own.sslPasswordFile);
  const opened = pairs.map(({ certificate, key }, i) => ({
    certificate,
    key: usableKey(key, own.sslCertificateKey[i] ?? '', passphrases),
  }));
  if (opened.length < 2) return opened;
  return [...new Map(opened.map((pair) => [createPrivateKey(pair.key).asymmetricKeyType, pair])).values()];
}

/** Sessions and the keys of tickets are the default server's, whether there are tickets the server says. */
function sessionsOf(own: Settings, first: Settings, store: SessionStore): Sessions | null {
  const { kind, name, bytes, count } = first.sslSessionCache;
  if (kind === 'off' || kind === 'none') return null;
  // nginx has those of `builtin` in each process; one place for all loses none.
  const zone = kind === 'shared' ? { name, bytes } : { name: '', bytes: count * SESSION_BYTES };
  return { store, zone, lifeMs: first.sslSessionTimeoutMs, instead: !own.sslSessionTickets };
}

/** Of a file, or asked for; null where there is nobody to ask, which `-t` says. Of several certificates Node does not tell which one is shown. */
function stapleOf(
  own: Settings,
  pairs: readonly Pair[] | null,
  { material, tell }: TlsTools,
): (() => Buffer | null) | null {
  if (!own.sslStapling || pairs?.length !== 1) return null;
  if (own.sslStaplingFile !== '') {
    const answer = Buffer.from(contentIn(own.sslStaplingFile, material.files), 'latin1');
    return () => answer;
  }
  const trusted = contentIn(own.sslTrustedCertificate, material.files);
  const question = ocspQuestion(pairs[0].certificate, trusted, own.sslStaplingResponder);
  // Answers whose signers nobody has looked at are not shown where that was asked for.
  if (typeof question === 'string' || own.sslStaplingVerify) return null;
  const staple = new Staple(question, tell);
  return () => staple.current();
}

function ticketKeysOf(first: Settings, { material }: TlsTools): TicketKeys {
  if (first.sslSessionTicketKey.length === 0) return material.ticketKeys;
  const files = first.sslSessionTicketKey.map((path) =>
    Buffer.from(contentIn(path, material.files), 'latin1'),
  );
  const keys = TicketKeys.ofFiles(files);
  if (keys !== undefined) return keys;
  throw new Error(
    `ssl_session_ticket_key ${first.sslSessionTicketKey[files.findIndex((file) => ![48, 80].includes(file.length))]} must have 48 or 80 bytes: openssl rand 80`,
  );
}

/** Who is trusted, by what and how far; '' = nobody is asked. */
function trustOf(own: Settings, files: TlsFiles): string {
  if (own.sslVerifyClient === 'off') return '';
  const named = [own.sslClientCertificate, own.sslTrustedCertificate, own.sslCrl];
  const terms = JSON.stringify([own.sslVerifyDepth, ...named.map((place) => contentIn(place, files))]);
  return createHash('sha256').update(terms).digest('base64url');
}
