import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs } from '../../src/supervise/ending.ts';
import {
  type Effect,
  type ProcessEvent,
  type ProcessPolicy,
  type ProcessRecord,
  STOPPED,
} from '../../src/supervise/state.ts';
import { transition } from '../../src/supervise/transition.ts';

const rules: ProcessPolicy = {
  port: 8001,
  priority: 999,
  autostart: true,
  startMs: 1000,
  stopSignal: 'SIGTERM',
  stopWaitMs: 10_000,
  stopAsGroup: true,
  killAsGroup: true,
  autorestart: true,
  exitcodes: [0],
  giveUpAfter: null,
  backOff: 'doubling',
  ready: { by: 'tcp' },
  readyGates: true,
  readyTimeoutMs: null,
  readyLostMs: 60_000,
  drainLimitMs: 10_000,
  dependsOn: [],
  watch: [],
  maxMemoryBytes: null,
  maxUnavailable: 1,
  slowStartMs: 0,
};

type Short = string;

function short(effect: Effect): Short {
  switch (effect.do) {
    case 'signal':
      return effect.signal;
    case 'announce':
      return effect.up ? 'up' : 'down';
    case 'timer':
      return effect.afterMs === null ? 'timer off' : `timer ${effect.afterMs}`;
    case 'log':
      return `${effect.level}: ${effect.message}`;
    default:
      return effect.do;
  }
}

type Move =
  | 'start'
  | 'stop'
  | 'restart'
  | 'timer'
  | 'prepared'
  | 'ready'
  | 'drained'
  | 'lost'
  | 'gone'
  | 'failed'
  | { exit: number | string };

/** Plays moves at given times; returns the last record and the effects of the last move. */
function play(moves: readonly (readonly [number, Move])[], own: Partial<ProcessPolicy> = {}) {
  let record = STOPPED;
  let effects: readonly Effect[] = [];
  for (const [now, move] of moves) {
    const step = transition(record, eventOf(move, record), { ...rules, ...own }, now);
    record = step.record;
    effects = step.effects;
  }
  return { record, state: record.state, effects: effects.map(short) };
}

function eventOf(move: Move, { attempt }: ProcessRecord): ProcessEvent {
  if (typeof move === 'object') {
    const { exit } = move;
    return typeof exit === 'string'
      ? { type: 'exited', attempt, code: null, signal: exit }
      : { type: 'exited', attempt, code: exit, signal: null };
  }
  if (move === 'failed') return { type: 'failed', attempt, reason: 'no such command' };
  if (move === 'start' || move === 'stop' || move === 'restart' || move === 'timer') return { type: move };
  return { type: move, attempt };
}

const launched = [
  [0, 'start'],
  [0, 'prepared'],
] as const;
const running = [...launched, [300, 'ready'], [1000, 'timer']] as const;

