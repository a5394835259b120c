// File names from a pattern, as glob(3) finds them for nginx's `include`: `*`, `?` and `[…]` in any segment.
import { existsSync, readdirSync } from 'node:fs';
import { join, parse, sep } from 'node:path';

export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/**
 * The existing paths that match a pattern, in the order of their bytes; a relative one starts from the directory `base`. A leading
 * dot of a name is matched only by a dot that is written. Directories that cannot be read count as empty. Undefined when there are
 * more than `most`, of paths or of directories on the way to them.
 */
export function glob(base: string, pattern: string, most = Number.POSITIVE_INFINITY): string[] | undefined {
  if (pattern.length > MAX_PATTERN) return [];
  const { root } = parse(pattern);
  let paths = [root === '' ? base : root];
  for (const segment of pattern.slice(root.length).split(SEPARATOR)) {
    const find = isGlob(segment) ? namesLike(segment) : existing(segment);
    const found: string[] = [];
    for (const path of paths) {
      for (const each of find(path)) found.push(each);
      if (found.length > most) return undefined;
    }
    paths = found;
  }
  return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** What is longer than a path can be matches none. */
const MAX_PATTERN = 4096;
const SEPARATOR = sep === '/' ? '/' : /[\\/]/;

type Find = (directory: string) => readonly string[];

function existing(segment: string): Find {
  return (directory) => {
    const path = join(directory, segment);
    return existsSync(path) ? [path] : [];
  };
}

function namesLike(segment: string): Find {
  const parts = partsOf(segment);
  const hidden = segment.startsWith('.');
  return (directory) => {
    let names: string[];
    try {
      names = readdirSync(directory);
    } catch {
      return [];
    }
    return names
      .filter((name) => (hidden || !name.startsWith('.')) && isLike([...name], parts))
      .map((name) => join(directory, name));
  };
}

/** What one character of a name must be; null for a star. */
type Part = ((character: string) => boolean) | null;

function partsOf(segment: string): Part[] {
  // A set takes `]` as its first member, and `!` or `^` before it turns it around. A `[` that no `]` closes is itself.
  const parts: Part[] = [];
  for (const [text, not, members] of segment.matchAll(/\[([!^]?)(\][^\]]*|[^\]]+)\]|[\s\S]/gu)) {
    if (members !== undefined) {
      const isMember = setOf([...members]);
      parts.push(not === '' ? isMember : (c) => !isMember(c));
    } else if (text === '*') parts.push(null);
    else parts.push(text === '?' ? () => true : (c) => c === text);
  }
  return parts;
}

/** A range that runs backwards is empty, as in glob(3). */
function setOf(members: readonly string[]): (character: string) => boolean {
  const ranges: (readonly [from: string, to: string])[] = [];
  for (let i = 0; i < members.length; i++) {
    const isRange = members[i + 1] === '-' && i + 2 < members.length;
    ranges.push([members[i], members[isRange ? i + 2 : i]]);
    if (isRange) i += 2;
  }
  return (c) => ranges.some(([from, to]) => from <= c && c <= to);
}

/** Goes back to the last star only: an earlier one never has to take more. So the time is that of name times pattern at most. */
function isLike(name: readonly string[], parts: readonly Part[]): boolean {
  let star = -1;
  let behindStar = 0;
  let n = 0;
  let p = 0;
  while (n < name.length) {
    const part = parts[p];
    if (part === null) {
      star = p++;
      behindStar = n;
    } else if (part?.(name[n]) === true) {
      n++;
      p++;
    } else if (star === -1) return false;
    else {
      n = ++behindStar;
      p = star + 1;
    }
  }
  return parts.slice(p).every((part) => part === null);
}
