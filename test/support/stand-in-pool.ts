// A pool of processes that are none: states change as those of real ones would, by timers and commands, and output goes to real files.
// What stands behind a control server in its tests.
import fs from 'node:fs';
import type {
  ConfiguredGroup,
  GroupView,
  PoolFace,
  ProcessHandle,
  ProcessView,
  Progress,
  Reread,
} from '../../src/supervise/control/face.ts';
import type { GroupPlan, ProcessSpec, StreamPlan } from '../../src/supervise/plan.ts';

export interface StandInProgram {
  readonly name: string;
  /** Its own name without. */
  readonly group?: string;
  readonly groupPriority?: number;
  readonly priority?: number;
  readonly command: string;
  readonly autostart?: boolean;
  readonly startMs?: number;
  readonly startretries?: number;
  readonly exitcodes?: readonly number[];
  readonly stopwaitsecs?: number;
  /** It ends by itself so long after each start, with this status. */
  readonly ends?: { readonly afterMs: number; readonly status: number };
  /** How long it takes to end when told to. */
  readonly stopTakesMs?: number;
  /** Written to stdout at each start. */
  readonly says?: string;
  readonly stdoutLog: string | null;
  readonly stderrLog: string | null;
}

const PRIORITY = 999;
const quiet = {
  syslog: false,
  maxBytes: 50 * 1024 * 1024,
  backups: 10,
  daily: false,
  gzip: false,
  totalBytes: 0,
};

function stream(path: string | null): StreamPlan {
  const target = path === null ? ({ kind: 'none' } as const) : ({ kind: 'file', path } as const);
  return { ...quiet, target, captureMaxBytes: 0, events: false, stripAnsi: false };
}

function specOf(p: StandInProgram): ProcessSpec {
  return {
    group: p.group ?? p.name,
    program: p.name,
    index: 0,
    at: 'stand-in:1:1',
    launch: {
      name: p.name,
      dialect: 'supervisor',
      port: null,
      argv: p.command.split(' '),
      command: p.command,
      directory: '/',
      environment: {},
      user: null,
      umask: null,
      serverUrl: null,
      problem: null,
    },
    policy: {
      port: null,
      priority: p.priority ?? PRIORITY,
      autostart: p.autostart ?? true,
      startMs: p.startMs ?? 1000,
      stopSignal: 'SIGTERM',
      stopWaitMs: (p.stopwaitsecs ?? 10) * 1000,
      stopAsGroup: false,
      killAsGroup: false,
      autorestart: false,
      exitcodes: p.exitcodes ?? [0],
      giveUpAfter: p.startretries ?? 3,
      backOff: 'supervisor',
      ready: { by: 'running' },
      readyGates: false,
      readyTimeoutMs: null,
      readyLostMs: null,
      drainLimitMs: 0,
      dependsOn: [],
      watch: [],
      maxMemoryBytes: null,
      maxUnavailable: 1,
      slowStartMs: 0,
    },
    output: { redirectStderr: false, stdout: stream(p.stdoutLog), stderr: stream(p.stderrLog) },
    written: { directory: null, serverUrl: null },
  };
}

/** Programs in the order of the configuration become groups in Supervisor's. */
export function plansOf(programs: readonly StandInProgram[]): GroupPlan[] {
  const names = [...new Set(programs.map((p) => p.group ?? p.name))];
  return names
    .map((name): GroupPlan => {
      const members = programs.filter((p) => (p.group ?? p.name) === name);
      const priority =
        members[0].groupPriority ??
        (members[0].group === undefined ? members[0].priority : undefined) ??
        PRIORITY;
      const processes = members.map(specOf).sort((a, b) => a.policy.priority - b.policy.priority);
      return { name, priority, at: 'stand-in:1:1', processes, listener: null, socket: null };
    })
    .sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
}

let lastPid = 100_000;

export class StandInProcess implements ProcessHandle {
  readonly signals: number[] = [];
  readonly #program: StandInProgram;
  readonly #waiting = new Set<() => void>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #view: ProcessView;
  #failures = 0;

