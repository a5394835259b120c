// How many descriptors this process may have open.
import { readFileSync } from 'node:fs';

/** proc(5): the soft limit, which Node raises to the hard one. Null where nobody tells. */
export function descriptorLimit(): number | null {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
