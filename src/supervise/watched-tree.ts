// What lies under the paths of `watch`, as one look finds it: files with what tells two versions apart, and the directories that hold them.
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, parse } from 'node:path';

/** More would take an inotify watch each, of which Linux gives a user 8192 at the least. */
const MOST_DIRECTORIES = 2000;
const MOST_FILES = 20_000;

export interface TreeLook {
  /** Path and version of each file. */
  readonly files: ReadonlyMap<string, string>;
  /** Path and identity of each directory to be watched; `names` are those of its entries that matter, null for all that are not ignored. */
  readonly directories: ReadonlyMap<string, DirectoryLook>;
  /** The first directory or file beyond the bounds; null within them. */
  readonly beyond: string | null;
}

export interface DirectoryLook {
  readonly identity: string;
  readonly names: Set<string> | null;
}

/** Written by tools, editors and the app itself: what changes there is no new version of the app. Only in directories; a file that is named is watched. */
const IGNORED =
  /^(?:node_modules|__pycache__|\.(?:git|hg|svn|lbproxy|venv|tox|idea|vscode|cache|pytest_cache|mypy_cache|ruff_cache)|.*\.py[co]|.*~|#.*#|\.#.*|\..*\.sw[a-z]|4913|.*\.(?:log|pid|sock|tmp|part|swp)|.*\.log[.-].*|.*\.(?:db|sqlite3?)(?:-journal|-wal|-shm)?)$/;

export const isIgnored = (name: string): boolean => IGNORED.test(name);

/** `ignored` are absolute paths, of logs. Never throws: what cannot be read is not there. */
export function lookAt(paths: readonly string[], ignored: ReadonlySet<string>): TreeLook {
  const look = new Look(ignored);
  for (const path of paths) look.root(path);
  return look;
}

class Look implements TreeLook {
  readonly files = new Map<string, string>();
  readonly directories = new Map<string, DirectoryLook>();
  beyond: string | null = null;
  readonly #ignored: ReadonlySet<string>;
  /** Identities, as links may lead in circles. */
  readonly #seen = new Set<string>();

  constructor(ignored: ReadonlySet<string>) {
    this.#ignored = ignored;
  }

  root(path: string): void {
    this.#surroundings(path);
    const stat = statOf(path);
    if (stat === undefined) return;
    if (stat.isDirectory()) this.#directory(path, stat);
    else this.#file(path, stat);
  }

  #directory(path: string, stat: Stats): void {
    const identity = identityOf(stat);
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    if (this.directories.size >= MOST_DIRECTORIES) {
      this.beyond ??= path;
      return;
    }
    this.directories.set(path, { identity, names: null });
    for (const name of namesIn(path)) {
      const inner = join(path, name);
      if (isIgnored(name) || this.#ignored.has(inner)) continue;
      const innerStat = statOf(inner);
      if (innerStat?.isDirectory() === true) this.#directory(inner, innerStat);
      else if (innerStat?.isFile() === true) this.#file(inner, innerStat);
    }
  }

  #file(path: string, stat: Stats): void {
    if (this.files.size < MOST_FILES)
      this.files.set(path, `${stat.mtimeMs} ${stat.size} ${identityOf(stat)}`);
    else this.beyond ??= path;
  }

  /** The entries by which the path comes, goes and is led elsewhere: its own, those of links on the way, or the first that is missing. */
  #surroundings(path: string): void {
    const { root } = parse(path);
    for (let at = path; at !== root; at = dirname(at)) {
      const stat = lstatOf(at);
      const missing = stat === undefined && statOf(dirname(at)) !== undefined;
      if (missing || at === path || stat?.isSymbolicLink() === true) this.#entry(at);
      if (stat?.isSymbolicLink() === true) this.#entry(targetOf(at));
    }
  }

  #entry(path: string): void {
    const directory = dirname(path);
    const stat = statOf(directory);
    if (stat === undefined) return;
    const known = this.directories.get(directory);
    if (known === undefined)
      this.directories.set(directory, { identity: identityOf(stat), names: new Set([basename(path)]) });
    else known.names?.add(basename(path));
  }
}

const identityOf = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function lstatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function targetOf(link: string): string {
  try {
    return realpathSync(link);
  } catch {
    return link;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
