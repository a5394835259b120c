// What primary and acceptors say to each other. Plain data over the cluster's channel; sockets ride along with `socket`.
import type { PeerState } from '../balance/group.ts';
import type { LiveFault } from '../features/faults/live-faults.ts';
import type { CertificatePaths, TlsFiles } from '../listen/tls-files.ts';
import type { Leaf, Leaves } from '../local-ca/leaf.ts';
import type { TallyCounts } from '../observe/request-tally.ts';
import type { TrafficDelta } from '../observe/traffic/delta.ts';
import type { Discovery } from '../upstream/discovery.ts';
import type { LogPosition } from './shared-log.ts';

/** The self-signed certificate (null when no server uses it), and what all certificate and key files hold. */
export interface TlsMessage {
  readonly selfSigned: CertificatePaths | null;
  readonly files: TlsFiles;
  /** Local certificates; without where no server has them. */
  readonly leaves?: Leaves | undefined;
}

export type ToAcceptor =
  /** A bound socket for an address, sent before the `prepare` that needs it. */
  | { readonly type: 'socket'; readonly identity: string }
  /** A piece of a packed Model, to be answered by `more`: each is sent when the one before was read. */
  | { readonly type: 'piece'; readonly generation: number; readonly text: string }
  /** Compile the Model of this generation, all pieces of which were sent, beside what runs. */
  | {
      readonly type: 'prepare';
      readonly generation: number;
      readonly discovery: Discovery;
      readonly tls: TlsMessage;
      readonly ticketKeys: readonly string[];
      /** Whether other acceptors share the groups. */
      readonly shared: boolean;
      /** What passes is counted. */
      readonly counting: boolean;
    }
  /** Serve what was prepared. */
  | { readonly type: 'commit'; readonly generation: number; readonly state: SharedState }
  | { readonly type: 'discard'; readonly generation: number }
  | { readonly type: 'discovery'; readonly discovery: Discovery }
  /** As base64: tickets are made with the first, those of all are taken. */
  | { readonly type: 'ticket-keys'; readonly keys: readonly string[] }
  /** What was asked for by `leaf`; null where there is none to be had. */
  | { readonly type: 'leaf'; readonly id: number; readonly leaf: Leaf | null }
  /** The shared log has a new segment: read the old one to its end. */
  | { readonly type: 'log-sealed' }
  | { readonly type: 'reopen'; readonly generation: number }
  /**
   * Answer `peer-idle` once no exchange is under way on these ports of this machine. Sent behind the `discovery` that takes them out:
   * messages come in their order, and each is done before the next, so by then nothing new goes there.
   */
  | { readonly type: 'drain-peer'; readonly id: number; readonly ports: readonly number[] }
  /** Nobody waits for that answer any more. */
  | { readonly type: 'drain-stop'; readonly id: number }
  /** Answer `traffic` with this id, at once. */
  | { readonly type: 'traffic-now'; readonly id: number }
  /** What was asked for by `scrape`; null where there is nothing. */
  | { readonly type: 'scraped'; readonly id: number; readonly text: string | null }
  /** Answer `counts`. */
  | { readonly type: 'count'; readonly id: number }
  /** These faults were set by somebody, and no others. */
  | { readonly type: 'faults'; readonly faults: readonly LiveFault[] }
  /** A question to the inspector (`Question` as JSON), to be answered by `answer`. */
  | { readonly type: 'ask'; readonly id: number; readonly question: string }
  /** Accept nothing more and exit when idle, at the latest after `timeoutMs` (0 = no limit). */
  | { readonly type: 'drain'; readonly timeoutMs: number }
  | { readonly type: 'stop' };

/** What acceptors share, as it was at one place of the log. */
export interface SharedState {
  readonly groups: readonly GroupState[];
  readonly zones: readonly ZoneState[];
  readonly log: LogPosition;
}

/** State of a group for an acceptor that joins while others serve. */
export interface GroupState {
  readonly id: string;
  readonly peers: readonly PeerState[];
}

/** State of a zone (`ZoneKind.dump`), as base64. */
export interface ZoneState {
  readonly id: string;
  readonly state: string;
}

export type FromAcceptor =
  | { readonly type: 'ready' }
  /** The next piece, please. */
  | { readonly type: 'more'; readonly generation: number }
  | { readonly type: 'prepared'; readonly generation: number; readonly problem: PrepareProblem | null }
  | { readonly type: 'committed'; readonly generation: number; readonly problem: string | null }
  /** This segment of the shared log should be sealed. */
  | { readonly type: 'log-full'; readonly segment: number }
  /** This acceptor reads the segment before this one no more. */
  | { readonly type: 'log-switched'; readonly segment: number }
  | { readonly type: 'reopened'; readonly generation: number; readonly problems: readonly string[] }
  | { readonly type: 'peer-idle'; readonly id: number }
  /** A client waits for a local certificate: `LeafSource` says what may be wanted. */
  | { readonly type: 'leaf'; readonly id: number; readonly wanted: string }
  | { readonly type: 'counts'; readonly id: number; readonly ports: PortCounts }
  /** `Answer` of the inspector, as JSON. */
  | { readonly type: 'answer'; readonly id: number; readonly answer: string }
  /** What was counted since the last one; id 0 where it was not asked for. */
  | ({ readonly type: 'traffic'; readonly id: number } & TrafficDelta)
  /** A client asks for the metrics of all: answer `scraped`. */
  | { readonly type: 'scrape'; readonly id: number; readonly openMetrics: boolean }
  /** What a graceful stop waits for; said when the drain begins and with each sign of life after. */
  | { readonly type: 'draining'; readonly waits: DrainWaits }
  | { readonly type: 'alive' }
  /** The last word of one that has shown request lines. */
  | { readonly type: 'tally'; readonly counts: TallyCounts };

/** Port of this machine → what is under way there; ports without anything are absent. */
export type PortCounts = Readonly<Record<number, DrainWaits>>;

export interface DrainWaits {
  readonly exchanges: number;
  readonly tunnels: number;
}

export interface PrepareProblem {
  /** `file:line:column`, '' when there is no place. */
  readonly at: string;
  readonly message: string;
  /** The same in nginx's own words, where it has some. */
  readonly plain?: string | undefined;
}
