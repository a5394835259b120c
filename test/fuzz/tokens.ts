// What tells the bytes of one case from those of another.
import type { Random } from './random.ts';

const KEPT = 8192;
const TOKEN = /tok-[0-9a-z]{13}-/g;
const known = new Set<string>();

export function tokenOf(random: Random): string {
  const part = (): string => random.next().toString(36).padStart(7, '0');
  return `tok-${(part() + part()).slice(-13)}-`;
}

/** It is on its way: whoever else gets it has bytes that are not theirs. */
export function noteToken(token: string): void {
  known.add(token);
  if (known.size <= KEPT) return;
  for (const oldest of known) {
    known.delete(oldest);
    break;
  }
}

/** A token in the text that is that of another case. */
export function foreignToken(text: string, own: string): string | undefined {
  return text.match(TOKEN)?.find((token) => token !== own && known.has(token));
}
