// The `map` block: one variable by the value of others. What its lines mean is read in read-map.ts.
import type { Row } from '../../config/row.ts';

/** A value that is looked for, and the template that it becomes. */
export type MapEntry = readonly [key: string, value: string];

export interface MapRegex {
  readonly pattern: string;
  readonly caseless: boolean;
  readonly value: string;
}

export interface MapModel {
  /** Template of what is looked up. */
  readonly source: string;
  /** Keys are host names: a final dot of the source does not count. */
  readonly hostnames: boolean;
  /** Template of `default`, '' without. */
  readonly fallback: string;
  /** All keys in lower case. */
  readonly exact: readonly MapEntry[];
  /** `*.name`, by the name. */
  readonly suffixes: readonly MapEntry[];
  /** `.name`: the name itself and all below it. */
  readonly domains: readonly MapEntry[];
  /** `name.*`, by the name. */
  readonly prefixes: readonly MapEntry[];
  /** In the order of the file. */
  readonly regexes: readonly MapRegex[];
}

declare module '../../config/model.ts' {
  interface VariableDefinitions {
    readonly map: MapModel;
  }
}

export const mapRows: readonly Row[] = [
  {
    kind: 'structure',
    name: 'map',
    contexts: ['http'],
    opens: 'map',
    args: [2, 2],
    syntax: 'string $variable { … }',
    doc: 'Makes a variable whose value depends on a string with variables. Each line is a value of the string and what the variable then is, which may hold variables and captures. In this order there count: the value itself (without regard to case), with `hostnames` the longest `*.name` or `.name`, then the longest `name.*`, then the first regular expression (`~pattern`, `~*pattern` without regard to case), then `default`. `\\default` is the word itself. The variable keeps its first value for the rest of the request, unless `volatile` stands in the block. In JSON: `"map": { "$http_upgrade $connection_upgrade": { "default": "upgrade", "": "close" } }`; `"hostnames": true` and `"volatile": true`.',
  },
];
