// The `split_clients` block: one variable that has each of several values for a share of the clients.
import type { Row } from '../../config/row.ts';

export interface SplitClientsModel {
  /** Template of what tells clients apart. */
  readonly source: string;
  /** In the order of the file: hundredths of a percent, 0 = `*`, all that are left. */
  readonly parts: readonly { readonly share: number; readonly value: string }[];
}

declare module '../../config/model.ts' {
  interface VariableDefinitions {
    readonly split_clients: SplitClientsModel;
  }
}

export const splitClientsRows: readonly Row[] = [
  {
    kind: 'structure',
    name: 'split_clients',
    contexts: ['http'],
    opens: 'split_clients',
    args: [2, 2],
    syntax: 'string $variable { … }',
    doc: 'Makes a variable for tests of variants: a hash of the string, which holds variables, decides which value a client has. Each line is a share (`0.5%`) and its value, the last one `*` and what all others have. The same string always has the same value, here and in nginx. In JSON: `"split_clients": { "$remote_addr $variant": { "0.5%": ".one", "*": "" } }`.',
  },
];