describe('transition', () => {
  it('looks at the port, launches, waits for it and for startsecs', () => {
    expect(play([[0, 'start']])).toMatchObject({ state: 'STARTING', effects: ['timer off', 'prepare'] });
    expect(play(launched)).toMatchObject({ state: 'STARTING', effects: ['launch', 'timer 1000'] });
    expect(play([...launched, [300, 'ready']])).toMatchObject({
      state: 'STARTING',
      effects: ['up', 'info: accepts on port 8001'],
    });
    expect(play(running)).toMatchObject({ state: 'RUNNING', effects: [] });
  });

  it('is not RUNNING before the port accepts, and says so after a while', () => {
    const waiting = [...launched, [1000, 'timer']] as const;
    expect(play(waiting)).toMatchObject({ state: 'STARTING', effects: ['timer 10000'] });
    expect(play([...waiting, [11_000, 'timer']]).effects).toEqual([
      'warn: runs, but nothing accepts on port 8001 yet: does its command listen on {port} (or $PORT)?',
    ]);
    expect(play([...waiting, [5000, 'ready']])).toMatchObject({
      state: 'RUNNING',
      effects: ['timer off', 'up', 'info: accepts on port 8001'],
    });
  });

  it('takes out a process that closed its port, back in when it accepts, and restarts it after ready_lost', () => {
    const lost = [...running, [5000, 'lost']] as const;
    expect(play(lost)).toMatchObject({
      state: 'RUNNING',
      record: { ready: false },
      effects: [
        'down',
        'timer 60000',
        'warn: no longer accepts on port 8001, though it runs: no request goes to it; it is restarted if that lasts 60 s',
      ],
    });
    expect(play([...lost, [5100, 'lost']]).effects).toEqual([]);
    expect(play([...lost, [7000, 'ready']])).toMatchObject({
      state: 'RUNNING',
      record: { ready: true },
      effects: ['timer off', 'up', 'info: accepts on port 8001'],
    });
    const restarted = [...lost, [65_000, 'timer']] as const;
    expect(play(restarted)).toMatchObject({
      state: 'STOPPING',
      effects: ['warn: has not accepted on port 8001 for 60 s: restarting it', 'SIGTERM', 'timer 10000'],
    });
    expect(play([...restarted, [65_100, { exit: 0 }], [65_100, 'gone']])).toMatchObject({
      state: 'STARTING',
      effects: ['timer off', 'prepare'],
    });
    expect(play(lost, { readyLostMs: null }).effects).toEqual([
      'down',
      'warn: no longer accepts on port 8001, though it runs: no request goes to it until it does',
    ]);
    // An app that ends by itself closes its port first: autorestart decides.
    expect(play([...lost, [6000, { exit: 0 }], [6000, 'gone']], { autorestart: false }).state).toBe('EXITED');
  });

  it('forgets that a port accepted which closed within startsecs', () => {
    const lost = [...launched, [300, 'ready'], [600, 'lost']] as const;
    expect(play(lost)).toMatchObject({
      state: 'STARTING',
      effects: ['down', expect.stringMatching(/^warn/)],
    });
    expect(play([...lost, [1000, 'timer']])).toMatchObject({ state: 'STARTING', effects: ['timer 10000'] });
    expect(play([...lost, [1000, 'timer'], [1500, 'ready']]).state).toBe('RUNNING');
  });

  it('needs startsecs only where there is no port', () => {
    expect(play([...launched, [1000, 'timer']], { port: null, ready: { by: 'running' } }).state).toBe(
      'RUNNING',
    );
  });

  it('takes a running process out, then signals it, then kills it', () => {
    const stopping = [...running, [5000, 'stop']] as const;
    expect(play(stopping)).toMatchObject({ state: 'STOPPING', effects: ['down', 'timer 10000', 'drain'] });
    expect(play([...stopping, [15_000, 'timer']]).effects).toEqual(['SIGTERM', 'timer 10000']);
    const signalled = [...stopping, [5100, 'drained']] as const;
    expect(play(signalled).effects).toEqual(['SIGTERM', 'timer 10000']);
    const killed = [...signalled, [15_100, 'timer']] as const;
    expect(play(killed).effects).toEqual([
      'SIGKILL',
      'timer 2000',
      'warn: did not end within 10 s of SIGTERM: killed with its whole group',
    ]);
    expect(play([...killed, [17_100, 'timer']]).effects[0]).toMatch(/^error: is still there after SIGKILL/);
    expect(play([...killed, [15_110, { exit: 'SIGKILL' }], [15_120, 'gone']])).toMatchObject({
      state: 'STOPPED',
      effects: ['timer off'],
    });
  });

  it('gives what is left of a stopped group its time', () => {
    const left = [...running, [5000, 'stop'], [5100, 'timer'], [5200, { exit: 'SIGTERM' }]] as const;
    expect(play(left)).toMatchObject({ state: 'STOPPING', effects: [] });
    expect(play([...left, [15_100, 'timer']]).effects[0]).toBe('SIGKILL');
    expect(play([...left, [6000, 'gone']]).state).toBe('STOPPED');
  });

  it('signals at once what the balancer does not know', () => {
    expect(play([...launched, [10, 'stop']]).effects).toEqual(['SIGTERM', 'timer 10000']);
    expect(
      play([
        [0, 'start'],
        [1, 'stop'],
      ]),
    ).toMatchObject({ state: 'STOPPED', effects: ['timer off'] });
  });

  it('kills what an exited leader left behind, and restarts at once after a good run', () => {
    const exited = [...running, [5000, { exit: 1 }]] as const;
    expect(play(exited)).toMatchObject({ state: 'RUNNING', effects: ['down', 'timer off', 'SIGKILL'] });
    const gone = [...exited, [5001, 'gone']] as const;
    expect(play(gone)).toMatchObject({
      state: 'EXITED',
      effects: ['timer 0', 'warn: exited with status 1 after 5 s; starting it again'],
    });
    expect(play([...gone, [5001, 'timer']])).toMatchObject({
      state: 'STARTING',
      effects: ['timer off', 'prepare'],
    });
  });

  it('backs off from 250 ms to 10 s, and counts anew after a good run', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 1000].map(backOffMs)).toEqual([
      250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000,
    ]);
    const crash = [...launched, [200, { exit: 'SIGSEGV' }], [200, 'gone']] as const;
    expect(play(crash)).toMatchObject({
      state: 'BACKOFF',
      effects: ['timer 250', 'error: was ended by SIGSEGV after 200 ms; next start in 250 ms'],
    });
    const twice = [...crash, [450, 'timer'], [450, 'failed']] as const;
    expect(play(twice).effects).toEqual([
      'timer 500',
      'error: cannot start: no such command; next start in 500 ms, 2 failures in a row',
    ]);
    const well = [
      [950, 'timer'],
      [950, 'prepared'],
      [1000, 'ready'],
      [1950, 'timer'],
      [1960, { exit: 0 }],
    ] as const;
    expect(play([...twice, ...well, [1960, 'gone'], [1960, 'timer']])).toMatchObject({
      state: 'STARTING',
      record: { failures: 0 },
    });
  });

  it('never gives up and speaks ever less often', () => {
    let record = STOPPED;
    const spoken: number[] = [];
    for (let failures = 1; failures <= 300; failures++) {
      record = transition(record, failures === 1 ? { type: 'start' } : { type: 'timer' }, rules, 0).record;
      const step = transition(record, { type: 'failed', attempt: record.attempt, reason: 'x' }, rules, 0);
      expect(step.record.state).toBe('BACKOFF');
      if (step.effects.some((e) => e.do === 'log')) spoken.push(failures);
      record = step.record;
    }
    expect(spoken).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64, 128, 256]);
  });

  it('is FATAL after startretries where give_up is on, until it is started by hand', () => {
    const fail = [
      [0, 'failed'],
      [0, 'timer'],
    ] as const;
    const own = { giveUpAfter: 1 };
    expect(play([[0, 'start'], ...fail, [0, 'failed']], own)).toMatchObject({
      state: 'BACKOFF',
      effects: ['timer 0'],
    });
    expect(play([[0, 'start'], ...fail, ...fail], own)).toMatchObject({
      state: 'FATAL',
      effects: [
        'timer off',
        'error: cannot start: no such command; given up after 2 failed starts (startretries 1)',
      ],
    });
    expect(play([[0, 'start'], ...fail, ...fail, [0, 'start']], own)).toMatchObject({
      state: 'STARTING',
      record: { failures: 0 },
    });
  });

  it.each([
    [true, 0, 'STARTING'],
    [true, 1, 'STARTING'],
    [false, 1, 'EXITED'],
    ['unexpected', 0, 'EXITED'],
    ['unexpected', 1, 'STARTING'],
    ['unexpected', 'SIGKILL', 'STARTING'],
  ] as const)('autorestart %s, exit %s → %s', (autorestart, exit, state) => {
    const ended = [...running, [5000, { exit }], [5000, 'gone']] as const;
    expect(play(ended, { autorestart }).state).toBe('EXITED');
    expect(play([...ended, [5000, 'timer']], { autorestart }).state).toBe(state);
  });

  it('pauses before the restart of a short run even with startsecs 0', () => {
    const flash = [...launched, [0, 'ready'], [0, 'timer'], [50, { exit: 0 }], [50, 'gone']] as const;
    expect(play(flash, { startMs: 0 })).toMatchObject({
      state: 'EXITED',
      record: { startAgain: true },
      effects: ['timer 250', 'warn: exited with status 0 after 50 ms; next start in 250 ms'],
    });
  });

  it('makes longer pauses for one that ends soon after each start, and short ones while it had served', () => {
    let moves: (readonly [number, Move])[] = [[0, 'start']];
    const pauses: string[] = [];
    const life = (serves: boolean): void => {
      moves = [...moves, [0, 'prepared'], ...(serves ? [[0, 'ready'] as const] : []), [1000, 'timer']];
      moves = [...moves, [1500, { exit: 1 }], [1500, 'gone']];
      pauses.push(play(moves, { readyGates: false, startMs: 1000 }).effects[0]);
      moves = [...moves, [0, 'timer']];
    };
    for (let i = 0; i < 5; i++) life(false);
    expect(pauses).toEqual(['timer 0', 'timer 250', 'timer 500', 'timer 1000', 'timer 2000']);
    for (let i = 0; i < 3; i++) life(true);
    expect(pauses.slice(5)).toEqual(['timer 1000', 'timer 1000', 'timer 1000']);
  });

  it("keeps Supervisor's rule: n seconds after the n-th failed start, RUNNING by startsecs alone, BACKOFF before FATAL", () => {
    const own = { backOff: 'supervisor', readyGates: false, giveUpAfter: 2 } as const;
    expect(play([...launched, [1000, 'timer']], own).state).toBe('RUNNING');
    const fails = (n: number): (readonly [number, Move])[] => [
      [0, 'start'],
      ...Array.from({ length: n - 1 }, (): (readonly [number, Move])[] => [
        [0, 'failed'],
        [0, 'timer'],
      ]).flat(),
      [0, 'failed'],
    ];
    expect([1, 2, 3].map((n) => play(fails(n), own).effects[0])).toEqual([
      'timer 1000',
      'timer 2000',
      'timer 0',
    ]);
    expect(play(fails(3), own).state).toBe('BACKOFF');
    expect(play([...fails(3), [0, 'timer']], own).state).toBe('FATAL');
  });

  it('ends a start that is not ready in time', () => {
    const own = { readyTimeoutMs: 5000 };
    const late = [...launched, [1000, 'timer'], [5000, 'timer']] as const;
    expect(play([...launched, [1000, 'timer']], own).effects).toEqual(['timer 4000']);
    expect(play(late, own)).toMatchObject({
      state: 'STARTING',
      effects: ['timer off', expect.stringMatching(/^error: was not ready within 5 s/), 'SIGKILL'],
    });
    const early = [...launched, [1000, 'timer'], [4999.5, 'timer']] as const;
    expect(play(early, own).effects).toEqual(['timer 0.5']);
    expect(play([...early, [5000.5, 'timer']], own).effects).toContain('SIGKILL');
    expect(play([...late, [5001, { exit: 'SIGKILL' }], [5001, 'gone']], own)).toMatchObject({
      state: 'BACKOFF',
      record: { problem: 'was not ready within 5 s (ready_timeout)' },
    });
  });

  it('restarts by a stop and a start, from every state', () => {
    expect(play([...running, [5000, 'restart']])).toMatchObject({
      state: 'STOPPING',
      record: { startAgain: true },
    });
    expect(play([[0, 'restart']]).state).toBe('STARTING');
    expect(
      play([
        ...running,
        [5000, 'stop'],
        [5001, 'restart'],
        [5002, 'drained'],
        [5003, { exit: 0 }],
        [5003, 'gone'],
      ]).state,
    ).toBe('STARTING');
  });

  it('starts again after a stop when that was asked for, and not when the stop was repeated', () => {
    const restart = [...running, [5000, 'stop'], [5000, 'start']] as const;
    const end = [
      [5100, 'timer'],
      [5200, { exit: 0 }],
      [5200, 'gone'],
    ] as const;
    expect(play([...restart, ...end])).toMatchObject({
      state: 'STARTING',
      effects: ['timer off', 'prepare'],
    });
    expect(play([...restart, [5001, 'stop'], ...end]).state).toBe('STOPPED');
  });

  it('ends the wait of BACKOFF by a stop', () => {
    expect(
      play([
        [0, 'start'],
        [0, 'failed'],
        [1, 'stop'],
      ]),
    ).toMatchObject({ state: 'STOPPED', effects: ['timer off'] });
  });
});

