// The leaves that the primary has made: those of the servers, ready before anybody asks, and those that acceptors ask for while a client
// waits. Kept in memory alone. Acceptors have no key of the authority: what one asks for is made only if the configuration has the name.
import type { Model } from '../config/model.ts';
import type { Leaf, LeafNames, Leaves } from './leaf.ts';
import { type Pems, Signer } from './maker.ts';
import { hostNameOf, keyOf, localServers, namesOf, nameTest } from './names.ts';

/** Of names that clients have asked for. */
const MAX_KEPT = 1000;
/** Being made at a time. */
const MAX_PENDING = 64;

/** What one configuration has. */
interface Served {
  readonly model: Model;
  readonly groups: ReadonlyMap<string, LeafNames>;
  has(name: string): boolean;
}

export class LeafStock {
  readonly #nowMs: () => number;
  #authority = '';
  #signer: Signer | null = null;
  /** Of the running configuration, and of one that is on its way in. */
  #served: readonly Served[] = [];
  readonly #kept = new Map<string, Leaf>();
  readonly #pending = new Map<string, Promise<Leaf | null>>();

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** Gives the leaves of a configuration's servers, and makes what it has from now on, until `keepOnly` says which one stays. */
  async leavesOf(model: Model, authority: Pems): Promise<Leaves> {
    if (this.#authority !== authority.certificate) {
      this.#signer = await Signer.of(authority);
      this.#authority = authority.certificate;
      this.#kept.clear();
    }
    const servers = localServers(model);
    const groups = new Map(servers.map((settings) => [keyOf(namesOf(settings)), namesOf(settings)]));
    this.#served = [...this.#served, { model, groups, has: nameTest(servers) }];
    const leaves: Record<string, Leaf> = {};
    for (const [key, names] of groups) leaves[key] = await this.#fresh(key, names);
    return leaves;
  }

  /** Another configuration is served no more, or was refused. */
  keepOnly(model: Model): void {
    this.#served = this.#served.filter((served) => served.model === model).slice(-1);
  }

  /** A leaf for a name, or for those of a key; null where no server has it, or too many are asked for at a time. */
  async find(wanted: string): Promise<Leaf | null> {
    const names = this.#namesOf(wanted);
    if (names === null || this.#signer === null) return null;
    const pending = this.#pending.get(wanted);
    if (pending !== undefined) return pending;
    if (this.#pending.size >= MAX_PENDING) return null;
    const made = this.#fresh(wanted, names).catch(() => null);
    this.#pending.set(wanted, made);
    const leaf = await made;
    this.#pending.delete(wanted);
    return leaf;
  }

  #namesOf(wanted: string): LeafNames | null {
    const group = this.#served.find(({ groups }) => groups.has(wanted))?.groups.get(wanted);
    if (group !== undefined) return group;
    const isOurs = hostNameOf(wanted) === wanted && this.#served.some((served) => served.has(wanted));
    return isOurs ? { dns: [wanted], ips: [] } : null;
  }

  async #fresh(key: string, names: LeafNames): Promise<Leaf> {
    const nowMs = this.#nowMs();
    const kept = this.#kept.get(key);
    // A clock that was set back makes certificates that are not valid yet.
    if (kept !== undefined && nowMs < kept.renewAtMs && nowMs >= kept.madeAtMs) return kept;
    const leaf = await (this.#signer as Signer).sign(names, nowMs);
    this.#kept.delete(key);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, leaf);
    return leaf;
  }
}
