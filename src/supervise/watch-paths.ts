// `watch`: says when a file changed, came or went under some paths. The system's events (inotify) only say that it is time to look;
// what changed is what differs from the look before, so that a replaced file, a link led elsewhere and a lost event are all one case.
import { type FSWatcher, watch } from 'node:fs';
import { Timer } from '../shared/timer.ts';
import { isIgnored, lookAt, type TreeLook } from './watched-tree.ts';

/** A burst (an editor's rename, a checkout) is one change. */
const QUIET_MS = 200;
/** What never is quiet is looked at nevertheless. */
const LONGEST_BURST_MS = 2000;
const POLL_MS = 2000;
/** Where looking takes long, it is done less often: at most this part of the time. */
const POLL_SHARE = 0.02;

export interface WatchOptions {
  /** Absolute paths that do not count: logs that the processes write. */
  readonly ignore?: readonly string[];
  /** What the operator should know, once each. */
  readonly warn: (message: string) => void;
  /** Instead of the system's events. */
  readonly watchDirectory?: (path: string, onEvent: (name: string | null) => void) => FSWatcher;
}

/** Paths are absolute, and need not exist. `onChange` gets the paths that differ, sorted. The returned function ends it. */
export function watchPaths(
  paths: readonly string[],
  onChange: (changed: readonly string[]) => void,
  options: WatchOptions,
): () => void {
  const watching = new Watching(paths, onChange, options);
  return () => watching.close();
}

interface Watched {
  readonly identity: string;
  readonly watcher: FSWatcher;
}

class Watching {
  readonly #paths: readonly string[];
  readonly #onChange: (changed: readonly string[]) => void;
  readonly #options: WatchOptions;
  readonly #ignored: ReadonlySet<string>;
  readonly #watched = new Map<string, Watched>();
  #look: TreeLook;
  #timer: Timer | undefined;
  /** When the events began that were not looked at yet. */
  #burstAtMs: number | null = null;
  #polls = false;
  #warnedBeyond = false;

  constructor(
    paths: readonly string[],
    onChange: (changed: readonly string[]) => void,
    options: WatchOptions,
  ) {
    this.#paths = paths;
    this.#onChange = onChange;
    this.#options = options;
    this.#ignored = new Set(options.ignore);
    this.#look = lookAt(paths, this.#ignored);
    this.#follow();
    // What changed before its directory was watched.
    if (this.#differs().length > 0) this.#onEvent();
  }

  close(): void {
    this.#timer?.stop();
    this.#polls = false;
    this.#unwatchAll();
  }

  #onEvent(): void {
    if (this.#polls) return;
    const now = performance.now();
    this.#burstAtMs ??= now;
    this.#timer?.stop();
    const ms = Math.max(0, Math.min(QUIET_MS, this.#burstAtMs + LONGEST_BURST_MS - now));
    this.#timer = new Timer(() => this.#lookAgain(), ms).unref();
  }

  #lookAgain(): void {
    this.#burstAtMs = null;
    const startedAt = performance.now();
    const before = this.#look;
    this.#look = lookAt(this.#paths, this.#ignored);
    if (this.#polls) {
      const tookMs = performance.now() - startedAt;
      this.#timer = new Timer(() => this.#lookAgain(), Math.max(POLL_MS, tookMs / POLL_SHARE)).unref();
    } else {
      this.#follow();
    }
    this.#warnBeyond();
    const changed = differences(before.files, this.#look.files);
    if (changed.length > 0) this.#onChange(changed);
  }

  #differs(): readonly string[] {
    return differences(this.#look.files, lookAt(this.#paths, this.#ignored).files);
  }

  /** Watches the directories of the latest look, and no others. */
  #follow(): void {
    const { directories } = this.#look;
    for (const [path, { watcher, identity }] of this.#watched) {
      if (directories.get(path)?.identity === identity) continue;
      this.#watched.delete(path);
      watcher.close();
    }
    let added = false;
    for (const [path, { identity }] of directories) {
      if (this.#watched.has(path)) continue;
      const watcher = this.#watch(path);
      if (watcher === 'full') return this.#poll();
      if (watcher === 'gone') continue;
      this.#watched.set(path, { identity, watcher });
      added = true;
    }
    // What came into a new directory before it was watched: one more look.
    if (added && this.#timer !== undefined) this.#onEvent();
    this.#warnBeyond();
  }

  #watch(path: string): FSWatcher | 'gone' | 'full' {
    const open = this.#options.watchDirectory ?? watchBySystem;
    try {
      const watcher = open(path, (name) => this.#onEntry(path, name));
      watcher.on('error', () => this.#onEvent());
      return watcher;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOSPC' || code === 'EMFILE' || code === 'ENFILE' ? 'full' : 'gone';
    }
  }

  #onEntry(directory: string, name: string | null): void {
    const names = this.#look.directories.get(directory)?.names;
    if (name !== null && names instanceof Set && !names.has(name)) return;
    // An app that logs costs one comparison a line.
    if (
      name !== null &&
      names === null &&
      (isIgnored(name) || this.#ignored.has(`${directory}/${name}`)) &&
      !this.#paths.includes(`${directory}/${name}`)
    )
      return;
    this.#onEvent();
  }

  #poll(): void {
    this.#polls = true;
    this.#unwatchAll();
    this.#timer?.stop();
    this.#timer = new Timer(() => this.#lookAgain(), POLL_MS).unref();
    this.#options.warn(
      `the system has no more watches for ${this.#look.directories.size} directories of watch (inotify): they are looked at every ${POLL_MS / 1000} s instead; ` +
        'raise fs.inotify.max_user_watches and max_user_instances (sysctl), or watch fewer',
    );
  }

  #warnBeyond(): void {
    const { beyond } = this.#look;
    if (beyond === null || this.#warnedBeyond) return;
    this.#warnedBeyond = true;
    this.#options.warn(
      `watch covers too much: ${beyond} and what comes after it is not watched; name the directories of the code alone`,
    );
  }

  #unwatchAll(): void {
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }
}

function watchBySystem(path: string, onEvent: (name: string | null) => void): FSWatcher {
  return watch(path, { persistent: false }, (_, name) => onEvent(name));
}

function differences(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [path, version] of now) if (before.get(path) !== version) found.push(path);
  for (const path of before.keys()) if (!now.has(path)) found.push(path);
  return found.sort();
}
