// One place for one process: feeds events to the pure transition and carries its effects out. What comes of it (peers, status) the
// supervisor reads here.
// Past 300 lines: all that one record's events and effects touch stands here; rules are in transition.ts.
import { isDeepStrictEqual } from 'node:util';
import type { ProcessPort } from '../balance/process-port.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { Timer } from '../shared/timer.ts';
import type { ProcessView } from './control/face.ts';
import { describeExit, MIN_LIFE_MS } from './ending.ts';
import type { ProcessSpec } from './plan.ts';
import { whyPortTaken } from './port-taken.ts';
import { type RunningProcess, runProcess } from './process.ts';
import { processPort } from './process-ports.ts';
import { ReadyProbe } from './ready-probe.ts';
import type { SlotHost, SlotOutput } from './slot-host.ts';
import { refusalOf } from './start-words.ts';
import { type Effect, type Exit, type ProcessEvent, type ProcessState, STOPPED } from './state.ts';
import { isStartOver, transition } from './transition.ts';

/** How long a stopped process is waited for. */
const RETURN_LIMIT_MS = 1000;
/** What Supervisor says of a start that ended within startsecs. */
const TOO_QUICKLY = 'Exited too quickly (process log may have details)';

/** How long a process may wait for others before that is worth a warning. */
const AWAITS_WARN_MS = 10_000;

