// What all pages of one client's request have in common: the variables of `set`, blocks, and the groups of the last expression that matched.
import type { Exchange } from '../../exchange/exchange.ts';

export interface Block {
  readonly name: string;
  /** Its text, with the commands in it; bytes as latin1. */
  text: string;
}

export class SsiShared {
  readonly variables = new Map<string, string>();
  readonly blocks: Block[] = [];
  captures: readonly (string | undefined)[] = [];

  /** `name` in lower case. A digit is a group of the last match. */
  get(name: string): string | undefined {
    if (/^[0-9]$/.test(name) && Number(name) < this.captures.length) return this.captures[Number(name)] ?? '';
    return this.variables.get(name);
  }

  block(name: string): Block | undefined {
    return this.blocks.find((block) => block.name === name);
  }
}

const ofMain = new WeakMap<Exchange, SsiShared>();

export function sharedBy({ main }: Exchange): SsiShared {
  const known = ofMain.get(main);
  if (known !== undefined) return known;
  const made = new SsiShared();
  ofMain.set(main, made);
  return made;
}
