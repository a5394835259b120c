// The moves of one supervised process: (record, event) → (record, effects). Pure; slot.ts carries the effects out.
// A little past 300 lines: every move of one machine stands here.
import type { Effect, Exit, ProcessEvent, ProcessPolicy, ProcessRecord } from './state.ts';

export interface Step {
  readonly record: ProcessRecord;
  readonly effects: readonly Effect[];
}

/** First pause after a failed start; it doubles with each further one up to the cap, so that nothing stays down long. */
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** A process that lived shorter never restarts at once, even with startsecs 0: a loop without a pause is nobody's wish. */
export const MIN_LIFE_MS = 1000;
/** How long after startsecs a port that does not accept is worth a warning. */
const NOT_READY_WARN_MS = 10_000;
/** How long after SIGKILL a group that is still there is worth an error. */
const KILL_WARN_MS = 2000;

/** What the moves depend on besides the event: the program's settings, and the wait between announcing and signalling. */
export interface Rules extends ProcessPolicy {
  readonly drainMs: number;
}

/** The next record and what is to be done for it. `now` is monotonic, in milliseconds. */
export function transition(r: ProcessRecord, event: ProcessEvent, rules: Rules, now: number): Step {
  if ('attempt' in event && event.attempt !== r.attempt) return stay(r);
  switch (event.type) {
    case 'start':
      return onStart(r);
    case 'stop':
      return onStop(r, rules);
    case 'timer':
      return onTimer(r, rules);
    case 'port-free':
      return onPortFree(r, rules, now);
    case 'failed':
      return onFailed(r, event.reason, rules);
    case 'ready':
      return onReady(r, rules);
    case 'lost':
      return onLost(r, rules);
    case 'exited':
      return onExited(r, { code: event.code, signal: event.signal, atMs: now });
    case 'gone':
      return onGone(r, rules);
  }
}

const stay = (record: ProcessRecord): Step => ({ record, effects: [] });
const timer = (afterMs: number | null): Effect => ({ do: 'timer', afterMs });
const log = (level: 'info' | 'warn' | 'error', message: string): Effect => ({ do: 'log', level, message });

function onStart(r: ProcessRecord): Step {
  switch (r.state) {
    // STOPPED, EXITED, FATAL, BACKOFF → STARTING: asked for, so earlier failures no longer count
    case 'STOPPED':
    case 'EXITED':
    case 'FATAL':
    case 'BACKOFF':
      return begin(r, 0);
    // STOPPING → STOPPING, and STARTING after it
    case 'STOPPING':
      return stay({ ...r, startAgain: true });
    case 'STARTING':
    case 'RUNNING':
      return stay(r);
  }
}

/** → STARTING, without a process yet: the port is looked at first. */
function begin(r: ProcessRecord, failures: number, said: readonly Effect[] = []): Step {
  const attempt = r.attempt + 1;
  return {
    record: { ...idle(r, 'STARTING'), attempt, failures },
    effects: [timer(null), ...said, { do: 'check-port', attempt }],
  };
}

/** A record without a process. */
function idle(r: ProcessRecord, state: ProcessRecord['state']): ProcessRecord {
  return {
    ...r,
    state,
    live: false,
    ready: false,
    stayedUp: false,
    exit: null,
    stopPhase: null,
    startAgain: false,
  };
}

function onPortFree(r: ProcessRecord, rules: Rules, now: number): Step {
  if (r.state !== 'STARTING' || r.live) return stay(r);
  // STARTING → STARTING, with a process. `live` is set before the launch: nothing that comes between may start another.
  return {
    record: { ...r, live: true, launchedAtMs: now },
    effects: [{ do: 'launch', attempt: r.attempt }, timer(rules.startMs)],
  };
}

function onFailed(r: ProcessRecord, reason: string, rules: Rules): Step {
  // STARTING → BACKOFF (or FATAL): there was nothing to run, or nowhere to listen. RUNNING → BACKOFF: with startsecs 0 the
  // answer to the launch can come after the timer.
  if (r.state === 'STARTING' || r.state === 'RUNNING') return backOff(r, `cannot start: ${reason}`, rules);
  // STOPPING → STOPPED: the stop came while the launch was failing
  if (r.state === 'STOPPING') return stopped(r);
  return stay(r);
}

const SERVES = { ready: true, problem: null } as const;

