// How long a client that has just connected, and said nothing yet, is waited for by who is about to stop.
import { type Deadline, wheel } from '../shared/timer-wheel.ts';

/** From its beginning on: time for a connection's first bytes to arrive from far away. Who is silent for longer has opened it ahead of need. */
const FRESH_MS = 5000;

/** False: it is not so new any more. Else `deadline`, which ends the connection, comes once it is not, if it does not come before. */
export function endSoon(deadline: Deadline, sinceMs: number): boolean {
  const leftMs = sinceMs + FRESH_MS - wheel.nowMs;
  if (deadline.at === 0 || deadline.at > wheel.nowMs + leftMs) wheel.arm(deadline, Math.max(1, leftMs));
  return leftMs > 0;
}
