// Waits until a process accepts on its port, and watches that it goes on to.
import { Timer } from '../shared/timer.ts';
import { accepts, refuses } from './port-probe.ts';

const POLL_MS = 50;
/** After this long the process is slow or never listens; asking less often costs it nothing. */
const EAGER_MS = 10_000;
const SLOW_POLL_MS = 250;
/** Coarse, as each look is a connection that the app takes for nothing; the balancer itself passes over a peer that refuses. */
const WATCH_MS = 3000;
/** With many ports less often: looking at hundreds of them must not be work that is seen. */
const LOOK_APART_MS = 20;
/** Between the two looks that have to agree. */
const SECOND_LOOK_MS = 250;

/** Calls `onReady` once, when the port accepts. The returned function ends the waiting; no call comes after it. */
export function awaitReady(port: number, onReady: () => void): () => void {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const poll = async (): Promise<void> => {
    const ready = await accepts(port);
    if (ended) return;
    if (ready) {
      ended = true;
      return onReady();
    }
    timer = setTimeout(poll, performance.now() - startedAt < EAGER_MS ? POLL_MS : SLOW_POLL_MS);
  };
  timer = setTimeout(poll, POLL_MS);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

/** Calls `onLost` once, when the port refuses twice in a row. The returned function ends the watch; no call comes after it. */
export function watchReady(port: number, onLost: () => void): () => void {
  let ended = false;
  watched++;
  const look = async (before: boolean): Promise<void> => {
    const refused = await refuses(port);
    if (ended) return;
    if (refused && before) {
      end();
      return onLost();
    }
    timer = new Timer(() => void look(refused), refused ? SECOND_LOOK_MS : watchMs());
  };
  let timer = new Timer(() => void look(false), watchMs());
  const end = (): void => {
    if (ended) return;
    ended = true;
    watched--;
    timer.stop();
  };
  return end;
}

/** Ports under watch. */
let watched = 0;

const watchMs = (): number => Math.max(WATCH_MS, watched * LOOK_APART_MS);
