// Asks of one process, while it may serve, whether it is ready, and once it is, whether it still is: by what its policy says.
import type { ProcessSpec } from './plan.ts';
import { awaitReady, watchReady } from './readiness.ts';
import type { ProcessEvent, ProcessRecord } from './state.ts';

/** Ways to become ready that are shared by all processes. */
export interface ReadySources {
  /** Where a process may send READY=1; null where that cannot be had. */
  notifyPath(key: string): string | null;
  /** Calls back when it was sent. The returned function ends the waiting. */
  awaitNotify(key: string, onReady: () => void): () => void;
  awaitHttp(port: number, path: string, statuses: readonly number[], onReady: () => void): () => void;
  watchHttp(port: number, path: string, statuses: readonly number[], onLost: () => void): () => void;
  /** Takes pieces of output; calls back at the first line that matches. */
  matchLog(pattern: string, onReady: () => void): (chunk: Buffer) => void;
}

/** Nothing to watch: it stays ready until it ends. */
const NOTHING = (): void => undefined;

export class ReadyProbe {
  readonly #sources: ReadySources;
  readonly #dispatch: (event: ProcessEvent) => void;
  /** What is asked now, in which start, and how to end that. */
  #now: { readonly what: 'await' | 'watch'; readonly attempt: number; readonly end: () => void } | null =
    null;

  constructor(sources: ReadySources, dispatch: (event: ProcessEvent) => void) {
    this.#sources = sources;
    this.#dispatch = dispatch;
  }

  /** While there is a process that may serve it is awaited, and once it is ready, watched. */
  tend(
    spec: ProcessSpec,
    { state, live, ready, exit, attempt }: ProcessRecord,
    pid: number | undefined,
  ): void {
    const runs = (state === 'STARTING' || state === 'RUNNING') && live && exit === null;
    const what = !runs || pid === undefined ? null : ready ? 'watch' : 'await';
    if (this.#now !== null && (this.#now.what !== what || this.#now.attempt !== attempt)) this.end();
    if (what === null || this.#now !== null) return;
    const end =
      what === 'watch'
        ? this.#watch(spec, () => this.#dispatch({ type: 'lost', attempt }))
        : this.#await(spec, () => this.#dispatch({ type: 'ready', attempt }));
    this.#now = { what, attempt, end };
  }

  end(): void {
    this.#now?.end();
    this.#now = null;
  }

  /** For the output of a launch that is ready by what it says; else null. */
  listener({ policy: { ready } }: ProcessSpec, attempt: number): ((chunk: Buffer) => void) | null {
    if (ready.by !== 'log') return null;
    return this.#sources.matchLog(ready.pattern, () => this.#dispatch({ type: 'ready', attempt }));
  }

  #await({ policy: { port, ready }, group, launch }: ProcessSpec, onReady: () => void): () => void {
    switch (ready.by) {
      case 'tcp':
        return port === null ? NOTHING : awaitReady(port, onReady);
      case 'http':
        return port === null ? NOTHING : this.#sources.awaitHttp(port, ready.path, ready.statuses, onReady);
      case 'notify':
        return this.#sources.awaitNotify(`${group}:${launch.name}`, onReady);
      default:
        return NOTHING;
    }
  }

  #watch({ policy: { port, ready } }: ProcessSpec, onLost: () => void): () => void {
    if (port === null) return NOTHING;
    return ready.by === 'http'
      ? this.#sources.watchHttp(port, ready.path, ready.statuses, onLost)
      : watchReady(port, onLost);
  }
}
