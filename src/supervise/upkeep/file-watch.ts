// `watch`: restarts processes when their files change.
import type { Slot } from '../slot.ts';
import { watchPaths } from '../watch-paths.ts';

export interface FileWatchHost {
  /** One after the other; those that wait after failed starts at once. */
  restart(slots: readonly Slot[], changed: readonly string[]): void;
  warn(message: string): void;
}

interface Watched {
  readonly slots: Slot[];
  readonly end: () => void;
}

export class FileWatch {
  readonly #host: FileWatchHost;
  /** By what is watched: programs that watch the same have one watch. */
  readonly #watched = new Map<string, Watched>();

  constructor(host: FileWatchHost) {
    this.#host = host;
  }

  /** These are all there are from now on. */
  use(slots: readonly Slot[]): void {
    const wanted = Map.groupBy(
      slots.filter(({ spec }) => spec.policy.watch.length > 0),
      ({ spec }) => JSON.stringify([spec.policy.watch, spec.program, logsOf(spec)]),
    );
    for (const [key, { end }] of this.#watched) {
      if (wanted.has(key)) continue;
      end();
      this.#watched.delete(key);
    }
    for (const [key, group] of wanted) {
      const present = this.#watched.get(key);
      if (present === undefined) this.#watched.set(key, this.#begin(group));
      else present.slots.splice(0, present.slots.length, ...group);
    }
  }

  #begin(slots: Slot[]): Watched {
    const [{ spec }] = slots;
    const end = watchPaths(
      spec.policy.watch,
      // One that was stopped by hand stays so.
      (changed) =>
        this.#host.restart(
          slots.filter(({ state }) => state !== 'STOPPED' && state !== 'STOPPING'),
          changed,
        ),
      { ignore: logsOf(spec), warn: (message) => this.#host.warn(`${spec.program}: ${message}`) },
    );
    return { slots, end };
  }

  close(): void {
    this.use([]);
  }
}

function logsOf({ output }: Slot['spec']): readonly string[] {
  return [output.stdout, output.stderr].flatMap(({ target }) =>
    target.kind === 'file' ? [target.path] : [],
  );
}
