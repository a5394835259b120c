// What a server with `ssl_certificate local` shows: the leaf of its own names, which is there from the beginning, or that of the name that
// a client asks for, which the primary makes when the first client comes. A leaf is asked for anew before it ends.
import type { SecureContext } from 'node:tls';
import type { Settings } from '../../config/model.ts';
import type { Leaf, LeafSource, Leaves } from '../../local-ca/leaf.ts';
import { hostNameOf, keyOf, namesOf, nameTest } from '../../local-ca/names.ts';
import type { Pair } from './context-options.ts';

/** Names come from clients. */
const MAX_CONTEXTS = 64;
/** Where no new one was to be had. */
const AGAIN_MS = 60_000;

interface Kept {
  readonly context: SecureContext;
  readonly endsAtMs: number;
  renewAtMs: number;
}

export interface LocalContextsOptions {
  readonly own: Pick<Settings, 'serverNames' | 'listens'>;
  readonly leaves: Leaves;
  readonly ask: LeafSource;
  readonly create: (pairs: readonly Pair[]) => SecureContext;
  /** For the error log. */
  readonly tell: (message: string) => void;
}

export class LocalContexts {
  /** Whose leaf the server's own is. */
  readonly key: string;
  readonly #options: LocalContextsOptions;
  readonly #nowMs: () => number;
  readonly #written: ReadonlySet<string>;
  readonly #isOurs: (name: string) => boolean;
  #own: Kept;
  readonly #byName = new Map<string, Kept>();

  /** Throws where the server's own leaf is missing. */
  constructor(options: LocalContextsOptions, nowMs: () => number = Date.now) {
    this.#options = options;
    this.#nowMs = nowMs;
    const names = namesOf(options.own);
    this.key = keyOf(names);
    this.#written = new Set(names.dns);
    this.#isOurs = nameTest([options.own]);
    const leaf = options.leaves[this.key];
    if (leaf === undefined) throw new Error('there is no local certificate for this server');
    this.#own = this.#made(leaf);
  }

  /** Resolves when the certificate for a client that asks for that name is there, or cannot be had; null where nobody has to wait. */
  coming(sent: string): Promise<void> | null {
    const name = this.#nameOf(sent);
    const kept = name === '' ? this.#own : this.#byName.get(name);
    if (kept !== undefined && this.#nowMs() < kept.renewAtMs) return null;
    return this.#renew(name);
  }

  contextFor(sent: string): SecureContext {
    return (this.#byName.get(this.#nameOf(sent)) ?? this.#own).context;
  }

  /** '' stands for the server's own leaf. */
  #nameOf(sent: string): string {
    const name = hostNameOf(sent);
    return name === '' || this.#written.has(name) || !this.#isOurs(name) ? '' : name;
  }

  async #renew(name: string): Promise<void> {
    const leaf = await this.#options.ask(name === '' ? this.key : name);
    const kept = name === '' ? this.#own : this.#byName.get(name);
    const nowMs = this.#nowMs();
    // Somebody else has waited for it, too.
    if (kept !== undefined && nowMs < kept.renewAtMs) return;
    if (leaf !== null) return this.#keep(name, this.#made(leaf));
    this.#options.tell(`no new local certificate for "${name}": the primary gave none`);
    if (kept !== undefined && kept.endsAtMs > nowMs) kept.renewAtMs = nowMs + AGAIN_MS;
  }

  #keep(name: string, kept: Kept): void {
    if (name === '') {
      this.#own = kept;
      return;
    }
    this.#byName.delete(name);
    const [oldest] = this.#byName.keys();
    if (this.#byName.size >= MAX_CONTEXTS && oldest !== undefined) this.#byName.delete(oldest);
    this.#byName.set(name, kept);
  }

  #made({ certificate, key, renewAtMs, endsAtMs }: Leaf): Kept {
    return { context: this.#options.create([{ certificate, key }]), renewAtMs, endsAtMs };
  }
}
