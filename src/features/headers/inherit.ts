// Which fields a level has: its own, those around it, or both (add_header_inherit, add_trailer_inherit).
import type { Settings } from '../../config/model.ts';
import type { HeaderEntry, Inherits } from './rows.ts';

type Own = Map<keyof Settings, unknown>;

/** Puts what is inherited otherwise than everything else into a level's own values; `outer` is what it inherits. */
export function inheritHeaders(own: Own, outer: Settings): void {
  join(own, outer, 'addHeaders', 'addHeaderInherit');
  join(own, outer, 'addTrailers', 'addTrailerInherit');
}

function join(
  own: Own,
  outer: Settings,
  key: 'addHeaders' | 'addTrailers',
  by: 'addHeaderInherit' | 'addTrailerInherit',
): void {
  const inherits = (own.get(by) as Inherits | undefined) ?? outer[by];
  const entries = own.get(key) as readonly HeaderEntry[] | undefined;
  if (inherits === 'off' && entries === undefined && outer[key].length > 0) own.set(key, []);
  else if (inherits === 'merge' && entries !== undefined && outer[key].length > 0)
    own.set(key, [...entries, ...outer[key]]);
}
