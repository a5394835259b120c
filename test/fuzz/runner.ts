// The runner's side of one target: starts its process, sees that it goes on, starts another behind a case that stopped it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cpuMs } from './busy.ts';
import { Memory } from './memory.ts';
import type { FromTarget, Job } from './messages.ts';
import type { Options } from './options.ts';

/** A process that has had so much time, and says nothing, will never say anything. It says by itself what took more than a second. */
const STILL_CPU_MS = 4000;
/** The same of one that sleeps, or has no turn. */
const STILL_MS = 60_000;
/** For its programs to start, and to end. */
const START_MS = 60_000;
const END_MS = 30_000;
/** Each kind of failure is printed so often; all are counted. */
const PRINTED = 3;
/** A target that fails at every case would be started for ever. */
const MOST_STARTS = 50;

export interface Result {
  readonly target: string;
  readonly cases: number;
  readonly seconds: number;
  readonly slowestMs: number;
  readonly slowest: number;
  readonly failures: number;
  readonly memory: Memory;
}

export class Runner {
  readonly #target: string;
  readonly #options: Options;
  readonly #dir: string;
  readonly #indexFile: string;
  readonly #memory = new Memory();
  readonly #kinds = new Map<string, number>();
  #pids: Readonly<Record<string, number>> = {};
  #child: ChildProcess | null = null;
  #began = 0;
  #before = 0;
  #done = 0;
  #failures = 0;
  #slowest = { ms: 0, index: -1 };
  #heard = 0;
  /** The last sign of life that was seen to, and the process's time by then. */
  #seen = 0;
  #cpu = 0;
  #started = false;
  #ended = false;
  #stderr = '';

  constructor(target: string, options: Options, dir: string) {
    this.#target = target;
    this.#options = options;
    this.#dir = dir;
    this.#indexFile = join(dir, basename(target));
  }

  get cases(): number {
    return this.#before + this.#done;
  }

  async run(): Promise<Result> {
    const { single, cases, minutes } = this.#options;
    const forMs = minutes * 60_000;
    let from = Math.max(0, single);
    const to = single >= 0 ? single + 1 : cases;
    this.#began = performance.now();
    const sampling = setInterval(() => this.#memory.sample(this.#pids), 1000);
    for (let starts = 0; starts < MOST_STARTS; starts++) {
      const leftMs = forMs - (performance.now() - this.#began);
      if (this.#ended || from >= to || leftMs <= 0 || (starts > 0 && !this.#started)) break;
      this.#before += this.#done;
      this.#done = 0;
      await this.#process(from, to, leftMs);
      if (!this.#ended) from = this.#lastIndex() + 1;
    }
    clearInterval(sampling);
    return {
      target: this.#target,
      cases: this.cases,
      seconds: (performance.now() - this.#began) / 1000,
      slowestMs: this.#slowest.ms,
      slowest: this.#slowest.index,
      failures: this.#failures,
      memory: this.#memory,
    };
  }

  async #process(from: number, to: number, forMs: number): Promise<void> {
    const { seed, rate } = this.#options;
    const job: Job = { target: this.#target, seed, from, to, forMs, rate, indexFile: this.#indexFile };
    const file = join(import.meta.dirname, 'child.ts');
    const child = spawn(process.execPath, [file, JSON.stringify(job)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What a process leaves behind goes with the run.
      env: { ...process.env, TMPDIR: this.#dir },
      // With all that it starts it is one group, which can be ended whatever became of it.
      detached: true,
    });
    this.#child = child;
    this.#heard = performance.now();
    this.#started = false;
    this.#stderr = '';
    child.stderr?.setEncoding('latin1').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    child.on('message', (message: FromTarget) => this.#onMessage(message));
    let why = '';
    const deadline = performance.now() + forMs + START_MS + END_MS;
    const watching = setInterval(() => {
      if (this.#isAlive(cpuMs(child.pid ?? 0)) && performance.now() < deadline) return;
      why = this.#started ? 'hangs' : 'did not start';
      this.kill();
    }, 100);
    const closed = once(child, 'close');
    const [code, signal] = await once(child, 'exit');
    clearInterval(watching);
    // What it had started may have its stderr open.
    this.kill();
    await closed;
    if (this.#ended) return;
    const before = this.#started ? '' : ' before its first case';
    const how = why || `its process ended (${code ?? signal})${before}`;
    this.#fail(this.#lastIndex(), `${how}\n${this.#stderr}`, '');
  }

  #isAlive(cpu: number): boolean {
    const now = performance.now();
    if (this.#heard === this.#seen) {
      const silentMs = now - this.#heard;
      return (
        silentMs < (this.#started ? STILL_MS : START_MS) && (!this.#started || cpu - this.#cpu < STILL_CPU_MS)
      );
    }
    this.#seen = this.#heard;
    this.#cpu = cpu;
    return true;
  }

  #onMessage(message: FromTarget): void {
    this.#heard = performance.now();
    this.#started = true;
    switch (message.type) {
      case 'processes':
        this.#pids = message.pids;
        return;
      case 'progress':
        this.#done = message.done;
        if (message.slowestMs > this.#slowest.ms)
          this.#slowest = { ms: message.slowestMs, index: message.slowest };
        return;
      case 'failure':
        this.#fail(message.index, message.what, message.input);
        return;
      case 'end':
        this.#ended = true;
    }
  }

  #lastIndex(): number {
    try {
      return readFileSync(this.#indexFile).readDoubleLE();
    } catch {
      return 0;
    }
  }

  #fail(index: number, what: string, input: string): void {
    this.#failures++;
    const kind = (/^[^\n"]*/.exec(what)?.[0] ?? '').replace(/\d+/g, 'N').slice(0, 100);
    const times = (this.#kinds.get(kind) ?? 0) + 1;
    this.#kinds.set(kind, times);
    if (times > PRINTED) return;
    const { seed } = this.#options;
    const again = `npm run fuzz -- --only ${this.#target} --seed ${seed} --case ${index}`;
    const shownInput = input === '' || input === 'null' ? '' : `\n  input: ${input.slice(0, 3000)}`;
    process.stdout.write(
      `FAILED ${this.#target} case ${index}: ${what.trim()}${shownInput}\n  again: ${again}\n`,
    );
  }

  /** Ends the process and all that it started. */
  kill(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody is left.
    }
  }
}
