// The client's address as a trusted proxy tells it (ngx_http_realip_module): asked when a request came, and once its location is known.
import { isIPv6, SocketAddress } from 'node:net';
import type { Settings } from '../../config/model.ts';
import type { Exchange, Step } from '../../exchange/exchange.ts';
import { GO_ON } from '../../exchange/slots.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { bytesOf, fits, type Network, networkOf } from '../networks.ts';

export const REALIP: Feature = {
  name: 'realip',
  step: (place) => createRealip(place.settings, place.hostAddresses),
};

/** Null where nobody is believed. */
export function createRealip(settings: Settings, hosts: FeaturePlace['hostAddresses']): Realip | null {
  return settings.setRealIpFrom.length === 0 ? null : new Realip(settings, hosts);
}

/** Of an address of either kind. */
const ALL_BITS = 128;

interface Address {
  readonly address: string;
  readonly port: number;
}

export class Realip implements Step {
  readonly slot = 'realip';
  readonly #networks: readonly Network[];
  readonly #unix: boolean;
  readonly #header: string;
  readonly #recursive: boolean;

  constructor(settings: Settings, hosts: FeaturePlace['hostAddresses']) {
    const proxies = settings.setRealIpFrom;
    this.#unix = proxies.some(({ who }) => who === 'unix:');
    this.#networks = proxies.flatMap(({ who, bits }) => {
      if (who === 'unix:') return [];
      if (bits >= 0) return [networkOf(who, bits)];
      return (hosts.get(who) ?? []).map((address) => networkOf(address, ALL_BITS));
    });
    this.#header = settings.realIpHeader;
    this.#recursive = settings.realIpRecursive;
  }

  run(x: Exchange): typeof GO_ON {
    const { main } = x;
    if (!main.addressTold) this.#look(main, x);
    return GO_ON;
  }

  #look(main: Exchange, x: Exchange): void {
    if (this.#header === 'proxy_protocol') {
      const proxied = main.client.proxyProtocol;
      if (proxied === null || !this.#trusts(main.remoteAddress)) return;
      const found = readAddress(proxied.sourceAddress);
      if (found !== null) set(main, x, { address: found.address, port: proxied.sourcePort });
      return;
    }
    const found = this.#search(main);
    if (found !== null) set(main, x, found);
  }

  /** Addresses from the last one on, as long as it was a trusted proxy that told them. */
  #search({ request, remoteAddress }: Exchange): Address | null {
    // Of other fields than X-Forwarded-For nginx takes the first line only.
    const isList = this.#header === 'x-forwarded-for';
    let found: Address | null = null;
    let i = isList ? request.findLast(this.#header) : request.find(this.#header);
    while (i >= 0) {
      const values = request
        .value(i)
        .split(/[ ,]+/)
        .filter((value) => value !== '');
      for (let k = values.length - 1; k >= 0; k--) {
        if (!this.#trusts(found?.address ?? remoteAddress)) return found;
        const next = readAddress(values[k]);
        if (next === null) return found;
        found = next;
        if (!this.#recursive) return found;
      }
      if (values.length === 0 || !isList) return found;
      i = request.findLast(this.#header, i);
    }
    return found;
  }

  #trusts(text: string): boolean {
    const address = bytesOf(text);
    if (address.length !== 4 && address.length !== 16) return this.#unix;
    return this.#networks.some((each) => each.mask.length === address.length && fits(each, address));
  }
}

function set(main: Exchange, x: Exchange, { address, port }: Address): void {
  main.addressTold = true;
  for (const each of main === x ? [x] : [main, x]) {
    each.remoteAddress = address;
    each.remotePort = port;
  }
}

/** An address, with a port behind it perhaps, as the kernel would write it; null = it is none. */
function readAddress(text: string): Address | null {
  const bare = addressOf(text, 0);
  if (bare !== null) return bare;
  const [, six, four, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d+)$/.exec(text) ?? [];
  const number = Number(port);
  return number >= 1 && number <= 65_535 ? addressOf(six ?? four ?? '', number) : null;
}

/** Numbers may have zeros before them, or be missing (ngx_inet_addr). */
const V4 = /^(\d*)\.(\d*)\.(\d*)\.(\d*)$/;

function addressOf(text: string, port: number): Address | null {
  const four = V4.exec(text);
  if (four !== null) {
    const bytes = four.slice(1).map(Number);
    return bytes.some((byte) => byte > 255) ? null : { address: bytes.join('.'), port };
  }
  if (!isIPv6(text) || text.includes('%')) return null;
  return { address: new SocketAddress({ address: text, family: 'ipv6' }).address, port };
}
