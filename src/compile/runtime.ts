// What a compiled configuration is, and what a process gives to make it.
import type { CacheSet } from '../cache/cache-set.ts';
import type { Model } from '../config/model.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { RoadTap } from '../exchange/tap.ts';
import type { NoteLevel } from '../features/feature.ts';
import type { ForwardLog, SentTo } from '../forward/forward-options.ts';
import type { PeerTlsSet } from '../forward/tls/peer-tls.ts';
import type { ListenerPlan } from '../listen/listener.ts';
import type { TlsMaterial } from '../listen/tls/server-tls.ts';
import type { LogFiles } from '../observe/log-files.ts';
import type { ErrorLogSetting } from '../observe/rows.ts';
import type { TrafficBook } from '../observe/traffic/book.ts';
import type { VariableLookup } from '../route/template.ts';
import type { Discovery } from '../upstream/discovery.ts';
import type { UpstreamSet } from '../upstream/upstream-set.ts';
import type { ZoneSet } from '../zones/zone.ts';
import type { Traces } from './traces.ts';
import type { TrafficSeries } from './traffic-series.ts';
import type { Watch } from './watch.ts';

/** What a process gives the runtime to work with. */
export interface RuntimeTools {
  readonly previous: Runtime | null;
  readonly discovery: Discovery;
  readonly tls: TlsMaterial;
  readonly logFiles: LogFiles;
  /** Notes for the error log of a place. */
  readonly log: RuntimeLog;
  /** Those of a level, which are `log` for all where this is missing. Throws when one cannot be opened. */
  readonly logOf?: (errorLog: readonly ErrorLogSetting[]) => RuntimeLog;
  /** Looks on at all that passes. */
  readonly tap?: RoadTap | null;
  /** Counts what passes; missing or null where nobody asks for numbers. */
  readonly traffic?: TrafficBook | null;
  /** What is compiled tells it what it decides. It has no log files and no TLS towards clients then. */
  readonly watch?: Watch;
}

export interface RuntimeLog extends ForwardLog {
  /** A file could not be served. */
  fileProblem(exchange: Exchange, message: string): void;
  /** Clients are turned away, and why. */
  noRoom(message: string): void;
  /** A client was refused before its request could come, and is not to blame. */
  handshake(message: string): void;
  /** What a feature says of an exchange. */
  note(exchange: Exchange, level: NoteLevel, message: string, sentTo?: SentTo): void;
  /** A request was answered with an error page of this status, and why. */
  refused(exchange: Exchange, status: number, detail: string): void;
}

/** A compiled configuration: what each address serves, and the groups behind. */
export interface Runtime {
  readonly model: Model;
  readonly listeners: ReadonlyMap<string, ListenerPlan>;
  readonly upstreams: UpstreamSet;
  readonly peerTls: PeerTlsSet;
  readonly caches: CacheSet;
  readonly zones: ZoneSet;
  /** Null where nothing is traced. */
  readonly traces: Traces | null;
}

/** What all locations of a configuration share. */
export interface Shared {
  readonly upstreams: UpstreamSet;
  readonly peerTls: PeerTlsSet;
  readonly caches: CacheSet;
  readonly zones: ZoneSet;
  readonly lookup: VariableLookup;
  /** The rest is for compiling alone: kept, `previous` would hold all configurations that ever were. */
  readonly tools: Pick<RuntimeTools, 'logFiles' | 'log' | 'logOf' | 'watch'>;
  /** null: nobody looks on. */
  readonly tap: RoadTap | null;
  /** Addresses of hosts that set_real_ip_from names. */
  readonly hostAddresses: ReadonlyMap<string, readonly string[]>;
  /** Null where nothing is counted. */
  readonly traffic: TrafficSeries | null;
  /** Null where nothing is traced. */
  readonly traces: Traces | null;
  /** Some script sets `$limit_rate`. */
  readonly setsRate: boolean;
}
