// What is known of all traffic at one moment, as plain data: for the page, `lbproxy top`, /metrics. Counts only ever grow.
import type { SparseCounts } from './buckets.ts';
import type { PeerState } from './delta.ts';

/** Of durations: percentiles are of all that were ever counted; null where none were. */
export interface LatencySnapshot {
  readonly count: number;
  readonly sumMs: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** By bucket (buckets.ts). */
  readonly buckets: SparseCounts;
}

export interface FlowSnapshot {
  readonly requests: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Status (three digits, or `other`) → answers; those that never came are absent. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly latency: LatencySnapshot;
}

export interface LocationSnapshot extends FlowSnapshot {
  /** As it stands in the file: `/api/`, `= /x`, `~ \.php$`, `@name`; `-` outside of all; `other` for all that have no place. */
  readonly location: string;
}

export interface ServerSnapshot extends FlowSnapshot {
  /** First server_name, or where it listens. */
  readonly server: string;
  readonly locations: readonly LocationSnapshot[];
}

export interface AttemptsSnapshot {
  readonly attempts: number;
  /** `ok` or the cause (shared/failure.ts) → attempts that ended so. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Class of the peer's status (`2xx`) → answers. */
  readonly classes: Readonly<Record<string, number>>;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly latency: LatencySnapshot;
}

export interface PeerPresent {
  readonly state: PeerState;
  readonly weight: number;
  /** Exchanges under way on it, in all acceptors. */
  readonly active: number;
}

export interface FailureSnapshot {
  /** As `outcomes` has it. */
  readonly cause: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export interface PeerSnapshot extends AttemptsSnapshot {
  /** Its address; `-` where none could be picked. */
  readonly peer: string;
  /** null where no acceptor has it (any more). */
  readonly now: PeerPresent | null;
  /** What its last failure was; null while it never failed. */
  readonly lastFailure: FailureSnapshot | null;
}

export interface UpstreamSnapshot extends AttemptsSnapshot {
  readonly upstream: string;
  readonly peers: readonly PeerSnapshot[];
}

export interface ConnectionsSnapshot {
  readonly accepted: number;
  readonly handled: number;
  readonly active: number;
  readonly reading: number;
  readonly writing: number;
  readonly waiting: number;
}

/** One that lives. Its counts begin with it. */
export interface AcceptorSnapshot extends FlowSnapshot {
  readonly id: number;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly cpuMs: number;
  readonly loopMaxMs: number;
  readonly loopP99Ms: number;
  readonly active: number;
  readonly reading: number;
  readonly writing: number;
  readonly waiting: number;
}

export interface ReloadsSnapshot {
  readonly done: number;
  readonly refused: number;
  /** Milliseconds since the epoch when the present configuration came. */
  readonly lastDoneAtMs: number;
  /** The latest one was done. */
  readonly lastOk: boolean;
}

export interface ProcessSnapshot {
  readonly program: string;
  readonly process: string;
  readonly state: string;
  readonly pid: number;
  readonly ready: boolean;
  readonly restarts: number;
  /** Milliseconds since the epoch; 0 for never. */
  readonly startedAtMs: number;
}

export interface ProgramSnapshot {
  readonly program: string;
  /** Processes by state; all states are there. */
  readonly states: Readonly<Record<string, number>>;
  readonly ready: number;
  /** Of all its processes, those that are gone too: never less than before. */
  readonly restarts: number;
}

export interface CertificateSnapshot {
  readonly file: string;
  /** Its common name, or the first other name. */
  readonly name: string;
  readonly notAfterMs: number;
}

/** What the primary knows besides. */
export interface Surroundings {
  readonly version: string;
  readonly startedAtMs: number;
  /** Acceptors that were started in the place of one that died. */
  readonly acceptorDeaths: number;
  readonly reloads: ReloadsSnapshot;
  readonly processes: readonly ProcessSnapshot[];
  readonly programs: readonly ProgramSnapshot[];
  readonly certificates: readonly CertificateSnapshot[];
}

export interface TrafficSnapshot extends Surroundings {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Whether traffic is counted at all. */
  readonly counting: boolean;
  readonly total: FlowSnapshot;
  readonly servers: readonly ServerSnapshot[];
  readonly upstreams: readonly UpstreamSnapshot[];
  readonly acceptors: readonly AcceptorSnapshot[];
  readonly connections: ConnectionsSnapshot;
  readonly spans: { readonly sent: number; readonly dropped: number };
}
