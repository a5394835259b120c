// What becomes of a process that has ended, or could not be started: the second half of the moves of transition.ts. Pure.

import { idle, log, type Step, seconds, stopped, timer } from './moves.ts';
import type { Effect, Exit, ProcessPolicy, ProcessRecord } from './state.ts';

/** First pause after a failed start; it doubles with each further one up to the cap, so that nothing stays down long. */
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** Of a process that took requests in one of its last lives: others wait for it. */
const MAX_SERVING_BACKOFF_MS = 1000;
/** A process that was not ready in so many lives in a row is waited for no more. */
export const MAX_UNREADY_LIVES = 3;
/** A process that lived shorter never restarts at once, even with startsecs 0: a loop without a pause is nobody's wish. */
export const MIN_LIFE_MS = 1000;
/** One that ends so soon after startsecs, again and again, is in a crash loop too. */
const SHORT_LIFE_MS = 10_000;

/** Nothing of the group is left. */
export function onGone(r: ProcessRecord, exit: Exit, policy: ProcessPolicy): Step {
  // STOPPING → STOPPED (or STARTING)
  if (r.state === 'STOPPING') return stopped(r);
  const livedMs = exit.atMs - r.launchedAtMs;
  const how = `${describeExit(exit)} after ${seconds(livedMs)}`;
  // STARTING → BACKOFF: autorestart speaks of processes that were RUNNING
  if (r.state !== 'RUNNING') return backOff(r, r.problem ?? how, policy);
  // RUNNING → EXITED, for good
  if (!wantsRestart(exit, policy)) {
    return {
      record: { ...idle(r, 'EXITED'), failures: 0, shortLives: 0, problem: null },
      effects: [timer(null), log('info', `${how}; it stays down`)],
    };
  }
  return restartAfter(r, livedMs, how, policy);
}

/** RUNNING → EXITED, and STARTING after it: at once, or, where it ends again and again, with pauses that grow. */
function restartAfter(r: ProcessRecord, livedMs: number, how: string, policy: ProcessPolicy): Step {
  const livedWell = livedMs >= Math.max(policy.startMs, MIN_LIFE_MS);
  const shortLives = livedMs >= policy.startMs + SHORT_LIFE_MS ? 0 : r.shortLives + 1;
  // The first short life of one that lived well is an accident.
  const counted = livedWell ? shortLives - 1 : shortLives;
  const pauseMs = counted <= 0 ? 0 : Math.min(backOffMs(counted), capOf(r));
  const times = shortLives > 1 ? `, ${shortLives} times in a row soon after its start` : '';
  const then = pauseMs === 0 ? 'starting it again' : `next start in ${seconds(pauseMs)}`;
  const effects = isWorthSaying(shortLives) ? [log('warn', `${how}${times}; ${then}`)] : [];
  return {
    record: {
      ...idle(r, 'EXITED'),
      failures: 0,
      shortLives,
      unreadyLives: unreadyLivesOf(r),
      problem: how,
      startAgain: true,
    },
    effects: [timer(pauseMs), ...effects],
  };
}

function wantsRestart(exit: Exit, policy: ProcessPolicy): boolean {
  if (policy.autorestart !== 'unexpected') return policy.autorestart;
  return exit.code === null || !policy.exitcodes.includes(exit.code);
}

/** A start has failed: → BACKOFF with a growing pause. Where that was the last try, FATAL follows at once. */
export function backOff(r: ProcessRecord, why: string, policy: ProcessPolicy): Step {
  const failures = r.failures + 1;
  const record = { ...idle(r, 'BACKOFF'), failures, unreadyLives: unreadyLivesOf(r), problem: why };
  if (policy.giveUpAfter !== null && failures > policy.giveUpAfter) return { record, effects: [timer(0)] };
  const pauseMs = policy.backOff === 'supervisor' ? failures * 1000 : Math.min(backOffMs(failures), capOf(r));
  const effects: Effect[] = [timer(pauseMs)];
  if (policy.giveUpAfter !== null || isWorthSaying(failures)) {
    const times = failures === 1 ? '' : `, ${failures} failures in a row`;
    effects.push(log('error', `${why}; next start in ${seconds(pauseMs)}${times}`));
  }
  return { record, effects };
}

function unreadyLivesOf(r: ProcessRecord): number {
  return r.wasReady ? 0 : r.unreadyLives + 1;
}

function capOf(r: ProcessRecord): number {
  return unreadyLivesOf(r) <= MAX_UNREADY_LIVES ? MAX_SERVING_BACKOFF_MS : MAX_BACKOFF_MS;
}

/** Milliseconds to wait after so many failures in a row. */
export function backOffMs(failures: number): number {
  return Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20), MAX_BACKOFF_MS);
}

/** Each doubling of the pause is said; once it grows no more, each doubling of the count. */
function isWorthSaying(failures: number): boolean {
  return (
    failures <= 1 || backOffMs(failures) > backOffMs(failures - 1) || Number.isInteger(Math.log2(failures))
  );
}

/** `exited with status 1`, `was ended by SIGSEGV`. */
export function describeExit(exit: Pick<Exit, 'code' | 'signal'>): string {
  return exit.signal === null ? `exited with status ${exit.code}` : `was ended by ${exit.signal}`;
}
