// A kind of random directive, and how kinds are told.
import type { Node } from './tree.ts';
import type { Cx } from './values.ts';

/** http, server, location, `if` in a location. */
export type Level = 'h' | 's' | 'l' | 'i';

export interface Kind {
  readonly name: string;
  readonly levels: string;
  /** How often it comes, beside the others'. */
  readonly weight: number;
  /** Stands once in a block. */
  readonly once: boolean;
  make(cx: Cx): string | Node;
}

export const k = (
  levels: string,
  weight: number,
  name: string,
  words: (cx: Cx) => string,
  once = true,
): Kind => ({
  name,
  levels,
  weight,
  once,
  make: (cx) => `${name} ${words(cx)}`,
});
