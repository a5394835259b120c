// Names of processes as they are given and shown: `group:process`, `group:*`, and one word where both are the same.

/** `process` is null for all of the group. */
export interface Namespec {
  readonly group: string;
  readonly process: string | null;
}

export function splitNamespec(text: string): Namespec {
  const colon = text.indexOf(':');
  if (colon < 0) return { group: text, process: text };
  const process = text.slice(colon + 1);
  return { group: text.slice(0, colon), process: process === '' || process === '*' ? null : process };
}

export function makeNamespec(group: string, process: string | null): string {
  return group === process ? group : `${group}:${process ?? 'None'}`;
}

/** Words of a line, as Python's split() finds them. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== '');
}
