// The process of one target: makes its cases and runs them, and says every moment how far it is.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { FromTarget, Job } from './messages.ts';
import { openTarget } from './open-target.ts';
import { Random } from './random.ts';
import { Finding, shown, type Target } from './target.ts';

const SAY_MS = 200;
const CHECK_MS = 1000;
/** A case that takes longer is a failure. Targets that have several under way at a time see to that themselves. */
export const HANG_MS = 1000;

const say = (message: FromTarget): void => void process.send?.(message);

class Child {
  readonly #job: Job;
  readonly #target: Target<unknown>;
  readonly #began = performance.now();
  readonly #indexFd: number;
  readonly #index = Buffer.alloc(8);
  #next: number;
  #done = 0;
  #slowestMs = 0;
  #slowest = -1;
  #turned = performance.now();

  constructor(job: Job, target: Target<unknown>) {
    this.#job = job;
    this.#target = target;
    this.#next = job.from;
    this.#indexFd = openSync(job.indexFile, 'w');
  }

  async run(): Promise<void> {
    const saying = setInterval(() => this.#sayProgress(), SAY_MS);
    const checking = setInterval(() => void this.#check(), CHECK_MS);
    this.#sayProcesses();
    await Promise.all(Array.from({ length: this.#target.lanes }, (_, lane) => this.#lane(lane)));
    clearInterval(checking);
    await this.#check();
    clearInterval(saying);
    this.#sayProgress();
    await this.#target.close();
  }

  async #lane(lane: number): Promise<void> {
    const { seed, to, forMs } = this.#job;
    while (this.#next < to && performance.now() - this.#began < forMs) {
      const index = this.#next++;
      this.#index.writeDoubleLE(index);
      writeSync(this.#indexFd, this.#index, 0, 8, 0);
      const input = this.#target.make(new Random(seed, index));
      const [began, cpu] = [performance.now(), process.cpuUsage()];
      await this.#attempt(index, input, lane);
      const ms = performance.now() - began;
      if (this.#target.lanes === 1 && ms > HANG_MS) this.#checkTime(index, input, process.cpuUsage(cpu));
      if (ms > this.#slowestMs) {
        this.#slowestMs = ms;
        this.#slowest = index;
      }
      this.#done++;
      await this.#pace();
    }
  }

  #attempt(index: number, input: unknown, lane: number): Promise<void> | void {
    const failed = (error: unknown): void => this.#fail(index, input, error);
    try {
      return this.#target.run(input, lane)?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** What a machine that was busy took away is no time of the case; who waits for ever is found by the runner. */
  #checkTime(index: number, input: unknown, { user, system }: NodeJS.CpuUsage): void {
    const ms = Math.round((user + system) / 1000);
    if (ms > HANG_MS) this.#fail(index, input, new Finding(`takes ${ms} ms`));
  }

  #fail(index: number, input: unknown, error: unknown): void {
    const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
    const what = error instanceof Finding ? message : stack;
    say({ type: 'failure', index, what, input: shown(input) });
  }

  /** Leaves the cores to others where it is faster than asked for, and lets timers and messages have their turn. */
  async #pace(): Promise<void> {
    const now = performance.now();
    const { rate } = this.#job;
    const aheadMs = rate === 0 ? 0 : (this.#done / rate) * 1000 - (now - this.#began);
    if (aheadMs > 5) await sleep(aheadMs);
    else if (now - this.#turned > 20) await turn();
    else return;
    this.#turned = performance.now();
  }

  async #check(): Promise<void> {
    try {
      await this.#target.check?.();
    } catch (error) {
      this.#fail(this.#next - 1, null, error);
    }
    this.#sayProcesses();
  }

  #sayProcesses(): void {
    say({ type: 'processes', pids: this.#target.processes() });
  }

  #sayProgress(): void {
    say({ type: 'progress', done: this.#done, slowestMs: this.#slowestMs, slowest: this.#slowest });
  }
}

const job = JSON.parse(process.argv[2]) as Job;
// The runner is gone: nobody would end what this process started.
process.on('disconnect', () => process.exit(1));
const target = await openTarget(job.target);
await new Child(job, target).run();
say({ type: 'end' });
process.disconnect?.();
process.exit(0);