export class Slot {
  /** Replaced while there is no process, or when only the policy differs. */
  spec: ProcessSpec;
  /** It is stopped only to be started in a moment. */
  awaitsStart = false;
  /** Taken out of the balancer by hand. */
  #drained = false;
  /** Told to stop a moment ago: supervisorctl restarts by a stop and a start. */
  #mayReturn = false;
  #returnLimit: Timer | undefined;
  #retired = false;
  #upSinceMs = 0;
  #conditionSinceMs = 0;
  readonly #host: SlotHost<Slot>;
  #record = STOPPED;
  #process: RunningProcess | undefined;
  #launches = 0;
  #startedAtMs = 0;
  #stoppedAtMs = 0;
  #exitStatus = 0;
  /** Why it failed, in Supervisor's words. */
  #spawnError = '';
  #lastEnd: Pick<Exit, 'code' | 'signal'> | null = null;
  #timer: Timer | undefined;
  readonly #probe: ReadyProbe;
  #output: SlotOutput | null = null;
  readonly #queue: ProcessEvent[] = [];
  #busy = false;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  constructor(spec: ProcessSpec, host: SlotHost<Slot>) {
    this.spec = spec;
    this.#host = host;
    this.#probe = new ReadyProbe(host.ready, (event) => this.dispatch(event));
  }

  /** `group:name`. */
  get key(): string {
    return `${this.spec.group}:${this.spec.launch.name}`;
  }

  get state(): ProcessState {
    return this.#record.state;
  }

  /** Starts of a process, the first included. */
  get launches(): number {
    return this.#launches;
  }

  /** It ended as it was meant to, and stays down: a job. */
  get isDone(): boolean {
    const { state, startAgain } = this.#record;
    return state === 'EXITED' && !startAgain && this.spec.policy.exitcodes.includes(this.#exitStatus);
  }

  /** How the process of the latest start ended; null while it runs, and where there was none. */
  get lastEnd(): Pick<Exit, 'code' | 'signal'> | null {
    return this.#lastEnd;
  }

  /** It is started again when its pause is over. */
  get willRestart(): boolean {
    return this.#record.startAgain;
  }

  /** Goes over to a specification that changes nothing of what runs, or with which it starts next. */
  use(spec: ProcessSpec): void {
    const before = this.spec;
    this.spec = spec;
    // It is known by another name from now on; there is no process.
    if (before.launch.name !== spec.launch.name) this.#output = null;
    // A launch has its streams as it was started: that they are one is no matter of a log.
    if (this.#output !== null && !isDeepStrictEqual(before.output, spec.output))
      this.#output.change(spec.output);
  }

  /** Failed starts in a row. */
  get failures(): number {
    return this.#record.failures;
  }

  /** It may take requests: it is ready, and nothing is being stopped. */
  get up(): boolean {
    return this.#record.ready && !this.#drained;
  }

  /** Does its work: is ready, or runs where nothing says when it is. */
  get serves(): boolean {
    return this.spec.policy.ready.by === 'running' ? this.#record.state === 'RUNNING' : this.#record.ready;
  }

  /** For the balancer; null without a port. */
  get port(): ProcessPort | null {
    return processPort(this.spec, this.#record, {
      awaitsStart: this.awaitsStart,
      mayReturn: this.#mayReturn,
      drained: this.#drained,
      upSinceMs: this.#upSinceMs,
      conditionSinceMs: this.#conditionSinceMs,
      trouble: this.#record.ready ? '' : (this.#output?.lastWords() ?? ''),
    });
  }

  /** Milliseconds since the epoch; 0 when it never was. */
  get launchedAtMs(): number {
    return this.#startedAtMs;
  }

  get drained(): boolean {
    return this.#drained;
  }

  set drained(drained: boolean) {
    if (this.#drained === drained) return;
    this.#drained = drained;
    this.#host.announce(this);
  }

  get pid(): number {
    return this.#record.live && this.#record.exit === null ? (this.#process?.pid ?? 0) : 0;
  }

  get view(): ProcessView {
    const r = this.#record;
    return {
      group: this.spec.group,
      name: this.spec.launch.name,
      program: this.spec.program,
      state: r.state,
      pid: this.pid,
      startedAtMs: this.#startedAtMs,
      stoppedAtMs: this.#stoppedAtMs,
      exitStatus: this.#exitStatus,
      problem: r.problem ?? this.#awaits(),
      spawnError: this.#spawnError,
      stdoutLog: this.output.stdoutLog,
      stderrLog: this.output.stderrLog,
      port: this.spec.launch.port ?? this.spec.policy.port,
      ready: this.serves,
      inFlight: null,
      restarts: Math.max(0, this.#launches - 1),
    };
  }

  /** What it waits for before it can start, or null. */
  #awaits(): string | null {
    const { state, live } = this.#record;
    if (state !== 'STARTING' || live || this.spec.policy.dependsOn.length === 0) return null;
    const awaited = this.#host.awaited(this.spec);
    return awaited.length === 0 ? null : `waits for ${awaited.join(', ')} (depends_on)`;
  }

  get output(): SlotOutput {
    this.#output ??= this.#host.output(this);
    return this.#output;
  }

  /** Makes its AUTO logs, as Supervisor does for all that is configured. */
  openOutput(): void {
    this.#output ??= this.#host.output(this);
  }

  /** To its stdin; false when that is closed. */
  write(data: Buffer): boolean {
    return this.pid !== 0 && this.#process?.write(data) === true;
  }

  signal(signal: NodeJS.Signals | number): void {
    const { pid } = this;
    if (pid !== 0) process.kill(pid, signal);
  }

  /** It is started no more: whoever still has it may ask for what he likes. */
  retire(): void {
    this.#retired = true;
  }

  /** Nothing comes of it any more; there is no process. */
  close(): void {
    this.#closed = true;
    this.#retired = true;
    this.#timer?.stop();
    this.#returnLimit?.stop();
    this.#probe.end();
    this.lookAgain();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Takes one event. Events that effects bring about wait until those effects are done. */
  dispatch(event: ProcessEvent): void {
    // Whoever has it on a list may not know yet that it is no more.
    if (this.#retired && (event.type === 'start' || event.type === 'restart')) return;
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const event = next;
      this.#contained(() => this.#take(event));
    }
    this.#busy = false;
    this.lookAgain();
  }

  /** What those in `until` wait for may have come. */
  lookAgain(): void {
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
    const before = this.#record;
    if (event.type === 'start') this.awaitsStart = false;
    const port = this.port;
    const { record, effects } = transition(before, event, this.spec.policy, this.#host.clock.now());
    this.#record = record;
    this.#noteReturn(event);
    this.#notePort(port);
    if (record.state !== before.state) this.#contained(() => this.#tellState(before.state));
    for (const effect of effects) this.#contained(() => this.#carryOut(effect));
    this.#contained(() => this.#probe.tend(this.spec, this.#record, this.#process?.pid));
    if (port?.coming !== this.port?.coming || port?.condition !== this.port?.condition)
      this.#contained(() => this.#host.announce(this));
    if (this.#doesWork()) this.#output?.settle();
  }

  #noteReturn(event: ProcessEvent): void {
    const { state } = this.#record;
    if (state === 'STARTING' || state === 'RUNNING') this.#mayReturn = false;
    if (event.type === 'stop' && state === 'STOPPING') this.#mayReturn = true;
    this.#returnLimit?.stop();
    if (!this.#mayReturn || state !== 'STOPPED') return;
    this.#returnLimit = new Timer(() => {
      this.#mayReturn = false;
      this.#host.announce(this);
    }, RETURN_LIMIT_MS).unref();
  }

  #notePort(before: ProcessPort | null): void {
    const now = this.port;
    if (now?.condition !== before?.condition) this.#conditionSinceMs = Date.now();
    if (now?.up === true && before?.up !== true) this.#upSinceMs = Date.now();
  }

  #tellState(from: ProcessState): void {
    const { state, failures } = this.#record;
    const expected = this.spec.policy.exitcodes.includes(this.#exitStatus);
    if (state === 'BACKOFF') {
      // A start that failed has no exit status.
      this.#exitStatus = 0;
      if (this.#spawnError === '') this.#spawnError = TOO_QUICKLY;
    }
    if (state === 'EXITED' && !expected) this.#spawnError = `Bad exit code ${this.#exitStatus}`;
    const pid = this.#process?.pid ?? 0;
    this.#host.onState({ slot: this, from, to: state, pid, tries: failures, expected });
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

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'prepare':
        this.#startedAtMs = Date.now();
        this.#spawnError = '';
        this.#exitStatus = 0;
        this.#lastEnd = null;
        void this.#prepare(effect.attempt);
        break;
      case 'launch':
        void this.#launch(effect.attempt);
        break;
      case 'signal':
        this.#process?.signal(effect.signal, effect.group);
        break;
      case 'announce':
        this.#host.announce(this);
        break;
      case 'drain':
        void this.#host
          .drain(this.spec)
          .then(() => this.dispatch({ type: 'drained', attempt: effect.attempt }));
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

  async #prepare(attempt: number): Promise<void> {
    if (this.spec.policy.dependsOn.length > 0) await this.#dependencies(attempt);
    if (attempt !== this.#record.attempt) return;
    const taken = await whyPortTaken(this.spec.launch, (message) => this.#say('warn', message));
    if (taken === null) return this.dispatch({ type: 'prepared', attempt });
    this.#fail(attempt, taken);
  }

  /** There is nothing to run: for a reason that Supervisor has no words for. */
  #fail(attempt: number, reason: string): void {
    if (attempt === this.#record.attempt) this.#spawnError = reason;
    this.dispatch({ type: 'failed', attempt, reason });
  }

  async #dependencies(attempt: number): Promise<void> {
    const warning = new Timer(() => {
      const why = attempt === this.#record.attempt ? this.#awaits() : null;
      if (why !== null) this.#say('warn', why);
    }, AWAITS_WARN_MS);
    await this.#host.dependencies(this.spec);
    warning.stop();
  }

  async #launch(attempt: number): Promise<void> {
    let stdin: number | null;
    try {
      const { ready } = this.spec.policy;
      if (ready.by === 'notify') await this.#host.ready.notify.open(this.key, this.spec.launch.user);
      stdin = await this.#host.stdin(this);
    } catch (error) {
      return this.#fail(attempt, (error as Error).message);
    }
    // A stop may have come meanwhile: then there is nothing to run.
    if (attempt !== this.#record.attempt || !this.#record.live || this.#record.state === 'STOPPING')
      return this.dispatch({ type: 'failed', attempt, reason: 'it was told to stop' });
    this.#run(attempt, stdin);
  }

  #run(attempt: number, stdin: number | null): void {
    const { watchdog, pipes, ready } = this.#host;
    const { output } = this;
    const { redirectStderr } = this.spec.output;
    const running = runProcess(
      this.spec.launch,
      {
        group: this.spec.group,
        mark: watchdog.mark,
        pipes,
        stdin,
        variables: this.#host.variablesFor(this.spec.launch.user?.uid ?? null),
        notifySocket: this.spec.policy.ready.by === 'notify' ? ready.notify.pathFor(this.key) : null,
        redirectStderr,
        waitForGroup: this.spec.policy.killAsGroup,
      },
      {
        failed: (reason) => {
          this.#spawnError = refusalOf(this.spec.launch, process.env)?.text ?? reason;
          this.dispatch({ type: 'failed', attempt, reason });
        },
        exited: (code, signal) => this.#onExited(attempt, code, signal),
        gone: () => {
          if (running.pid !== undefined) watchdog.remove(running.pid);
          this.dispatch({ type: 'gone', attempt });
          this.#contained(() => output.gone());
        },
      },
    );
    this.#process = running;
    if (running.pid === undefined) return;
    this.#launches++;
    watchdog.add(running.pid);
    output.begin(running, this.#probe.listener(this.spec, attempt));
    this.#contained(() => this.#host.onLaunch(this, running.pid ?? 0));
    this.#say('info', `started, pid ${running.pid}`);
    this.#probe.tend(this.spec, this.#record, running.pid);
  }

  #onExited(attempt: number, code: number | null, signal: string | null): void {
    this.#stoppedAtMs = Date.now();
    this.#exitStatus = code ?? -1;
    this.#lastEnd = { code, signal };
    const how = this.#record.state === 'STOPPING' ? null : describeExit({ code, signal });
    this.#contained(() => this.output.exited(how));
    if (
      attempt === this.#record.attempt &&
      isStartOver(this.#record, this.spec.policy, this.#host.clock.now())
    )
      this.dispatch({ type: 'timer' });
    this.dispatch({ type: 'exited', attempt, code, signal });
  }
}
