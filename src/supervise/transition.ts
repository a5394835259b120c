// The moves of one supervised process: (record, event) → (record, effects). Pure; slot.ts carries the effects out. What a process is told
// to do is here, and how a start goes; what becomes of one that ended is ending.ts.
import { backOff, onGone } from './ending.ts';
import { begin, idle, log, type Step, seconds, signal, stay, stopped, timer } from './moves.ts';
import type { Effect, ProcessEvent, ProcessPolicy, ProcessRecord } from './state.ts';

/** How long after startsecs a process that is not ready is worth a warning. */
const NOT_READY_WARN_MS = 10_000;
/** How long after SIGKILL a group that is still there is worth an error. */
const KILL_WARN_MS = 2000;

/** The next record and what is to be done for it. `now` is monotonic, in milliseconds. */
export function transition(r: ProcessRecord, event: ProcessEvent, policy: ProcessPolicy, now: number): Step {
  if ('attempt' in event && event.attempt !== r.attempt) return stay(r);
  switch (event.type) {
    case 'start':
      return onStart(r);
    case 'stop':
      return onStop(r, policy);
    case 'restart':
      return onRestart(r, policy);
    case 'timer':
      return onTimer(r, policy, now);
    case 'prepared':
      return onPrepared(r, policy, now);
    case 'failed':
      return onFailed(r, event.reason, policy);
    case 'ready':
      return onReady(r, policy);
    case 'lost':
      return onLost(r, policy);
    case 'drained':
      return r.state === 'STOPPING' && r.stopPhase === 'drain' ? signalStop(r, policy) : stay(r);
    case 'exited':
      return onExited(r, { code: event.code, signal: event.signal, atMs: now }, policy);
    case 'gone':
      return r.live && r.exit !== null ? onGone(r, r.exit, policy) : stay(r);
  }
}

/** Startsecs have passed, though their timer has not come: it does so before the end of the process is heard. */
export function isStartOver(r: ProcessRecord, policy: ProcessPolicy, now: number): boolean {
  return (
    r.state === 'STARTING' &&
    r.live &&
    r.exit === null &&
    !r.stayedUp &&
    now - r.launchedAtMs >= policy.startMs
  );
}

function onStart(r: ProcessRecord): Step {
  switch (r.state) {
    // STOPPED, EXITED, FATAL, BACKOFF → STARTING: asked for, so earlier failures no longer count
    case 'STOPPED':
    case 'EXITED':
    case 'FATAL':
    case 'BACKOFF':
      return begin({ ...r, failures: 0, shortLives: 0, unreadyLives: 0 });
    // STOPPING → STOPPING, and STARTING after it
    case 'STOPPING':
      return stay({ ...r, startAgain: true });
    case 'STARTING':
    case 'RUNNING':
      return stay(r);
  }
}

function onRestart(r: ProcessRecord, policy: ProcessPolicy): Step {
  // STARTING → STARTING: it is about to; what failed before no longer counts
  if (r.state === 'STARTING' && !r.live) return stay({ ...r, failures: 0, shortLives: 0, unreadyLives: 0 });
  if (!r.live || r.state === 'STOPPING') return onStart(r);
  const { record, effects } = beginStop(r, policy);
  return { record: { ...record, startAgain: true }, effects };
}

function onPrepared(r: ProcessRecord, policy: ProcessPolicy, now: number): Step {
  if (r.state !== 'STARTING' || r.live) return stay(r);
  // STARTING → STARTING, with a process. `live` is set before the launch: nothing that comes between may start another.
  return {
    record: { ...r, live: true, launchedAtMs: now },
    effects: [{ do: 'launch', attempt: r.attempt }, timer(policy.startMs)],
  };
}

function onFailed(r: ProcessRecord, reason: string, policy: ProcessPolicy): Step {
  // STARTING → BACKOFF: there was nothing to run, or nowhere to listen. RUNNING → BACKOFF: with startsecs 0 the answer to the launch can
  // come after the timer.
  if (r.state === 'STARTING' || r.state === 'RUNNING') return backOff(r, `cannot start: ${reason}`, policy);
  // STOPPING → STOPPED: the stop came while the launch was failing
  if (r.state === 'STOPPING') return stopped(r);
  return stay(r);
}

