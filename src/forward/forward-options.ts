// What a location that forwards is compiled to, and whom it tells of what happens: forward.ts, its attempts and the compilers meet here.
import type { Back } from '../back/back.ts';
import type { BodyPolicy } from '../body/policy.ts';
import type { Attempt } from '../exchange/attempt.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ResponseHead } from '../http/response-head.ts';
import type { Transport } from '../upstream/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { SpoolPolicy } from './buffering/spool.ts';
import type { RewriteCookie } from './cookies.ts';
import type { HashKey } from './hash-key.ts';
import type { HoldOptions } from './hold.ts';
import type { NextPolicy } from './next-upstream.ts';
import type { SeekPeer } from './peer-ranges.ts';

/** What a location with proxy_pass is compiled to. Times in ms. */
export interface ForwardOptions extends HoldOptions {
  readonly upstream: Upstream | FindUpstream;
  /** Group or server as proxy_pass names it; '' where `upstream` finds it and sets `exchange.proxyHost`. */
  readonly authority: string;
  readonly hashKey: HashKey;
  /** It is what $proxy_host and $proxy_port tell: only of proxy_pass. */
  readonly isProxy: boolean;
  /** `authority` is led to over TLS. */
  readonly secure: boolean;
  /** What carries the bytes to its peers; null = plain TCP, and so where it gives null. */
  readonly transport: ((exchange: Exchange) => Transport | null) | null;
  readonly back: Back;
  /** What proxy_set_header says of Upgrade: any protocol that it gives is switched to; null = WebSockets alone. */
  readonly upgrade: ((exchange: Exchange) => string) | null;
  readonly takeHead: (exchange: Exchange, head: ResponseHead) => void;
  readonly next: NextPolicy;
  /** Whether a 103 of a peer goes on to the client; null = always. */
  readonly earlyHints: ((exchange: Exchange) => boolean) | null;
  readonly connectTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly body: BodyPolicy;
  /** Send the body while it still comes from the client; else it is read whole before a peer is asked. */
  readonly streamsBody: boolean;
  /** False: the head goes without its body. */
  readonly passBody: boolean;
  /** What goes instead of the client's body; null = that. */
  readonly ownBody: ((exchange: Exchange) => string) | null;
  /** A client that closes its side does not end the exchange. */
  readonly ignoreClientAbort: boolean;
  /** The peer reads no chunks (HTTP/1.0): a body goes with its length. */
  readonly needsLength: boolean;
  /** Lower-case names of X-Accel- fields that are not obeyed. */
  readonly ignoreHeaders: ReadonlySet<string>;
  /** Ranges of the peer's answers are made here; null = they are the peer's matter. */
  readonly seekPeer: SeekPeer | null;
  /** Bytes a second that are read of a buffered answer; 0 = no limit. */
  readonly limitRateBytes: number;
  /** What a Set-Cookie becomes that X-Accel-Redirect carries; null = it stays. */
  readonly carriedCookie: RewriteCookie | null;
  /** The client need not keep up with the peer. */
  readonly buffering: boolean;
  readonly spool: SpoolPolicy;
  /** Statuses of peers that error_page answers (proxy_intercept_errors); null = none. */
  readonly intercepts: ReadonlySet<number> | null;
  /** What goes on of the peer's trailers; null = nothing. */
  readonly takeTrailers: ((lines: string) => string) | null;
  readonly sentTo: SentTo;
  readonly log: ForwardLog;
}

/** What a log calls a peer that was asked, with what it was asked for: `http://127.0.0.1:8080/uri`. */
export type SentTo = (exchange: Exchange, peer: string) => string;

/**
 * Finds the group of a URL with variables; it is undefined when a variable names a host that cannot be reached: `detail` goes to the
 * error page. `no_target`: the variables named no host at all.
 */
export type FindUpstream = (
  exchange: Exchange,
  ready: (upstream: Upstream | undefined, detail: string, failure?: 'no_target') => void,
) => void;

export interface ForwardLog {
  /** An attempt failed: what, and whether another follows (`noRetry` = '' means yes). */
  attemptFailed(exchange: Exchange, attempt: Attempt, detail: string, sentTo: SentTo): void;
  /** What is no failure: a FastCGI app wrote to its error output, an answer went to a temporary file. */
  note(exchange: Exchange, level: 'warn' | 'error', message: string, sentTo?: SentTo): void;
}
