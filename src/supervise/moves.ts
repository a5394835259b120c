// The pieces that all moves of a process are made of: what a step is, and how a record begins a start or ends one. Pure.
import type { Effect, ProcessRecord } from './state.ts';

export interface Step {
  readonly record: ProcessRecord;
  readonly effects: readonly Effect[];
}

export const stay = (record: ProcessRecord): Step => ({ record, effects: [] });
export const timer = (afterMs: number | null): Effect => ({ do: 'timer', afterMs });
export const log = (level: 'info' | 'warn' | 'error', message: string): Effect => ({
  do: 'log',
  level,
  message,
});

export function signal(name: NodeJS.Signals, group: boolean): Effect {
  return { do: 'signal', signal: name, group };
}

/** → STARTING, without a process yet: what it needs is looked at first. */
export function begin(r: ProcessRecord, said: readonly Effect[] = []): Step {
  const attempt = r.attempt + 1;
  return {
    record: { ...idle(r, 'STARTING'), attempt },
    effects: [timer(null), ...said, { do: 'prepare', attempt }],
  };
}

/** A record without a process. */
export function idle(r: ProcessRecord, state: ProcessRecord['state']): ProcessRecord {
  return {
    ...r,
    state,
    live: false,
    ready: false,
    wasReady: false,
    stayedUp: false,
    exit: null,
    stopPhase: null,
    startAgain: false,
  };
}

/** → STOPPED, or STARTING when a start was asked for meanwhile. */
export function stopped(r: ProcessRecord): Step {
  const clear = { ...r, failures: 0, shortLives: 0, unreadyLives: 0 };
  if (r.startAgain) return begin(clear);
  return { record: { ...idle(clear, 'STOPPED'), problem: null }, effects: [timer(null)] };
}

export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}
