// The step of allow and deny: the first rule that fits the client's address decides, as ngx_http_access_handler does it.
import type { Exchange, Step } from '../../exchange/exchange.ts';
import { ALLOW, GO_ON, type StepResult } from '../../exchange/slots.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { bytesOf, EVERYBODY, fits, type Network, networkOf } from '../networks.ts';
import type { AccessRule } from './rows.ts';

export const ACCESS: Feature = {
  name: 'access',
  step: (place) => (place.settings.accessRules.length === 0 ? null : new AccessStep(place)),
};

class AccessStep implements Step {
  readonly slot = 'access';
  /** The rules for each kind of address, `all` in each of them. */
  readonly #v4: readonly Rule[];
  readonly #v6: readonly Rule[];
  readonly #unix: readonly Rule[];
  readonly #place: FeaturePlace;

  constructor(place: FeaturePlace) {
    this.#place = place;
    const networks = place.settings.accessRules.map(toRule);
    const of = (bytes: number): readonly Rule[] =>
      networks.filter((network) => network.mask === '' || network.mask.length === bytes);
    this.#v4 = of(4);
    this.#v6 = of(16);
    this.#unix = place.settings.accessRules
      .filter(({ who }) => who === 'all' || who === 'unix:')
      .map(({ deny }) => ({ deny, mask: '', net: '' }));
  }

  run(x: Exchange): StepResult {
    const address = bytesOf(x.remoteAddress);
    const rule = this.#rulesOf(address).find((network) => fits(network, address));
    if (rule === undefined) return GO_ON;
    if (!rule.deny) return ALLOW;
    // Under `satisfy any` another may yet let the client in: who runs the steps says it in the end.
    if (this.#place.settings.satisfy === 'all') this.#place.report(x, 'error', FORBIDDEN);
    return 403;
  }

  #rulesOf(address: string): readonly Rule[] {
    if (address.length === 4) return this.#v4;
    return address.length === 16 ? this.#v6 : this.#unix;
  }
}

export const FORBIDDEN = 'access forbidden by rule';

interface Rule extends Network {
  readonly deny: boolean;
}

function toRule({ deny, who, bits }: AccessRule): Rule {
  if (who === 'all') return { deny, ...EVERYBODY };
  // No address is one byte long.
  if (who === 'unix:') return { deny, mask: '\0', net: '\0' };
  return { deny, ...networkOf(who, bits) };
}