/** One slot with a world around it: processes that exist, checks that are under way, one timer. */
class World {
  record = STOPPED;
  now = 0;
  checks: number[] = [];
  live: { attempt: number; leader: boolean; killed: boolean }[] = [];
  timerArmed = false;
  announced = false;
  readonly own: ProcessPolicy;

  constructor(own: ProcessPolicy) {
    this.own = own;
  }

  send(event: ProcessEvent): void {
    const step = transition(this.record, event, this.own, this.now);
    this.record = step.record;
    for (const effect of step.effects) this.apply(effect);
    if (this.live.length > 1) throw new Error('two live processes');
    if (this.announced !== this.record.ready) throw new Error('the balancer believes something else');
    if (this.announced && !this.live.some((p) => p.leader)) throw new Error('announced without a process');
  }

  apply(effect: Effect): void {
    if (effect.do === 'prepare') this.checks.push(effect.attempt);
    if (effect.do === 'launch') this.live.push({ attempt: effect.attempt, leader: true, killed: false });
    if (effect.do === 'timer') this.timerArmed = effect.afterMs !== null;
    if (effect.do === 'signal') {
      if (this.announced) throw new Error('signalled while announced');
      if (effect.signal === 'SIGKILL') for (const process of this.live) process.killed = true;
    }
    if (effect.do === 'announce') {
      if (effect.up === this.announced) throw new Error('announced twice');
      this.announced = effect.up;
    }
  }

