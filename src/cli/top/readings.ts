// What was read of the live view lately, and what follows from it: rates over the last seconds.
import type { PeerView } from '../../cockpit/face.ts';
import type { ProgramView } from '../../cockpit/program-calls.ts';
import { ratesBetween, type TrafficRates } from '../../observe/traffic/rates.ts';
import type { TrafficSnapshot } from '../../observe/traffic/snapshot.ts';
import type { Listed, LiveState } from './live-client.ts';

export interface PeerLine extends Omit<PeerView, 'state'> {
  /** '' for one of no upstream, which is named where requests go (`proxy_pass http://localhost:3000`): nobody takes it out. */
  readonly state: PeerView['state'] | '';
  readonly rate: number;
  readonly failures: number;
  /** '' while it never failed. */
  readonly lastCause: string;
}

/** All that is shown. */
export interface Reading {
  readonly version: string;
  readonly configuration: string;
  readonly traffic: TrafficSnapshot;
  readonly rates: TrafficRates;
  readonly peers: readonly PeerLine[];
  readonly programs: readonly ProgramView[];
  /** The newest last. */
  readonly requests: readonly Listed[];
  /** Why there are none; '' while there may be. */
  readonly noRequests: string;
}

/** Rates are over so many readings. */
const KEPT = 6;

export class Readings {
  #snapshots: TrafficSnapshot[] = [];

  /** A text says why there are no requests. */
  add(state: LiveState, listed: readonly Listed[] | string): Reading {
    const { traffic } = state;
    const before = this.#snapshots.at(-1);
    // It was started anew, or reading was interrupted: what was then says nothing of now.
    if (before !== undefined && before.startedAtMs !== traffic.startedAtMs) this.#snapshots = [];
    this.#snapshots = [...this.#snapshots, traffic].slice(-KEPT);
    const rates = ratesBetween(this.#snapshots[0], traffic);
    const { version, configuration, programs } = state;
    const peers = [...state.peers, ...strangers(state)].map((peer) => lineOf(peer, traffic, rates));
    const [requests, noRequests] = typeof listed === 'string' ? [[], listed] : [listed, ''];
    return { version, configuration, traffic, rates, peers, programs, requests, noRequests };
  }
}

function lineOf(peer: BarePeer, traffic: TrafficSnapshot, rates: TrafficRates): PeerLine {
  const known = peerIn(traffic.upstreams, peer);
  const failures = Object.entries(known?.outcomes ?? {}).reduce(
    (sum, [cause, n]) => (cause === 'ok' ? sum : sum + n),
    0,
  );
  const rate = peerIn(rates.upstreams, peer)?.attempts ?? 0;
  return { ...peer, failures, rate, lastCause: known?.lastFailure?.cause ?? '' };
}

type BarePeer = Omit<PeerLine, 'rate' | 'failures' | 'lastCause'>;

/** Peers that traffic went to, of no upstream. */
function strangers({ traffic, peers }: LiveState): BarePeer[] {
  const known = new Set(peers.map(({ upstream }) => upstream));
  return traffic.upstreams
    .filter(({ upstream }) => !known.has(upstream))
    .flatMap(({ upstream, peers: asked }) => asked.map(({ peer }) => ({ ...NO_STATE, upstream, peer })));
}

const NO_STATE = { weight: 1, backup: false, state: '', why: '', fails: 0, active: 0, process: '' } as const;

/** Of what is known by upstream and peer. */
function peerIn<T extends { readonly peer: string }>(
  upstreams: readonly { readonly upstream: string; readonly peers: readonly T[] }[],
  { upstream, peer }: BarePeer,
): T | undefined {
  return upstreams.find((one) => one.upstream === upstream)?.peers.find((one) => one.peer === peer);
}