const SERVES = { ready: true, wasReady: true, problem: null } as const;

function onReady(r: ProcessRecord, policy: ProcessPolicy): Step {
  if (!mayServe(r) || r.ready) return stay(r);
  const effects: Effect[] = [{ do: 'announce', up: true }, log('info', readyText(policy))];
  // STARTING → RUNNING: startsecs had passed, only this was missing. RUNNING → RUNNING: it is back.
  if (r.stayedUp)
    return { record: { ...r, ...SERVES, state: 'RUNNING' }, effects: [timer(null), ...effects] };
  // STARTING → STARTING: it may serve, but it has yet to prove that it stays
  return { record: { ...r, ...SERVES }, effects };
}

function readyText({ ready, port }: ProcessPolicy): string {
  return ready.by === 'tcp' ? `accepts on port ${port}` : `is ready (${ready.by})`;
}

/** There is a process that was neither ended nor told to. */
function mayServe(r: ProcessRecord): boolean {
  return (r.state === 'STARTING' || r.state === 'RUNNING') && r.live && r.exit === null;
}

/** The state stays: what becomes of a process that runs, autorestart says, and one that is about to end closes its port first. */
function onLost(r: ProcessRecord, policy: ProcessPolicy): Step {
  if (!mayServe(r) || !r.ready) return stay(r);
  const lostMs = r.state === 'RUNNING' ? policy.readyLostMs : null;
  const problem =
    policy.ready.by === 'http'
      ? `no longer answers ${policy.ready.path} on port ${policy.port} as it should`
      : `no longer accepts on port ${policy.port}`;
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
function onLostTimer(r: ProcessRecord, policy: ProcessPolicy): Step {
  if (!mayServe(r) || r.ready || !r.wasReady || policy.readyLostMs === null) return stay(r);
  const message = `has not accepted on port ${policy.port} for ${seconds(policy.readyLostMs)}: restarting it`;
  const { record, effects } = onRestart(r, policy);
  return { record, effects: [log('warn', message), ...effects] };
}

function onTimer(r: ProcessRecord, policy: ProcessPolicy, now: number): Step {
  switch (r.state) {
    case 'STARTING':
      return onStartTimer(r, policy, now);
    case 'BACKOFF':
      return onBackOffTimer(r, policy);
    case 'EXITED':
      // EXITED → STARTING: autorestart wants it
      return r.startAgain ? begin(r) : stay(r);
    case 'STOPPING':
      return onStopTimer(r, policy);
    case 'RUNNING':
      return onLostTimer(r, policy);
    default:
      return stay(r);
  }
}

function onBackOffTimer(r: ProcessRecord, policy: ProcessPolicy): Step {
  // BACKOFF → STARTING: the pause is over
  if (policy.giveUpAfter === null || r.failures <= policy.giveUpAfter) return begin(r);
  // BACKOFF → FATAL: that was the last try
  const why = `${r.problem}; given up after ${r.failures} failed starts (startretries ${policy.giveUpAfter})`;
  return { record: idle(r, 'FATAL'), effects: [timer(null), log('error', why)] };
}

function onStartTimer(r: ProcessRecord, policy: ProcessPolicy, now: number): Step {
  if (!r.live || r.exit !== null) return stay(r);
  const { ready, readyGates, readyTimeoutMs } = policy;
  // STARTING → RUNNING: startsecs passed, and nothing else is asked for or it is ready
  if (ready.by === 'running' || !readyGates || r.ready)
    return stay({
      ...r,
      stayedUp: true,
      state: 'RUNNING',
      problem: readyGates || r.ready ? null : r.problem,
    });
  const leftMs = readyTimeoutMs === null ? null : r.launchedAtMs + readyTimeoutMs - now;
  // STARTING → STARTING, and BACKOFF once it is gone: its time to get ready is over
  if (leftMs !== null && leftMs <= 0) return endStart(r, policy);
  // STARTING → STARTING: up, but not ready. Also when the timer came a little early for the limit, as timers do.
  if (!r.stayedUp || leftMs !== null)
    return { record: { ...r, stayedUp: true }, effects: [timer(leftMs ?? NOT_READY_WARN_MS)] };
  return { record: r, effects: [log('warn', notReadyText(policy))] };
}

function notReadyText({ ready, port }: ProcessPolicy): string {
  if (ready.by === 'tcp')
    return `runs, but nothing accepts on port ${port} yet: does its command listen on {port} (or $PORT)?`;
  if (ready.by === 'http')
    return `runs, but ${ready.path} on port ${port} is not answered as it should be yet`;
  return `runs, but is not ready yet (${ready.by})`;
}

function endStart(r: ProcessRecord, policy: ProcessPolicy): Step {
  const problem = `was not ready within ${seconds(policy.readyTimeoutMs ?? 0)} (ready_timeout)`;
  return {
    record: { ...r, problem },
    effects: [timer(null), log('error', `${problem}: it is ended`), signal('SIGKILL', true)],
  };
}

function onStop(r: ProcessRecord, policy: ProcessPolicy): Step {
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
      return r.live ? beginStop(r, policy) : stopped(r);
    // STOPPING → STOPPING: and it stays stopped
    case 'STOPPING':
      return stay({ ...r, startAgain: false });
  }
}

