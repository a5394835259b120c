// What explain finds out, as data: `--json` prints it as it is, print.ts as text.
import type { FoundServer } from './address.ts';
import type { SentHead } from './sent.ts';
import type { Applied } from './set-at.ts';
import type { TrailEvent } from './trail.ts';

export interface ExplainedPeer {
  readonly peer: string;
  /** Of the `server` that it comes from. */
  readonly at: string;
  readonly notes: readonly string[];
}

export interface ExplainedForward {
  readonly family: string;
  /** As it is written. */
  readonly pass: string;
  readonly at: string;
  /** The group or host that it leads to. */
  readonly group: string;
  /** Of the `upstream` block; '' for a host. */
  readonly groupAt: string;
  readonly method: string;
  /** What the method chooses by, '' where it asks for nothing of the request. */
  readonly key: string;
  /** In the order in which they would be tried. */
  readonly order: readonly ExplainedPeer[];
  /** Whether the next one follows when one fails. */
  readonly retries: string;
  /** Of the group, but not in the order now. */
  readonly out: readonly ExplainedPeer[];
  readonly tls: boolean;
  readonly websocket: boolean;
  /** How the body goes: `none`, `5 bytes`, `chunked`. */
  readonly body: string;
  readonly sent: SentHead;
  /** null = there is none. */
  readonly cache: {
    readonly zone: string;
    readonly key: string;
    /** `$upstream_cache_status`: why the peer is asked. */
    readonly status: string;
    readonly at: string;
  } | null;
}

export interface ExplainedAnswer {
  readonly status: number;
  /** Field lines as the location makes them; Server, Date, Connection and framing come on top. */
  readonly fields: readonly string[];
  /** -1 = not known before. */
  readonly length: number;
  /** The beginning of a text made here; '' for files and bodies that are none. */
  readonly body: string;
}

/** How it ends. */
export type Ending =
  | { readonly kind: 'answer'; readonly answer: ExplainedAnswer }
  | { readonly kind: 'forward'; readonly forward: ExplainedForward }
  | { readonly kind: 'closed'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Explanation {
  readonly request: {
    readonly method: string;
    readonly target: string;
    readonly host: string;
    readonly from: string;
    /** What a trusted proxy told of it; else the same. */
    readonly realAddress: string;
    readonly head: string;
    readonly bodyBytes: number;
  };
  readonly address: {
    readonly address: string;
    readonly at: string;
    readonly why: string;
    readonly tls: boolean;
  };
  readonly server: FoundServer;
  readonly trail: readonly TrailEvent[];
  /** Where the request ends up. */
  readonly location: { readonly location: string; readonly at: string; readonly uri: string };
  readonly ending: Ending;
  /** Limits, time-outs, retries that hold there. */
  readonly applied: readonly Applied[];
  /** What works on the answer there, where its maker is a peer. */
  readonly filters: readonly { readonly filter: string; readonly settings: readonly Applied[] }[];
  readonly hints: readonly string[];
}
