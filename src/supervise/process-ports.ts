// What the balancer is told of one process with a port, made of its record. Pure.
import type { ProcessPort } from '../balance/process-port.ts';
import { describeExit, MAX_UNREADY_LIVES } from './ending.ts';
import type { ProcessSpec } from './plan.ts';
import type { ProcessRecord } from './state.ts';

/** What the record does not hold. Times in ms since the epoch, 0 = never. */
export interface PortFacts {
  /** It is stopped only to be started (anew) in a moment: at the start of lbproxy, and while it is replaced. */
  readonly awaitsStart: boolean;
  /** It was told to stop a moment ago, which may be half of a restart. */
  readonly mayReturn: boolean;
  /** Taken out by hand. */
  readonly drained: boolean;
  readonly upSinceMs: number;
  readonly conditionSinceMs: number;
  readonly trouble: string;
}

/** null for a process without a port. */
export function processPort(spec: ProcessSpec, record: ProcessRecord, facts: PortFacts): ProcessPort | null {
  const { port } = spec.policy;
  const { name } = spec.launch;
  if (port === null) return null;
  const up = record.ready && !facts.drained;
  return {
    port,
    name: spec.group === name ? name : `${spec.group}:${name}`,
    up,
    coming: !up && !facts.drained && isComing(spec, record, facts.awaitsStart || facts.mayReturn),
    upSinceMs: facts.upSinceMs,
    slowStartMs: spec.policy.slowStartMs,
    condition: facts.drained ? 'drained' : conditionOf(record, facts.awaitsStart),
    conditionSinceMs: facts.conditionSinceMs,
    trouble: up ? '' : facts.trouble,
  };
}

function isComing(
  { policy }: ProcessSpec,
  { state, startAgain, unreadyLives }: ProcessRecord,
  awaitsStart: boolean,
): boolean {
  if (unreadyLives > MAX_UNREADY_LIVES) return false;
  switch (state) {
    case 'STARTING':
    case 'BACKOFF':
      return true;
    // Its port is lost, or it has ended and what is left of it has not: autorestart says what comes then.
    case 'RUNNING':
      return policy.autorestart !== false;
    case 'EXITED':
      return startAgain;
    case 'STOPPING':
      return startAgain || awaitsStart;
    case 'STOPPED':
      return awaitsStart;
    default:
      return false;
  }
}

function conditionOf(
  { state, exit, problem, ready, startAgain }: ProcessRecord,
  awaitsStart: boolean,
): string {
  if (ready) return 'serves';
  if (exit !== null && state !== 'STOPPING') return describeExit(exit);
  if (problem !== null) return problem;
  if (awaitsStart) return 'about to start';
  switch (state) {
    case 'STARTING':
      return 'starting';
    case 'RUNNING':
      return 'does not accept on its port';
    case 'STOPPING':
      return 'stopping';
    case 'EXITED':
      return startAgain ? 'about to start again' : 'exited, and stays so';
    default:
      return state === 'STOPPED' ? 'stopped' : 'given up';
  }
}
