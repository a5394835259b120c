// Networks of a `geo`: of two equal ones the second holds, of others the smallest (ngx_http_geo_cidr).
import type { Problems } from '../../config/problem.ts';
import type { Word } from '../../config/tree.ts';
import { type Network, readNetwork } from '../../shared/ip-address.ts';
import { layOut } from './address-parts.ts';
import type { GeoValues } from './geo-values.ts';
import type { AddressParts } from './rows.ts';

interface Entry {
  readonly network: Network;
  readonly value: number;
}

const EVERYTHING: readonly Network[] = ([4, 6] as const).map((family) => ({
  family,
  first: 0n,
  last: family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n,
  prefix: 0,
  exact: true,
}));

export class GeoNetworks {
  readonly #problems: Problems;
  readonly #values: GeoValues | null;
  readonly #entries = new Map<string, Entry>();

  /** Without values two equal networks are nothing to speak of. */
  constructor(problems: Problems, values: GeoValues | null) {
    this.#problems = problems;
    this.#values = values;
  }

  setDefault(value: number, { at }: Word): void {
    let told = false;
    for (const network of EVERYTHING) told = this.#put(network, value, { text: 'default', at }, told) || told;
  }

  add(word: Word, value: number): void {
    const network = this.#read(word);
    if (network !== undefined) this.#put(network, value, word, false);
  }

  remove(word: Word): void {
    const network = this.#read(word);
    if (network !== undefined && !this.#entries.delete(keyOf(network)))
      this.#problems.warn(word.at, `no network "${word.text}" to delete`);
  }

  parts(rest: number): { v4: AddressParts; v6: AddressParts } {
    const of = (family: 4 | 6): AddressParts => {
      const entries = [...this.#entries.values()].filter(({ network }) => network.family === family);
      const ranges = entries.map(({ network, value }) => ({
        first: network.first,
        last: network.last,
        value,
      }));
      return layOut(ranges, rest, family);
    };
    return { v4: of(4), v6: of(6) };
  }

  /** Whether it was there already, which is told unless it was. */
  #put(network: Network, value: number, { text, at }: Word, told: boolean): boolean {
    const before = this.#entries.get(keyOf(network));
    this.#entries.set(keyOf(network), { network, value });
    if (before === undefined || this.#values === null || told) return before !== undefined;
    const { list } = this.#values;
    this.#problems.warn(
      at,
      `duplicate network "${text}", value: "${list[value]}", old value: "${list[before.value]}"`,
    );
    return true;
  }

  #read({ text, at }: Word): Network | undefined {
    const network = readNetwork(text);
    if (network === undefined)
      return this.#problems.error(
        at,
        `invalid network "${text}"; write 10.0.0.0/8, 2001:db8::/32 or an address`,
      );
    if (!network.exact) this.#problems.warn(at, `low address bits of ${text} are meaningless`);
    return network;
  }
}

const keyOf = ({ family, first, prefix }: Network): string => `${family}/${first.toString(36)}/${prefix}`;
