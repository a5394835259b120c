// One place for one process: feeds events to the pure transition and carries its effects out. What comes of it (peers,
// status) the supervisor reads here.

import type { ProcessPort } from '../balance/process-port.ts';
import type { Clock } from '../shared/clock.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { Timer } from '../shared/timer.ts';
import { CrashOutput, type OutputRun } from './crash-output.ts';
import type { OutputSink } from './output.ts';
import type { ProcessSpec } from './plan.ts';
import { accepts, holderOfPort } from './port-probe.ts';
import { type RunningProcess, runProcess } from './process.ts';
import { processPort } from './process-ports.ts';
import { awaitReady, watchReady } from './readiness.ts';
import { type Effect, type ProcessEvent, type ProcessState, STOPPED } from './state.ts';
import { describeExit, MIN_LIFE_MS, transition } from './transition.ts';
import type { Watchdog } from './watchdog.ts';

export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: object) => void;

/** What a slot needs of the supervisor. */
export interface SlotHost {
  readonly drainMs: number;
  readonly clock: Clock;
  readonly watchdog: Watchdog;
  readonly log: Log;
  readonly output: OutputSink;
  /** The port of one of the program's processes began or ceased to accept. */
  announce(program: string): void;
}

/** What is known of one process now. */
export interface ProcessStatus {
  readonly program: string;
  readonly name: string;
  /** From 0, in the order of the ports. */
  readonly index: number;
  readonly port: number | null;
  readonly state: ProcessState;
  readonly pid: number | null;
  /** Its port accepts, and the balancer was told so. */
  readonly up: boolean;
  /** Since the launch; null while there is no process. */
  readonly uptimeMs: number | null;
  /** Launches after the first. */
  readonly restarts: number;
  /** Failed starts in a row. */
  readonly failures: number;
  /** Why the latest start failed; null once it serves. */
  readonly problem: string | null;
}

export class Slot {
  /** Replaced while there is no process, or when only the policy differs. */
  spec: ProcessSpec;
  readonly #host: SlotHost;
  #record = STOPPED;
  #process: RunningProcess | undefined;
  #launches = 0;
  #timer: Timer | undefined;
  /** What is asked of the port now, in which start, and how to end that. */
  #probe: { readonly what: 'await' | 'watch'; readonly attempt: number; readonly end: () => void } | null =
    null;
  readonly #crashes: CrashOutput;
  /** The output of the latest launch. */
  #run: OutputRun | null = null;
  readonly #queue: ProcessEvent[] = [];
  #busy = false;
  readonly #waiting = new Set<() => void>();
  /** It is stopped only to be started in a moment. */
  awaitsStart = false;
  #upSinceMs = 0;
  #conditionSinceMs = 0;

  constructor(spec: ProcessSpec, host: SlotHost) {
    this.spec = spec;
    this.#host = host;
    this.#crashes = new CrashOutput(host.output);
  }

  get state(): ProcessState {
    return this.#record.state;
  }

  /** The port accepts and nothing is being stopped. */
  get up(): boolean {
    return this.#record.ready;
  }

