// What the balancer is told of one process with a port, made of its record. Pure.
import type { ProcessPort } from '../balance/process-port.ts';
import type { ProcessSpec } from './plan.ts';
import type { ProcessRecord } from './state.ts';
import { describeExit } from './transition.ts';

/** What the record does not hold. Times in ms since the epoch, 0 = never. */
export interface PortFacts {
  /** It is stopped only to be started (anew) in a moment: at the start of lbproxy, and while it is replaced. */
  readonly awaitsStart: boolean;
  readonly upSinceMs: number;
  readonly conditionSinceMs: number;
  readonly trouble: string;
}

/** null for a process without a port. */
export function processPort(spec: ProcessSpec, record: ProcessRecord, facts: PortFacts): ProcessPort | null {
  const { port, name } = spec.launch;
  if (port === null) return null;
  const up = record.ready;
  return {
    port,
    name: spec.group === name ? name : `${spec.group}:${name}`,
    up,
    coming: !up && isComing(spec, record, facts.awaitsStart),
    upSinceMs: facts.upSinceMs,
    slowStartMs: spec.policy.slowStartMs,
    condition: conditionOf(record, facts.awaitsStart),
    conditionSinceMs: facts.conditionSinceMs,
    trouble: up ? '' : facts.trouble,
  };
}

function isComing(
  { policy }: ProcessSpec,
  { state, startAgain }: ProcessRecord,
  awaitsStart: boolean,
): boolean {
  switch (state) {
    case 'STARTING':
    case 'BACKOFF':
      return true;
    // Its port is lost, or it has ended and what is left of it has not: autorestart says what comes then.
    case 'RUNNING':
      return policy.autorestart !== false;
    case 'STOPPING':
      return startAgain || awaitsStart;
    case 'STOPPED':
      return awaitsStart;
    default:
      return false;
  }
}

function conditionOf({ state, exit, problem, ready }: ProcessRecord, awaitsStart: boolean): string {
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
      return 'exited, and stays so';
    default:
      return state === 'STOPPED' ? 'stopped' : 'given up';
  }
}
