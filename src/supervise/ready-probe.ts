// Asks of one process, while it may serve, whether it is ready, and once it is, whether it still is: by what its policy says.
import type { NotifySocket } from './notify-socket.ts';
import type { ProcessSpec } from './plan.ts';
import { awaitReady, watchReady } from './readiness.ts';
import { awaitHttp, watchHttp } from './ready-http.ts';
import { type OutputName, ReadyLog } from './ready-log.ts';
import type { ProcessEvent, ProcessRecord } from './state.ts';

/** What is shared by all processes. */
export interface ReadySources {
  /** Where processes say themselves that they are ready. */
  readonly notify: Pick<NotifySocket, 'pathFor' | 'open' | 'onReady'>;
}

/** Takes what a process writes. */
export type OutputListener = (stream: OutputName, chunk: Buffer) => void;

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
  listener({ policy: { ready } }: ProcessSpec, attempt: number): OutputListener | null {
    if (ready.by !== 'log') return null;
    const log = new ReadyLog(ready.pattern, () => this.#dispatch({ type: 'ready', attempt }));
    return (stream, chunk) => log.push(stream, chunk);
  }

  #await({ policy: { port, ready }, group, launch }: ProcessSpec, onReady: () => void): () => void {
    switch (ready.by) {
      case 'tcp':
        return port === null ? NOTHING : awaitReady(port, onReady);
      case 'http':
        return port === null ? NOTHING : awaitHttp({ port, ...ready }, onReady);
      case 'notify':
        return this.#sources.notify.onReady(`${group}:${launch.name}`, onReady);
      default:
        return NOTHING;
    }
  }

  #watch({ policy: { port, ready } }: ProcessSpec, onLost: () => void): () => void {
    if (port === null) return NOTHING;
    return ready.by === 'http' ? watchHttp({ port, ...ready }, onLost) : watchReady(port, onLost);
  }
}
