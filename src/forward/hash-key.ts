// The keys that `hash` asks for, of whichever group a request goes to.
import type { Exchange } from '../exchange/exchange.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { UpstreamSet } from '../upstream/upstream-set.ts';

/** Bytes as latin1. Asked only where the group's method needs one. */
export type HashKey = (x: Exchange, upstream: Upstream) => string;

export function compileHashKey(upstreams: UpstreamSet, lookup: VariableLookup): HashKey {
  const keys = new Map<string, (x: Exchange) => string>();
  return (x, { name }) => {
    let key = keys.get(name);
    if (key === undefined) {
      key = compileTemplate(upstreams.hashKeyOf(name), lookup);
      keys.set(name, key);
    }
    return key(x);
  };
}