  /** One thing that can happen, chosen by a number; what cannot happen now is left out. */
  happen(choice: number): void {
    this.now += (choice % 7) * 150;
    const process = this.live[0];
    const kind = choice % 9;
    if (kind === 0) this.send({ type: 'start' });
    else if (kind === 1) this.send({ type: 'stop' });
    else if (kind === 2) this.fireTimer();
    else if (kind === 8)
      this.send({ type: choice % 2 === 0 ? 'restart' : 'drained', attempt: this.record.attempt });
    else if (kind <= 4) this.answerCheck(choice);
    else if (process === undefined) return;
    else if (!process.leader) this.gone();
    else if (kind === 5) this.send({ type: 'ready', attempt: process.attempt });
    else if (kind === 6 && !this.announced) this.failLaunch();
    else this.exit();
  }

  /** Answers come in any order and long after they are wanted. */
  answerCheck(choice: number): void {
    if (this.checks.length === 0) return;
    const [attempt] = this.checks.splice(choice % this.checks.length, 1);
    if (choice % 3 === 0) this.send({ type: 'failed', attempt, reason: 'taken' });
    else this.send({ type: 'prepared', attempt });
  }

  /** The system says a little after the launch that there was nothing to run. */
  failLaunch(): void {
    const [{ attempt }] = this.live.splice(0, 1);
    this.send({ type: 'failed', attempt, reason: 'no such command' });
  }

