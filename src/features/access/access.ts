// The step of allow and deny: the first rule that fits the client's address decides, as ngx_http_access_handler does it.
import { ALLOW, type Exchange, GO_ON, type Step, type StepResult } from '../../exchange.ts';
import { binaryAddress } from '../../route/binary-address.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import type { AccessRule } from './rows.ts';

export const ACCESS: Feature = {
  name: 'access',
  step: (place) => (place.settings.accessRules.length === 0 ? null : new AccessStep(place)),
};

class AccessStep implements Step {
  readonly slot = 'access';
  /** The rules for each kind of address, `all` in each of them. */
  readonly #v4: readonly Network[];
  readonly #v6: readonly Network[];
  readonly #unix: readonly Network[];
  readonly #place: FeaturePlace;

  constructor(place: FeaturePlace) {
    this.#place = place;
    const networks = place.settings.accessRules.map(toNetwork);
    const of = (bytes: number): readonly Network[] =>
      networks.filter((network) => network.mask === '' || network.mask.length === bytes);
    this.#v4 = of(4);
    this.#v6 = of(16);
    this.#unix = place.settings.accessRules
      .filter(({ who }) => who === 'all' || who === 'unix:')
      .map(({ deny }) => ({ deny, mask: '', net: '' }));
  }

  run(x: Exchange): StepResult {
    const address = binaryAddress(x.client.remoteAddress);
    const rule = this.#rulesOf(address).find((network) => fits(network, address));
    if (rule === undefined) return GO_ON;
    if (!rule.deny) return ALLOW;
    // Under `satisfy any` another may yet let the client in: who runs the steps says it in the end.
    if (this.#place.settings.satisfy === 'all') this.#place.report(x, 'error', FORBIDDEN);
    return 403;
  }

  #rulesOf(address: string): readonly Network[] {
    if (address.length === 4) return this.#v4;
    return address.length === 16 ? this.#v6 : this.#unix;
  }
}

export const FORBIDDEN = 'access forbidden by rule';

/** Bytes as latin1; '' = everybody. */
interface Network {
  readonly deny: boolean;
  readonly mask: string;
  readonly net: string;
}

function toNetwork({ deny, who, bits }: AccessRule): Network {
  if (who === 'all') return { deny, mask: '', net: '' };
  // No address is one byte long.
  if (who === 'unix:') return { deny, mask: '\0', net: '\0' };
  const address = binaryAddress(who);
  const mask = Array.from(address, (_, i) => maskByte(bits - 8 * i)).join('');
  return { deny, mask, net: masked(address, mask) };
}

function maskByte(bits: number): string {
  return String.fromCharCode(bits <= 0 ? 0 : bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff);
}

function masked(address: string, mask: string): string {
  let net = '';
  for (let i = 0; i < mask.length; i++)
    net += String.fromCharCode(address.charCodeAt(i) & mask.charCodeAt(i));
  return net;
}

function fits({ mask, net }: Network, address: string): boolean {
  for (let i = 0; i < mask.length; i++)
    if ((address.charCodeAt(i) & mask.charCodeAt(i)) !== net.charCodeAt(i)) return false;
  return true;
}