  /** For the balancer; null without a port. */
  get port(): ProcessPort | null {
    const { awaitsStart } = this;
    const facts = { awaitsStart, upSinceMs: this.#upSinceMs, conditionSinceMs: this.#conditionSinceMs };
    return processPort(this.spec, this.#record, { ...facts, trouble: '' });
  }

  /** Does its work: takes requests if it has a port, runs if it has none. */
  get serves(): boolean {
    return this.spec.launch.port === null ? this.#record.state === 'RUNNING' : this.#record.ready;
  }

  get status(): ProcessStatus {
    const r = this.#record;
    const { name, port } = this.spec.launch;
    return {
      program: this.spec.program,
      name,
      index: this.spec.index,
      port,
      state: r.state,
      pid: r.live ? (this.#process?.pid ?? null) : null,
      up: r.ready,
      uptimeMs: r.live ? this.#host.clock.now() - r.launchedAtMs : null,
      restarts: Math.max(0, this.#launches - 1),
      failures: r.failures,
      problem: r.problem,
    };
  }

  /** Takes one event. Events that effects bring about wait until those effects are done. */
  dispatch(event: ProcessEvent): void {
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#take(next);
    this.#busy = false;
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves with true once `reached` holds, with false when it does not within `withinMs`. */
  until(reached: () => boolean, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (answer: boolean): void => {
        timeout.stop();
        this.#waiting.delete(check);
        resolve(answer);
      };
      const check = (): void => {
        if (reached()) finish(true);
      };
      const timeout = new Timer(() => finish(false), withinMs);
      this.#waiting.add(check);
      check();
    });
  }

  #take(event: ProcessEvent): void {
    const rules = { ...this.spec.policy, drainMs: this.#host.drainMs };
    if (event.type === 'start') this.awaitsStart = false;
    const before = this.port;
    const { record, effects } = transition(this.#record, event, rules, this.#host.clock.now());
    this.#record = record;
    const now = this.port;
    if (now?.condition !== before?.condition) this.#conditionSinceMs = Date.now();
    if (now?.up === true && before?.up === false) this.#upSinceMs = Date.now();
    const isTold = effects.some((effect) => effect.do === 'announce');
    if (!isTold && (now?.coming !== before?.coming || now?.condition !== before?.condition))
      this.#contained(() => this.#host.announce(this.spec.program));
    for (const effect of effects) this.#contained(() => this.#carryOut(effect));
    this.#contained(() => this.#tendProbe());
    if (this.#doesWork()) this.#run?.settle();
  }

  /** What fails while one effect is carried out (a log, the telling of a port) holds up neither the others nor the process. */
  #contained(task: () => void): void {
    try {
      task();
    } catch (error) {
      rethrowLater(error);
    }
  }

  /** It serves, or has run long enough to be no crash loop. */
  #doesWork(): boolean {
    const { ready, state, exit, launchedAtMs } = this.#record;
    const lives = state === 'RUNNING' && exit === null;
    return ready || (lives && this.#host.clock.now() - launchedAtMs >= MIN_LIFE_MS);
  }

  /** While there is a process that may serve its port is awaited, and once it accepts, watched. */
  #tendProbe(): void {
    const { state, live, ready, exit, attempt } = this.#record;
    const { port } = this.spec.launch;
    const runs = (state === 'STARTING' || state === 'RUNNING') && live && exit === null;
    const what = !runs || this.#process?.pid === undefined ? null : ready ? 'watch' : 'await';
    if (this.#probe !== null && (this.#probe.what !== what || this.#probe.attempt !== attempt)) {
      this.#probe.end();
      this.#probe = null;
    }
    if (port === null || what === null || this.#probe !== null) return;
    const end =
      what === 'watch'
        ? watchReady(port, () => this.dispatch({ type: 'lost', attempt }))
        : awaitReady(port, () => this.dispatch({ type: 'ready', attempt }));
    this.#probe = { what, attempt, end };
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'check-port':
        void this.#checkPort(effect.attempt);
        break;
      case 'launch':
        this.#launch(effect.attempt);
        break;
      case 'signal':
        this.#process?.signal(effect.signal);
        break;
      case 'announce':
        this.#host.announce(this.spec.program);
        break;
      case 'timer':
        this.#timer?.stop();
        if (effect.afterMs !== null)
          this.#timer = new Timer(() => this.dispatch({ type: 'timer' }), effect.afterMs);
        break;
      case 'log':
        this.#say(effect.level, effect.message);
    }
  }

  #say(level: 'info' | 'warn' | 'error', message: string): void {
    const { name } = this.spec.launch;
    const pid = this.#process?.pid;
    this.#host.log(level, `${name} ${message}`, { program: this.spec.program, process: { name, pid } });
  }

  /** An orphan of an earlier run, or a stranger, would take the requests and make the process fail for an unclear reason. */
  async #checkPort(attempt: number): Promise<void> {
    const { port } = this.spec.launch;
    if (port === null || !(await accepts(port))) return this.dispatch({ type: 'port-free', attempt });
    const who = (await holderOfPort(port))?.text ?? 'another process';
    const reason = `port ${port} is taken by ${who}: stop that, or choose another first_port`;
    this.dispatch({ type: 'failed', attempt, reason });
  }

  #launch(attempt: number): void {
    const { watchdog } = this.#host;
    const run = this.#crashes.begin(this.spec.launch.name);
    this.#run = run;
    const running = runProcess(this.spec.launch, watchdog.mark, {
      failed: (reason) => this.dispatch({ type: 'failed', attempt, reason }),
      exited: (code, signal) => {
        run.exited(this.#record.state === 'STOPPING' ? null : describeExit({ code, signal }));
        this.dispatch({ type: 'exited', attempt, code, signal });
      },
      gone: () => {
        if (running.pid !== undefined) watchdog.remove(running.pid);
        this.dispatch({ type: 'gone', attempt });
      },
      output: (line) => run.take(line),
      outputEnded: () => run.outputEnded(),
    });
    this.#process = running;
    if (running.pid === undefined) return;
    this.#launches++;
    watchdog.add(running.pid);
    this.#say('info', `started, pid ${running.pid}`);
  }
}
