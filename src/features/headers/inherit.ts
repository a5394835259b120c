// Which fields a level has: its own, those around it, or both (add_header_inherit, add_trailer_inherit).
import type { Settings } from '../../config/model.ts';
import type { HeaderEntry, Inherits } from './rows.ts';

/** What levels set themselves, the outermost first. */
type Levels = readonly ReadonlyMap<keyof Settings, unknown>[];

/** Puts what is inherited otherwise than everything else into the settings of the last level. */
export function inheritHeaders(levels: Levels, out: Record<string, unknown>): void {
  join(levels, out, 'addHeaders', 'addHeaderInherit');
  join(levels, out, 'addTrailers', 'addTrailerInherit');
}

function join(
  levels: Levels,
  out: Record<string, unknown>,
  key: 'addHeaders' | 'addTrailers',
  by: 'addHeaderInherit' | 'addTrailerInherit',
): void {
  if (!levels.some((level) => level.has(by))) return;
  let inherits: Inherits = 'on';
  let entries: readonly HeaderEntry[] = [];
  for (const level of levels) {
    inherits = (level.get(by) as Inherits | undefined) ?? inherits;
    const own = level.get(key) as readonly HeaderEntry[] | undefined;
    if (inherits === 'off') entries = own ?? [];
    else if (own !== undefined) entries = inherits === 'merge' ? [...own, ...entries] : own;
  }
  out[key] = entries;
}