  constructor(program: StandInProgram) {
    this.#program = program;
    this.#view = {
      group: program.group ?? program.name,
      name: program.name,
      program: program.name,
      state: 'STOPPED',
      pid: 0,
      startedAtMs: 0,
      stoppedAtMs: 0,
      exitStatus: 0,
      problem: null,
      spawnError: '',
      stdoutLog: program.stdoutLog,
      stderrLog: program.stderrLog,
      port: null,
      ready: false,
      inFlight: null,
      restarts: 0,
    };
  }

  get view(): ProcessView {
    return this.#view;
  }

  whyNoCommand(): { readonly kind: 'missing' | 'not-executable'; readonly text: string } | null {
    const [file] = this.#program.command.split(' ');
    const found = fs.statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return { kind: 'missing', text: `can't find command '${file}'` };
    if (found.isDirectory()) return { kind: 'not-executable', text: `command at '${file}' is a directory` };
    if ((found.mode & 0o111) === 0)
      return { kind: 'not-executable', text: `command at '${file}' is not executable` };
    return null;
  }

  start(): void {
    if (['STARTING', 'RUNNING', 'STOPPING'].includes(this.#view.state)) return;
    const { startMs = 1000, ends, says = '', stdoutLog, stderrLog } = this.#program;
    const pid = ++lastPid;
    for (const path of [stdoutLog, stderrLog]) if (path !== null) fs.appendFileSync(path, '');
    if (stdoutLog !== null) fs.appendFileSync(stdoutLog, says);
    const state = startMs === 0 ? 'RUNNING' : 'STARTING';
    this.#change({ state, pid, startedAtMs: Date.now(), spawnError: '', exitStatus: 0 });
    if (startMs > 0) this.#after(startMs, () => this.#change({ state: 'RUNNING', ready: true }));
    if (ends !== undefined) this.#after(ends.afterMs, () => this.#end(ends.status));
  }

  stop(): void {
    if (this.#view.state === 'BACKOFF') this.#change({ state: 'STOPPED' });
    if (!['STARTING', 'RUNNING'].includes(this.#view.state)) return;
    this.#stopTimers();
    this.#change({ state: 'STOPPING' });
    this.#after(this.#program.stopTakesMs ?? 20, () => this.#end(-1));
  }

  signal(signal: NodeJS.Signals | number): void {
    this.signals.push(Number(signal));
    if (signal === 9) this.#end(-1);
  }

  write(data: Buffer): boolean {
    if (!this.#program.command.endsWith('/cat')) return false;
    fs.appendFileSync(this.#program.stdoutLog ?? '/dev/null', data);
    return true;
  }

  async clearLogs(): Promise<void> {
    for (const path of [this.#program.stdoutLog, this.#program.stderrLog])
      if (path !== null) fs.writeFileSync(path, '');
  }

  until(reached: () => boolean, withinMs: number): Promise<boolean> {
    if (reached()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (result: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(result);
      };
      const look = (): void => {
        if (reached()) end(true);
      };
      const timer = setTimeout(() => end(reached()), Math.min(withinMs, 200));
      this.#waiting.add(look);
    });
  }

  dispose(): void {
    this.#stopTimers();
  }

  #end(status: number): void {
    this.#stopTimers();
    const { startretries = 3, exitcodes = [0] } = this.#program;
    const ended = { pid: 0, stoppedAtMs: Date.now(), ready: false };
    if (this.#view.state === 'STOPPING')
      return this.#change({ ...ended, state: 'STOPPED', exitStatus: status });
    if (this.#view.state === 'RUNNING') {
      const spawnError = exitcodes.includes(status) ? '' : `Bad exit code ${status}`;
      this.#failures = 0;
      return this.#change({ ...ended, state: 'EXITED', exitStatus: status, spawnError });
    }
    const spawnError = 'Exited too quickly (process log may have details)';
    this.#failures++;
    this.#change({ ...ended, state: 'BACKOFF', spawnError });
    if (this.#failures <= startretries) return this.#after(this.#failures * 1000, () => this.start());
    this.#failures = 0;
    this.#after(50, () => this.#change({ state: 'FATAL' }));
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #change(change: Partial<ProcessView>): void {
    this.#view = { ...this.#view, ...change };
    for (const look of [...this.#waiting]) look();
  }
}

interface RunningGroup extends GroupView {
  readonly processes: readonly StandInProcess[];
}

export class StandInPool implements PoolFace {
  readonly identifier = 'supervisor';
  state: PoolFace['state'] = 'RUNNING';
  readonly mainLog: string | null;
  /** What the next reading finds. */
  programs: readonly StandInProgram[];
  /** The next reading fails with this. */
  unreadable: string | null = null;
  /** What was asked for of things that leave no trace in states. */
  readonly asked: string[] = [];
  #configured: readonly GroupPlan[];
  #groups: readonly RunningGroup[] = [];

  constructor(programs: readonly StandInProgram[], mainLog: string | null) {
    this.programs = programs;
    this.mainLog = mainLog;
    this.#configured = plansOf(programs);
    for (const { name } of this.#configured) this.addGroup(name);
  }

  async clearMainLog(): Promise<void> {
    if (this.mainLog !== null) fs.writeFileSync(this.mainLog, 'reopened\n');
  }

  groups(): readonly GroupView[] {
    return [...this.#groups].sort((a, b) => a.plan.priority - b.plan.priority);
  }

  /** For a test to move by hand. */
  process(name: string): StandInProcess {
    const found = this.#groups.flatMap(({ processes }) => processes).find(({ view }) => view.name === name);
    if (found === undefined) throw new Error(`no process ${name}`);
    return found;
  }

  configured(): readonly ConfiguredGroup[] {
    return this.#configured.map((plan) => ({
      plan,
      inUse: this.#groups.some((group) => group.plan.name === plan.name),
      written: () => ({ directory: null, serverUrl: null }),
    }));
  }

  async reread(): Promise<Reread> {
    if (this.unreadable !== null) throw new Error(this.unreadable);
    const next = plansOf(this.programs);
    this.#configured = next;
    const running = new Map(this.#groups.map(({ plan }) => [plan.name, plan]));
    const names = new Set(next.map(({ name }) => name));
    return {
      added: next.filter(({ name }) => !running.has(name)).map(({ name }) => name),
      changed: next
        .filter(
          (plan) => running.has(plan.name) && JSON.stringify(plan) !== JSON.stringify(running.get(plan.name)),
        )
        .map(({ name }) => name),
      removed: [...running.keys()].filter((name) => !names.has(name)),
    };
  }

  addGroup(name: string): boolean {
    const plan = this.#configured.find((group) => group.name === name);
    if (plan === undefined) throw new Error(`no group ${name}`);
    if (this.#groups.some((group) => group.plan.name === name)) return false;
    const programs = this.programs.filter((p) => (p.group ?? p.name) === name);
    const processes = plan.processes.map(({ launch }) => {
      const program = programs.find((p) => p.name === launch.name);
      if (program === undefined) throw new Error(`no program ${launch.name}`);
      return new StandInProcess(program);
    });
    this.#groups = [...this.#groups, { plan, processes }];
    for (const [i, { policy }] of plan.processes.entries()) if (policy.autostart) processes[i].start();
    return true;
  }

  removeGroup(name: string): boolean {
    const group = this.#groups.find(({ plan }) => plan.name === name);
    if (group === undefined) throw new Error(`no group ${name}`);
    if (group.processes.some(({ view }) => !['STOPPED', 'EXITED', 'FATAL'].includes(view.state)))
      return false;
    this.#groups = this.#groups.filter((other) => other !== group);
    return true;
  }

  async update(names: readonly string[], tell: (line: string) => void): Promise<Progress> {
    tell(`updates ${names.join()}`);
    return { ok: true, text: 'updated' };
  }

  async restart(processes: readonly ProcessHandle[], tell: (line: string) => void): Promise<Progress> {
    for (const process of processes) {
      process.stop();
      await process.until(() => process.view.state === 'STOPPED', 5000);
      process.start();
      tell(`${process.view.name} starts anew`);
    }
    return { ok: true, text: `${processes.length} restarted` };
  }

  async scale(program: string, count: number): Promise<Progress> {
    this.asked.push(`scale ${program} ${count}`);
    return { ok: false, text: `no room for ${count}` };
  }

  async drain(process: ProcessHandle, on: boolean): Promise<Progress> {
    this.asked.push(`drain ${process.view.name} ${on}`);
    return { ok: true, text: process.view.name };
  }

  countInFlight(): Promise<void> {
    return Promise.resolve();
  }

  changedFiles(): readonly string[] {
    return [];
  }

  remoteEvent(type: string, data: string): void {
    this.asked.push(`event ${type} ${data}`);
  }

  async reopenLogs(): Promise<Progress> {
    return { ok: true, text: 'reopened' };
  }

  shutdown(): void {
    this.asked.push('shutdown');
    this.state = 'SHUTDOWN';
  }

  restartAll(): void {
    this.asked.push('restart');
    this.state = 'RESTARTING';
  }

  dispose(): void {
    for (const { processes } of this.#groups) for (const process of processes) process.dispose();
  }
}
