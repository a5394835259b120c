// A certificate that the local authority has signed, as it travels from the primary, which makes them, to acceptors, which show them.

export interface Leaf {
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  readonly madeAtMs: number;
  /** From then on a new one is asked for; this one holds on for a while. */
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

/** What leaves are made for: DNS names and addresses. */
export interface LeafNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

/** By the key of their names (`keyOf` in names.ts). */
export type Leaves = Readonly<Record<string, Leaf>>;

/** Gives the leaf for a host name, or for the names of such a key; null where there is none to be had. Never rejects. */
export type LeafSource = (wanted: string) => Promise<Leaf | null>;