  fireTimer(): void {
    if (!this.timerArmed) return;
    this.timerArmed = false;
    this.send({ type: 'timer' });
  }

  exit(): void {
    this.live[0].leader = false;
    this.send({ type: 'exited', attempt: this.live[0].attempt, code: 1, signal: null });
  }

  gone(): void {
    const [{ attempt }] = this.live.splice(0, 1);
    this.send({ type: 'gone', attempt });
  }
}

describe('any sequence of events', () => {
  const worlds = fc.record({
    port: fc.constantFrom(null, 8001),
    autorestart: fc.constantFrom(true, false, 'unexpected' as const),
    giveUpAfter: fc.constantFrom(null, 0, 2),
    startMs: fc.constantFrom(0, 1000),
  });
  const choices = fc.array(fc.nat(10_000), { maxLength: 120 });

  it('leaves at most one live process, tells the balancer the truth, and ends in STOPPED when stopped', () => {
    fc.assert(
      fc.property(worlds, choices, (own, list) => {
        const world = new World({ ...rules, ...own });
        for (const choice of list) world.happen(choice);
        world.send({ type: 'stop' });
        // The process ignores all but SIGKILL.
        for (let i = 0; i < 4; i++) {
          world.fireTimer();
          if (world.live[0]?.leader && world.live[0].killed) world.exit();
          if (world.live[0]?.leader === false) world.gone();
        }
        for (const attempt of world.checks) world.send({ type: 'prepared', attempt });
        expect(world.record.state).toBe('STOPPED');
        expect(world.live).toEqual([]);
        expect(world.timerArmed).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });
});