function onReady(r: ProcessRecord, rules: Rules): Step {
  if (!mayServe(r) || r.ready) return stay(r);
  const effects: Effect[] = [{ do: 'announce', up: true }, log('info', `accepts on port ${rules.port}`)];
  // STARTING → RUNNING: startsecs had passed, only the port was missing. RUNNING → RUNNING: it is back.
  if (r.stayedUp)
    return { record: { ...r, ...SERVES, state: 'RUNNING' }, effects: [timer(null), ...effects] };
  // STARTING → STARTING: it may serve, but it has yet to prove that it stays
  return { record: { ...r, ...SERVES }, effects };
}

/** There is a process that was neither ended nor told to. */
function mayServe(r: ProcessRecord): boolean {
  return (r.state === 'STARTING' || r.state === 'RUNNING') && r.live && r.exit === null;
}

/** The state stays: what becomes of a process that runs, autorestart says, and one that is about to end closes its port first. */
function onLost(r: ProcessRecord, rules: Rules): Step {
  if (!mayServe(r) || !r.ready) return stay(r);
  const lostMs = r.state === 'RUNNING' ? rules.readyLostMs : null;
  const problem = `no longer accepts on port ${rules.port}`;
  const then = lostMs === null ? ' until it does' : `; it is restarted if that lasts ${seconds(lostMs)}`;
  return {
    record: { ...r, ready: false, problem },
    effects: [
      { do: 'announce', up: false },
      ...(lostMs === null ? [] : [timer(lostMs)]),
      log('warn', `${problem}, though it runs: no request goes to it${then}`),
    ],
  };
}

/** RUNNING → STOPPING, and STARTING after it: ready_lost is over. */
function onLostTimer(r: ProcessRecord, rules: Rules): Step {
  if (!mayServe(r) || r.ready || rules.port === null || rules.readyLostMs === null) return stay(r);
  const message = `has not accepted on port ${rules.port} for ${seconds(rules.readyLostMs)}: restarting it`;
  const { record, effects } = beginStop(r, rules);
  return { record: { ...record, startAgain: true }, effects: [log('warn', message), ...effects] };
}

function onTimer(r: ProcessRecord, rules: Rules): Step {
  switch (r.state) {
    case 'STARTING':
      return onStartTimer(r, rules);
    // BACKOFF → STARTING: the pause is over
    case 'BACKOFF':
      return begin(r, r.failures);
    case 'STOPPING':
      return onStopTimer(r, rules);
    case 'RUNNING':
      return onLostTimer(r, rules);
    default:
      return stay(r);
  }
}

function onStartTimer(r: ProcessRecord, rules: Rules): Step {
  if (!r.live || r.exit !== null) return stay(r);
  // STARTING → RUNNING: startsecs passed and the port, if there is one, accepts
  if (rules.port === null || r.ready) return stay({ ...r, stayedUp: true, state: 'RUNNING', problem: null });
  // STARTING → STARTING: up, but not ready
  if (!r.stayedUp) return { record: { ...r, stayedUp: true }, effects: [timer(NOT_READY_WARN_MS)] };
  const message = `runs, but nothing accepts on port ${rules.port} yet: does its command listen on {port} (or $PORT)?`;
  return { record: r, effects: [log('warn', message)] };
}

function onStop(r: ProcessRecord, rules: Rules): Step {
  switch (r.state) {
    case 'STOPPED':
      return stay(r);
    // BACKOFF, EXITED, FATAL → STOPPED: there is no process
    case 'BACKOFF':
    case 'EXITED':
    case 'FATAL':
      return stopped({ ...r, startAgain: false });
    case 'STARTING':
    case 'RUNNING':
      return r.live ? beginStop(r, rules) : stopped(r);
    // STOPPING → STOPPING: and it stays stopped
    case 'STOPPING':
      return stay({ ...r, startAgain: false });
  }
}

/** STARTING, RUNNING → STOPPING. A ready process leaves the balancer first and gets its signal after drainMs. */
function beginStop(r: ProcessRecord, rules: Rules): Step {
  const record: ProcessRecord = { ...r, state: 'STOPPING', ready: false };
  // The leader has ended and its group was killed; only `gone` is missing.
  if (r.exit !== null) return { record: { ...record, stopPhase: 'killed' }, effects: [timer(KILL_WARN_MS)] };
  if (!r.ready) return signalStop(record, rules);
  return {
    record: { ...record, stopPhase: 'drain' },
    effects: [{ do: 'announce', up: false }, timer(rules.drainMs)],
  };
}

function signalStop(r: ProcessRecord, rules: Rules): Step {
  return {
    record: { ...r, stopPhase: 'signalled' },
    effects: [{ do: 'signal', signal: rules.stopSignal }, timer(rules.stopWaitMs)],
  };
}

