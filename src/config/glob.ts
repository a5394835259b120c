// File names from a pattern, as glob(3) finds them for nginx's `include`: `*`, `?` and `[…]` in any segment.
import { existsSync, readdirSync } from 'node:fs';
import { join, parse, sep } from 'node:path';

export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/**
 * The existing paths that match a pattern, in the order of their bytes; a relative one starts from the directory `base`. A leading
 * dot of a name is matched only by a dot that is written. Directories that cannot be read count as empty.
 */
export function glob(base: string, pattern: string): string[] {
  const { root } = parse(pattern);
  let paths = [root === '' ? base : root];
  for (const segment of pattern.slice(root.length).split(SEPARATOR)) {
    paths = paths.flatMap((path) =>
      isGlob(segment) ? matches(path, segment) : existing(join(path, segment)),
    );
  }
  return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

const SEPARATOR = sep === '/' ? '/' : /[\\/]/;

function existing(path: string): string[] {
  return existsSync(path) ? [path] : [];
}

function matches(directory: string, segment: string): string[] {
  const pattern = segmentPattern(segment);
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names.filter((name) => pattern.test(name)).map((name) => join(directory, name));
}

function segmentPattern(segment: string): RegExp {
  // A set takes `]` as its first member, and `!` or `^` before it turns it around. A `[` that no `]` closes is itself.
  const source = segment.replace(
    /\[([!^]?)(\][^\]]*|[^\]]+)\]|[\s\S]/g,
    (c, not?: string, members?: string) => {
      if (members !== undefined) return `[${not === '' ? '' : '^'}${setMembers(members)}]`;
      if (c === '*') return '.*';
      return c === '?' ? '.' : c.replace(/[\\^$.|+()[\]{}]/, '\\$&');
    },
  );
  const hidden = segment.startsWith('.') ? '' : '(?!\\.)';
  return new RegExp(`^${hidden}${source}$`, 'su');
}

/** Ranges stay; one that runs backwards is empty, as in glob(3), instead of an error. */
function setMembers(members: string): string {
  const literal = (c: string) => c.replace(/[\\^\-\][]/, '\\$&');
  let out = '';
  const chars = [...members];
  for (let i = 0; i < chars.length; i++) {
    const end = chars[i + 1] === '-' ? chars[i + 2] : undefined;
    if (end === undefined) out += literal(chars[i]);
    else {
      if (chars[i] <= end) out += `${literal(chars[i])}-${literal(end)}`;
      i += 2;
    }
  }
  return out;
}
