// What the live view sees of lbproxy and may ask of it. The primary stands behind it, and a test can put a stand-in there.
import type { LiveFault } from '../features/faults/live-faults.ts';
import type { Answer, Question } from '../inspect/questions.ts';
import type { TrafficSnapshot } from '../observe/traffic/snapshot.ts';
import type { PoolFace } from '../supervise/control/face.ts';
import type { LiveEvent } from './events.ts';

/** A listening address, and what it leads to. */
export interface TopologyView {
  readonly listeners: readonly {
    readonly address: string;
    readonly secure: boolean;
    readonly servers: readonly string[];
  }[];
  readonly servers: readonly {
    /** As `ServerSnapshot.server` has it. */
    readonly server: string;
    readonly names: readonly string[];
    /** `file:line:column`. */
    readonly at: string;
    readonly locations: readonly {
      readonly location: string;
      readonly at: string;
      /** Where it leads: an upstream or a host, a directory, what it returns; '' for nothing. */
      readonly to: string;
      readonly kind: 'proxy' | 'files' | 'return' | 'other';
    }[];
  }[];
}

export interface PeerView {
  readonly upstream: string;
  readonly peer: string;
  readonly weight: number;
  readonly backup: boolean;
  /** `up`; `down` by configuration, by somebody's wish or because its process is; `drain`: no new requests; `failed`: left out for a while. */
  readonly state: 'up' | 'down' | 'drain' | 'failed';
  /** Why, in a few words; '' while it is up. */
  readonly why: string;
  readonly fails: number;
  readonly active: number;
  /** The supervised process behind it, as `ctl status` names it (`web:web_00`); '' without. */
  readonly process: string;
}

export type PeerWish =
  | { readonly action: 'up' | 'down' | 'drain' }
  | { readonly action: 'weight'; readonly weight: number };

/** A fault for a location, in the place of one of its kind; or none of that kind. */
export type FaultWish = LiveFault | Pick<LiveFault, 'server' | 'location' | 'kind'>;

/** One line of the configuration as it holds. */
export interface SettingView {
  /** `http`, `server one`, `server one, location /api/`. */
  readonly place: string;
  readonly name: string;
  readonly value: string;
  /** `file:line:column`; '' for a default. */
  readonly at: string;
}

export interface Outcome {
  readonly ok: boolean;
  readonly text: string;
}

export interface CockpitFace {
  readonly version: string;
  /** Path of the file that lbproxy runs, or what stands for it. */
  readonly configuration: string;
  snapshot(): Promise<TrafficSnapshot>;
  metrics(openMetrics: boolean): Promise<string>;
  topology(): TopologyView;
  peers(): readonly PeerView[];
  /** Until the next reload. */
  setPeer(upstream: string, peer: string, wish: PeerWish): Outcome;
  /** Those that were set live. */
  faults(): readonly LiveFault[];
  /** Until the next reload; resolves when all acceptors know of it. */
  setFault(wish: FaultWish): Promise<Outcome>;
  settings(): readonly SettingView[];
  /** Warnings and errors of the last reading, each with its place. */
  problems(): readonly string[];
  /** null while there are no programs. */
  readonly programs: PoolFace | null;
  /** Inspectors of all acceptors, or of one; answers by acceptor. */
  ask(question: Question, acceptor?: number): Promise<ReadonlyMap<number, Answer>>;
  reload(): Promise<Outcome>;
  readonly events: { readonly since: (id: number) => readonly LiveEvent[] };
}
