// What compiling a location's forwarding takes from outside of its settings.

import type { BodyFraming } from '../back/back.ts';
import type { CacheSet } from '../cache/cache-set.ts';
import type { Exchange, Handler } from '../exchange/exchange.ts';
import type { RoadTap } from '../exchange/tap.ts';
import type { VariableLookup } from '../route/template.ts';
import type { UpstreamSet } from '../upstream/upstream-set.ts';
import type { CacheOptions, CacheTarget } from './cache/options.ts';
import type { Family } from './family/rows.ts';
import type { ForwardLog, ForwardOptions } from './forward-options.ts';
import type { PeerTlsSet } from './tls/peer-tls.ts';

/** What only the family's compiler knows. */
export interface FamilyTarget extends CacheTarget {
  readonly family: Family;
  /** What the peer gets before the body, as text: a head, or parameters, one a line. */
  readonly shown: (exchange: Exchange, framing: BodyFraming, upgrade: boolean) => string;
}

/** Makes the handler of a location that forwards. */
export type MakeForward = (
  options: ForwardOptions,
  target: FamilyTarget,
  cache: CacheOptions | null,
) => Handler;

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
  /** Makes another handler than that which forwards: for who only wants to know. */
  readonly make?: MakeForward;
}
