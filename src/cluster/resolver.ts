// Looks up the host names of peers in the primary, at start and again when the answer is old. A name that does not resolve leaves its
// peers out and is tried again; it never stops anything.
import { lookup, Resolver } from 'node:dns/promises';
import type { Log } from '../observe/error-log.ts';
import type { ResolverModel } from '../route/rows.ts';
import { Timer } from '../shared/timer.ts';
import { type FollowedHost, MIN_TTL_MS } from '../upstream/discovery.ts';
import { dnsClientOf } from '../upstream/dns/dns-client.ts';

/** A name that failed is asked for again after this. */
const RETRY_MS = 5000;
/** How long the first answers may hold up the start. */
const FIRST_WAIT_MS = 2000;

export class HostResolver {
  readonly #home: { readonly log: Log };
  readonly #onChange: () => void;
  readonly #names = new Map<string, FollowedHost>();
  readonly #hosts = new Map<string, readonly string[]>();
  readonly #timers = new Map<string, Timer>();
  readonly #failing = new Set<string>();
  /** Made for the first name: it loads a part of Node. */
  #resolver: Resolver | null = null;
  #ttlMs = 30_000;

  constructor(home: { readonly log: Log }, onChange: () => void) {
    this.#home = home;
    this.#onChange = onChange;
  }

  get hosts(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(this.#hosts);
  }

  /** Follows these names too; resolves when each new one was asked once, or after two seconds. */
  async follow(hosts: readonly FollowedHost[], ttlMs: number): Promise<void> {
    this.#ttlMs = ttlMs;
    const fresh = hosts.filter(({ name }) => !this.#names.has(name));
    if (fresh.length === 0) return;
    for (const host of fresh) this.#names.set(host.name, host);
    const first = Promise.all(fresh.map(({ name }) => this.#ask(name)));
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FIRST_WAIT_MS);
    });
    await Promise.race([first, limit]);
    clearTimeout(timer);
  }

  /** Forgets all names but these, and what a configuration said that was refused. `ttlMs` is the longest that an answer holds. */
  keep(hosts: readonly FollowedHost[], ttlMs: number): void {
    this.#ttlMs = ttlMs;
    const kept = new Map(hosts.map((host) => [host.name, host]));
    for (const name of this.#names.keys()) {
      const host = kept.get(name);
      if (host !== undefined) {
        // Asked in another way from the next time on.
        this.#names.set(name, host);
        continue;
      }
      this.#timers.get(name)?.stop();
      this.#names.delete(name);
      this.#timers.delete(name);
      this.#hosts.delete(name);
      this.#failing.delete(name);
    }
  }

  #asked(): Resolver {
    this.#resolver ??= new Resolver({ timeout: 2000, tries: 2 });
    return this.#resolver;
  }

  async #ask(name: string): Promise<void> {
    let waitMs = RETRY_MS;
    try {
      const resolver = this.#names.get(name)?.resolver ?? null;
      const { addresses, validMs } =
        resolver === null ? await this.#askSystem(name) : await askDns(name, resolver);
      waitMs = validMs;
      if (!this.#names.has(name)) return;
      if (this.#failing.delete(name))
        this.#home.log.notice(`host name "${name}" resolves again`, { addresses });
      this.#set(name, addresses);
    } catch (error) {
      if (!this.#failing.has(name)) {
        this.#failing.add(name);
        const code = (error as NodeJS.ErrnoException).code ?? String(error);
        this.#home.log.warn(
          `host name "${name}" does not resolve (${code}): its peers are left out until it does`,
        );
      }
      // Old addresses are better than none while the name server is away.
    }
    // Forgotten meanwhile.
    if (!this.#names.has(name)) return;
    this.#timers.set(name, new Timer(() => void this.#ask(name), waitMs).unref());
  }

  /** The system's own order (hosts file, search domains) decides the addresses; the DNS only tells how long they hold. */
  async #askSystem(name: string): Promise<Found> {
    const addresses = [...new Set((await lookup(name, { all: true })).map((a) => a.address))].sort();
    return { addresses, validMs: await this.#ttlOf(name) };
  }

  async #ttlOf(name: string): Promise<number> {
    try {
      const records = await this.#asked().resolve4(name, { ttl: true });
      const ttl = Math.min(...records.map((record) => record.ttl)) * 1000;
      return Math.max(MIN_TTL_MS, Math.min(ttl, this.#ttlMs));
    } catch {
      return Math.max(MIN_TTL_MS, this.#ttlMs);
    }
  }

  #set(name: string, addresses: readonly string[]): void {
    const before = this.#hosts.get(name);
    if (before !== undefined && before.join() === addresses.join()) return;
    this.#hosts.set(name, addresses);
    this.#onChange();
  }

  stop(): void {
    this.keep([], this.#ttlMs);
  }
}

interface Found {
  readonly addresses: readonly string[];
  readonly validMs: number;
}

/** Name servers of a configuration; rejects where they know no address. */
function askDns(name: string, resolver: ResolverModel): Promise<Found> {
  return new Promise((resolve, reject) => {
    dnsClientOf(resolver).resolve(name, DNS_MS, (found, why, validMs) => {
      if (found.length === 0) reject(Object.assign(new Error(why), { code: why }));
      else resolve({ addresses: [...found].sort(), validMs: Math.max(MIN_TTL_MS, validMs) });
    });
  });
}

/** As nginx's own resolver_timeout. */
const DNS_MS = 30_000;