/** STARTING, RUNNING → STOPPING. A ready process leaves the balancer first and gets its signal when nothing is under way on it. */
function beginStop(r: ProcessRecord, policy: ProcessPolicy): Step {
  const record: ProcessRecord = { ...r, state: 'STOPPING', ready: false };
  // The leader has ended and its group was killed; only `gone` is missing.
  if (r.exit !== null) return { record: { ...record, stopPhase: 'killed' }, effects: [timer(KILL_WARN_MS)] };
  if (!r.ready) return signalStop(record, policy);
  const announce: Effect = { do: 'announce', up: false };
  if (policy.port === null) {
    const { record: signalled, effects } = signalStop(record, policy);
    return { record: signalled, effects: [announce, ...effects] };
  }
  return {
    record: { ...record, stopPhase: 'drain' },
    effects: [announce, timer(policy.drainLimitMs), { do: 'drain', attempt: r.attempt }],
  };
}

function signalStop(r: ProcessRecord, policy: ProcessPolicy): Step {
  return {
    record: { ...r, stopPhase: 'signalled' },
    effects: [signal(policy.stopSignal, policy.stopAsGroup), timer(policy.stopWaitMs)],
  };
}

function onStopTimer(r: ProcessRecord, policy: ProcessPolicy): Step {
  if (r.stopPhase === 'drain') return signalStop(r, policy);
  if (r.stopPhase === 'killed') {
    const message = 'is still there after SIGKILL: the system does not let it go (disk or NFS wait?)';
    return { record: r, effects: [log('error', message)] };
  }
  const whom = policy.killAsGroup ? 'killed with its whole group' : 'killed';
  const message = `did not end within ${seconds(policy.stopWaitMs)} of ${policy.stopSignal}: ${whom}`;
  return {
    record: { ...r, stopPhase: 'killed' },
    effects: [signal('SIGKILL', policy.killAsGroup), timer(KILL_WARN_MS), log('warn', message)],
  };
}

function onExited(r: ProcessRecord, exit: NonNullable<ProcessRecord['exit']>, policy: ProcessPolicy): Step {
  if (!r.live || r.exit !== null) return stay(r);
  const effects: Effect[] = r.ready ? [{ do: 'announce', up: false }] : [];
  // In a stop, the rest of the group has the time that stopwaitsecs gives: it may be finishing requests.
  if (r.state === 'STOPPING') return { record: { ...r, exit }, effects };
  effects.push(timer(null));
  // Without a leader, what is left of the group is an orphan that holds the port.
  if (policy.killAsGroup) effects.push(signal('SIGKILL', true));
  return { record: { ...r, exit, ready: false }, effects };
}
