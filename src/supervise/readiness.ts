// Waits until a process that was just started accepts on its port.
import { accepts } from './port-probe.ts';

const POLL_MS = 50;
/** After this long the process is slow or never listens; asking less often costs it nothing. */
const EAGER_MS = 10_000;
const SLOW_POLL_MS = 250;

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
