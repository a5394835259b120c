// The groups of a configuration that is only explained: nobody is asked where a name leads to, it stands for itself.
import type { Model } from '../config/model.ts';
import type { Discovery } from '../upstream/discovery.ts';
import { NameLookups } from '../upstream/name-lookups.ts';
import { type Asking, type OnUpstream, UpstreamSet } from '../upstream/upstream-set.ts';

export class DryUpstreams extends UpstreamSet {
  constructor(model: Model, found: Discovery) {
    super(model, found, null, new NameLookups((name) => Promise.resolve([name])));
  }

  override ofRequest(given: string, ready: OnUpstream, asking: Asking): void {
    super.ofRequest(given, ready, { ...asking, dns: null });
  }
}

/** The peers of a host name, before anybody asked for its addresses. */
export function namesAsAddresses(names: Iterable<string>): Discovery['hosts'] {
  return Object.fromEntries([...names].map((name) => [name, [name]]));
}