function onStopTimer(r: ProcessRecord, rules: Rules): Step {
  if (r.stopPhase === 'drain') return signalStop(r, rules);
  if (r.stopPhase === 'killed') {
    return stayWith(
      r,
      log('error', 'is still there after SIGKILL: the system does not let it go (disk or NFS wait?)'),
    );
  }
  const message = `did not end within ${seconds(rules.stopWaitMs)} of ${rules.stopSignal}: killed with its whole group`;
  return {
    record: { ...r, stopPhase: 'killed' },
    effects: [{ do: 'signal', signal: 'SIGKILL' }, timer(KILL_WARN_MS), log('warn', message)],
  };
}

const stayWith = (record: ProcessRecord, ...effects: Effect[]): Step => ({ record, effects });

/** → STOPPED, or STARTING when a start was asked for meanwhile. */
function stopped(r: ProcessRecord): Step {
  if (r.startAgain) return begin(r, 0);
  return { record: { ...idle(r, 'STOPPED'), failures: 0, problem: null }, effects: [timer(null)] };
}

function onExited(r: ProcessRecord, exit: Exit): Step {
  if (!r.live || r.exit !== null) return stay(r);
  const effects: Effect[] = r.ready ? [{ do: 'announce', up: false }] : [];
  // In a stop, the rest of the group has the time that stopwaitsecs gives: it may be finishing requests.
  if (r.state === 'STOPPING') return { record: { ...r, exit }, effects };
  // Without a leader, what is left of the group is an orphan that holds the port.
  effects.push(timer(null), { do: 'signal', signal: 'SIGKILL' });
  return { record: { ...r, exit, ready: false }, effects };
}

function onGone(r: ProcessRecord, rules: Rules): Step {
  if (!r.live || r.exit === null) return stay(r);
  // STOPPING → STOPPED (or STARTING)
  if (r.state === 'STOPPING') return stopped(r);
  const livedMs = r.exit.atMs - r.launchedAtMs;
  const how = `${describeExit(r.exit)} after ${seconds(livedMs)}`;
  // STARTING → BACKOFF (or FATAL): autorestart speaks of processes that were RUNNING
  if (r.state !== 'RUNNING') return backOff(r, how, rules);
  // RUNNING → EXITED: autorestart wants no other
  if (!wantsRestart(r.exit, rules)) {
    return {
      record: { ...idle(r, 'EXITED'), failures: 0, problem: null },
      effects: [timer(null), log('info', `${how}; it stays down`)],
    };
  }
  // RUNNING → STARTING at once: it had run well, so this is no crash loop (yet)
  if (livedMs >= Math.max(rules.startMs, MIN_LIFE_MS))
    return begin(r, 0, [log('warn', `${how}; starting it again`)]);
  return backOff(r, how, rules);
}

function wantsRestart(exit: Exit, rules: Rules): boolean {
  if (rules.autorestart !== 'unexpected') return rules.autorestart;
  return exit.code === null || !rules.exitcodes.includes(exit.code);
}

/** → BACKOFF with a growing pause, or FATAL where give_up is on. */
function backOff(r: ProcessRecord, why: string, rules: Rules): Step {
  const failures = r.failures + 1;
  if (rules.giveUpAfter !== null && failures > rules.giveUpAfter) {
    const message = `${why}; given up after ${failures} failed starts (startretries ${rules.giveUpAfter})`;
    return {
      record: { ...idle(r, 'FATAL'), failures, problem: why },
      effects: [timer(null), log('error', message)],
    };
  }
  const pauseMs = backOffMs(failures);
  const effects: Effect[] = [timer(pauseMs)];
  if (isWorthSaying(failures)) {
    const times = failures === 1 ? '' : `, ${failures} failures in a row`;
    effects.push(log('error', `${why}; next start in ${seconds(pauseMs)}${times}`));
  }
  return { record: { ...idle(r, 'BACKOFF'), failures, problem: why }, effects };
}

/** Milliseconds to wait after so many failures in a row. */
export function backOffMs(failures: number): number {
  return Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20), MAX_BACKOFF_MS);
}

/** Each doubling of the pause is said; once it grows no more, each doubling of the count. */
function isWorthSaying(failures: number): boolean {
  return backOffMs(failures) > backOffMs(failures - 1) || Number.isInteger(Math.log2(failures));
}

/** `exited with status 1`, `was ended by SIGSEGV`. */
export function describeExit(exit: Pick<Exit, 'code' | 'signal'>): string {
  return exit.signal === null ? `exited with status ${exit.code}` : `was ended by ${exit.signal}`;
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}
