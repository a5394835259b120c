// What was read of the live view lately, and what follows from it: rates over the last seconds, the last cause of each peer's failures.
import type { PeerView } from '../../cockpit/face.ts';
import type { ProgramView } from '../../cockpit/program-calls.ts';
import { ratesBetween, type TrafficRates } from '../../observe/traffic/rates.ts';
import type { PeerSnapshot, TrafficSnapshot } from '../../observe/traffic/snapshot.ts';
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
  /** Upstream and peer → the cause that was counted last. */
  readonly #causes = new Map<string, string>();

  /** A text says why there are no requests. */
  add(state: LiveState, listed: readonly Listed[] | string): Reading {
    const { traffic } = state;
    const before = this.#snapshots.at(-1);
    // It was started anew, or reading was interrupted: what was then says nothing of now.
    if (before !== undefined && before.startedAtMs !== traffic.startedAtMs) this.#snapshots = [];
    this.#snapshots = [...this.#snapshots, traffic].slice(-KEPT);
    const rates = ratesBetween(this.#snapshots[0], traffic);
    this.#noteCauses(before, traffic);
    const { version, configuration, programs } = state;
    const peers = [...state.peers, ...strangers(state)].map((peer) => this.#lineOf(peer, traffic, rates));
    const [requests, noRequests] = typeof listed === 'string' ? [[], listed] : [listed, ''];
    return { version, configuration, traffic, rates, peers, programs, requests, noRequests };
  }

  #noteCauses(before: TrafficSnapshot | undefined, after: TrafficSnapshot): void {
    const old = new Map(before === undefined ? [] : peersOf(before));
    for (const [key, { outcomes }] of peersOf(after)) {
      const counted = old.get(key)?.outcomes ?? {};
      const grown = Object.entries(outcomes)
        .map(([cause, count]) => [cause, count - (counted[cause] ?? 0)] as const)
        .filter(([cause, more]) => cause !== 'ok' && more > 0)
        .sort((a, b) => b[1] - a[1]);
      if (grown.length > 0) this.#causes.set(key, grown[0][0]);
    }
  }

  #lineOf(peer: BarePeer, traffic: TrafficSnapshot, rates: TrafficRates): PeerLine {
    const key = keyOf(peer.upstream, peer.peer);
    const { outcomes = {} } = new Map(peersOf(traffic)).get(key) ?? {};
    const rate = rates.upstreams
      .find(({ upstream }) => upstream === peer.upstream)
      ?.peers.find((each) => each.peer === peer.peer);
    const failures = Object.entries(outcomes).reduce(
      (sum, [cause, n]) => (cause === 'ok' ? sum : sum + n),
      0,
    );
    return { ...peer, failures, rate: rate?.attempts ?? 0, lastCause: this.#causes.get(key) ?? '' };
  }
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

const keyOf = (upstream: string, peer: string): string => `${upstream}\n${peer}`;

function peersOf({ upstreams }: TrafficSnapshot): (readonly [string, PeerSnapshot])[] {
  return upstreams.flatMap(({ upstream, peers }) =>
    peers.map((peer) => [keyOf(upstream, peer.peer), peer] as const),
  );
}
