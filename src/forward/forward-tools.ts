// What compiling a location's forwarding takes from outside of its settings.
import type { CacheSet } from '../cache/cache-set.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { RoadTap } from '../exchange/tap.ts';
import type { VariableLookup } from '../route/template.ts';
import type { UpstreamSet } from '../upstream/upstream-set.ts';
import type { ForwardLog } from './forward-options.ts';
import type { PeerTlsSet } from './tls/peer-tls.ts';

export interface ForwardTools {
  readonly lookup: VariableLookup;
  readonly upstreams: UpstreamSet;
  readonly peerTls: PeerTlsSet;
  readonly caches: CacheSet;
  readonly log: ForwardLog;
  /** Who looks on; null where nobody does. */
  readonly tap: RoadTap | null;
  /** The value of a Location that was put right: absolute when it is a path and absolute_redirect is on. */
  readonly absolute: (exchange: Exchange, location: string) => string;
  /** Answers with a page that asks again, and says what is waited for. */
  readonly waitPage: (exchange: Exchange, what: string) => void;
}
