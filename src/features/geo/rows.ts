// The `geo` block: one variable by an address. What its lines mean is read in read-geo.ts.
import type { Row } from '../../config/row.ts';

/** Addresses in their order, cut where the value changes: each part goes to the start of the next, the first begins at 0. */
export interface AddressParts {
  /** Decimal for IPv4, 32 hexadecimal digits for IPv6. */
  readonly starts: readonly (number | string)[];
  /** Index of the value of each part. */
  readonly values: readonly number[];
}

export interface GeoModel {
  /** Name of the variable that has the address; null = the client's. */
  readonly source: string | null;
  readonly values: readonly string[];
  readonly v4: AddressParts;
  /** null = IPv6 addresses have the value of 255.255.255.255, as with `ranges`. */
  readonly v6: AddressParts | null;
  /** Networks whose X-Forwarded-For is believed: value 1. null = none are. */
  readonly proxies: { readonly v4: AddressParts; readonly v6: AddressParts } | null;
  readonly recursive: boolean;
}

declare module '../../config/model.ts' {
  interface VariableDefinitions {
    readonly geo: GeoModel;
  }
}

export const geoRows: readonly Row[] = [
  {
    kind: 'structure',
    name: 'geo',
    contexts: ['http'],
    opens: 'geo',
    args: [1, 2],
    syntax: '[$address] $variable { … }',
    doc: 'Makes a variable whose value depends on the client\'s address, or on that in `$address`. Each line is a network (`10.0.0.0/8`, `2001:db8::/32`) and its value; the smallest network counts, then `default`. `delete` takes a network away again. With `ranges;` before all others, lines are ranges of IPv4 addresses (`10.0.0.1-10.0.0.9`); one that lies within another takes its part of it. `proxy network;` names those whose X-Forwarded-For is believed, its last address, or with `proxy_recursive;` the last that is none of them. The variable keeps its first value for the rest of the request, unless `volatile` stands in the block. In JSON: `"geo": { "$region": { "default": "other", "10.0.0.0/8": "inside", "proxy": ["127.0.0.1"] } }`; `"ranges": true`, `"proxy_recursive": true` and `"volatile": true`.',
  },
];
