// disable_symlinks: which part of a path is looked at for links, by what rule. Pure; paths are bytes as latin1.
import type { Exchange } from '../exchange/exchange.ts';

/** Of a location. */
export interface LinkRule {
  /** Links to what their owner owns are fine. */
  readonly ifNotOwner: boolean;
  /** The part of paths that is not looked at, with its links; '' = all is. Bytes as latin1. */
  readonly from: (exchange: Exchange) => string;
}

/** Of a path. */
export interface LinkCheck {
  readonly ifNotOwner: boolean;
  /** Where the look begins. */
  readonly start: number;
}

/** Null where nothing is to be looked at. */
export function linkCheckOf(rule: LinkRule | null, path: string, exchange: Exchange): LinkCheck | null {
  if (rule === null) return null;
  const { ifNotOwner } = rule;
  const from = rule.from(exchange);
  if (from === '' || !path.startsWith(from)) return { ifNotOwner, start: 0 };
  if (from.length === path.length) return null;
  if (path[from.length] === '/') return { ifNotOwner, start: from.length };
  return { ifNotOwner, start: from.endsWith('/') ? from.length - 1 : 0 };
}
