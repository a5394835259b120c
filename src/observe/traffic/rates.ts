// What happened between two snapshots, per second. Pure: whoever shows it keeps the snapshots, of a second ago, of ten.
import type { SparseCounts } from './buckets.ts';
import { latencyOf } from './flows.ts';
import type { AttemptsSnapshot, FlowSnapshot, LatencySnapshot, TrafficSnapshot } from './snapshot.ts';

export interface LatencyRates {
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

export interface FlowRates extends LatencyRates {
  readonly requests: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** By status, and by its class (`2xx`); those that did not come are absent. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly classes: Readonly<Record<string, number>>;
}

export interface AttemptRates extends LatencyRates {
  readonly attempts: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly classes: Readonly<Record<string, number>>;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** All counts are per second. */
export interface TrafficRates {
  /** Between the two. */
  readonly seconds: number;
  readonly total: FlowRates;
  readonly servers: readonly (FlowRates & {
    readonly server: string;
    readonly locations: readonly (FlowRates & { readonly location: string })[];
  })[];
  readonly upstreams: readonly (AttemptRates & {
    readonly upstream: string;
    readonly peers: readonly (AttemptRates & { readonly peer: string })[];
  })[];
  readonly acceptors: readonly (FlowRates & {
    readonly id: number;
    readonly pid: number;
    /** 1 is one core, all the time. */
    readonly cpu: number;
  })[];
  /** Connections that came. */
  readonly accepted: number;
}

export function ratesBetween(before: TrafficSnapshot, after: TrafficSnapshot): TrafficRates {
  const seconds = Math.max(0.001, (after.atMs - before.atMs) / 1000);
  const servers = by(before.servers, (each) => each.server);
  const upstreams = by(before.upstreams, (each) => each.upstream);
  const acceptors = by(before.acceptors, (each) => String(each.id));
  return {
    seconds,
    total: flowRates(before.total, after.total, seconds),
    servers: after.servers.map((one) => {
      const old = servers.get(one.server);
      const locations = by(old?.locations ?? [], (each) => each.location);
      return {
        server: one.server,
        ...flowRates(old, one, seconds),
        locations: one.locations.map((each) => ({
          location: each.location,
          ...flowRates(locations.get(each.location), each, seconds),
        })),
      };
    }),
    upstreams: after.upstreams.map((one) => {
      const old = upstreams.get(one.upstream);
      const peers = by(old?.peers ?? [], (each) => each.peer);
      return {
        upstream: one.upstream,
        ...attemptRates(old, one, seconds),
        peers: one.peers.map((each) => ({
          peer: each.peer,
          ...attemptRates(peers.get(each.peer), each, seconds),
        })),
      };
    }),
    acceptors: after.acceptors.map((one) => {
      const old = acceptors.get(String(one.id));
      const cpu = grown(old?.cpuMs ?? 0, one.cpuMs) / 1000 / seconds;
      return { id: one.id, pid: one.pid, cpu, ...flowRates(old, one, seconds) };
    }),
    accepted: grown(before.connections.accepted, after.connections.accepted) / seconds,
  };
}

function flowRates(before: FlowSnapshot | undefined, after: FlowSnapshot, seconds: number): FlowRates {
  const statuses = ratesOf(before?.statuses ?? {}, after.statuses, seconds);
  const classes: Record<string, number> = {};
  for (const [status, rate] of Object.entries(statuses)) {
    const name = /^[1-5]/.test(status) ? `${status[0]}xx` : 'other';
    classes[name] = (classes[name] ?? 0) + rate;
  }
  return {
    requests: grown(before?.requests ?? 0, after.requests) / seconds,
    bytesIn: grown(before?.bytesIn ?? 0, after.bytesIn) / seconds,
    bytesOut: grown(before?.bytesOut ?? 0, after.bytesOut) / seconds,
    statuses,
    classes,
    ...latencyRates(before?.latency, after.latency),
  };
}

function attemptRates(
  before: AttemptsSnapshot | undefined,
  after: AttemptsSnapshot,
  seconds: number,
): AttemptRates {
  return {
    attempts: grown(before?.attempts ?? 0, after.attempts) / seconds,
    outcomes: ratesOf(before?.outcomes ?? {}, after.outcomes, seconds),
    classes: ratesOf(before?.classes ?? {}, after.classes, seconds),
    bytesSent: grown(before?.bytesSent ?? 0, after.bytesSent) / seconds,
    bytesReceived: grown(before?.bytesReceived ?? 0, after.bytesReceived) / seconds,
    ...latencyRates(before?.latency, after.latency),
  };
}

function latencyRates(before: LatencySnapshot | undefined, after: LatencySnapshot): LatencyRates {
  const sumMs = grown(before?.sumMs ?? 0, after.sumMs);
  const { count, p50Ms, p95Ms, p99Ms } = latencyOf(lessBuckets(before?.buckets ?? [], after.buckets), sumMs);
  return { meanMs: count === 0 ? null : sumMs / count, p50Ms, p95Ms, p99Ms };
}

function lessBuckets(before: SparseCounts, after: SparseCounts): SparseCounts {
  const old = new Map<number, number>();
  for (let i = 0; i < before.length; i += 2) old.set(before[i], before[i + 1]);
  const rest: number[] = [];
  for (let i = 0; i < after.length; i += 2) {
    const count = grown(old.get(after[i]) ?? 0, after[i + 1]);
    if (count > 0) rest.push(after[i], count);
  }
  return rest;
}

type Counts = Readonly<Record<string, number>>;

function ratesOf(before: Counts, after: Counts, seconds: number): Record<string, number> {
  const rates: Record<string, number> = {};
  for (const [name, count] of Object.entries(after)) {
    const more = grown(before[name] ?? 0, count);
    if (more > 0) rates[name] = more / seconds;
  }
  return rates;
}

/** A series that was dropped and came back has begun anew. */
function grown(before: number, after: number): number {
  return after >= before ? after - before : after;
}

function by<T>(all: readonly T[], name: (one: T) => string): Map<string, T> {
  return new Map(all.map((one) => [name(one), one]));
}
