// The step of limit_conn: takes a place in each zone for as long as the request lasts, as ngx_http_limit_conn_handler does.
import type { Ending, Exchange, Step } from '../../exchange/exchange.ts';
import { GO_ON, type StepResult } from '../../exchange/slots.ts';
import { FULL, GIVE, NO_PLACE, TAKE } from '../../zones/limit-conn-zone.ts';
import type { Zone } from '../../zones/zone.ts';
import { zoneKey } from '../../zones/zone-key.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { keyOf, type ZoneLimit, zoneLimit } from '../zone-limit.ts';

export const LIMIT_CONN: Feature = {
  name: 'limit_conn',
  step: (place) => (place.settings.limitConn.length === 0 ? null : new LimitConnStep(place)),
};

interface Limit extends ZoneLimit {
  readonly connections: number;
}

/** The longest key that nginx counts. */
const MAX_KEY_BYTES = 255;

class LimitConnStep implements Step {
  readonly slot = 'limit_conn';
  readonly #limits: readonly Limit[];
  readonly #place: FeaturePlace;

  constructor(place: FeaturePlace) {
    this.#place = place;
    this.#limits = place.settings.limitConn.flatMap(({ zone: name, connections }): Limit[] => {
      const limit = zoneLimit('limit_conn', name, place);
      return limit === null ? [] : [{ ...limit, connections }];
    });
  }

  run(x: Exchange): StepResult {
    const { main } = x;
    // Once for a request, whatever it is redirected to.
    if (main.limitConnStatus !== '') return GO_ON;
    let places: Places | null = null;
    for (const limit of this.#limits) {
      const key = keyOf(x, limit, MAX_KEY_BYTES, this.#place.report);
      if (key === '') continue;
      main.limitConnStatus = 'PASSED';
      const place = { key: zoneKey(key), size: key.length };
      const answer = limit.zone.ask({ ...place, op: TAKE, amount: limit.connections });
      if (answer === FULL || answer === NO_PLACE) {
        places?.giveAll();
        return this.#refuse(x, limit, answer);
      }
      if (places === null) {
        places = new Places();
        main.onEnd(places);
      }
      places.add(limit.zone, place);
    }
    return GO_ON;
  }

  #refuse(x: Exchange, { name }: Limit, answer: number): StepResult {
    const { limitConnLogLevel: level, limitConnDryRun: dry, limitConnStatus: status } = this.#place.settings;
    if (answer === NO_PLACE)
      this.#place.report(x, 'crit', `ngx_slab_alloc() failed: no memory in limit_conn_zone "${name}"`);
    else this.#place.report(x, level, `limiting connections${dry ? ', dry run,' : ''} by zone "${name}"`);
    x.main.limitConnStatus = dry ? 'REJECTED_DRY_RUN' : 'REJECTED';
    return dry ? GO_ON : status;
  }
}

interface Place {
  readonly key: string;
  readonly size: number;
}

/** What a request has taken; given back when it ends, however that is. */
class Places implements Ending {
  #taken: [Zone, Place][] = [];

  add(zone: Zone, place: Place): void {
    this.#taken.push([zone, place]);
  }

  giveAll(): void {
    for (const [zone, place] of this.#taken) zone.ask({ ...place, op: GIVE, amount: 0 });
    this.#taken = [];
  }

  onExchangeEnd(): void {
    this.giveAll();
  }

  /** Who asks again as soon as it has the answer, in whichever acceptor, finds the place free. */
  onLastBytes(): void {
    this.giveAll();
  }
}
