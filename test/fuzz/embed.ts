// Bytes of peers again, to an application that has the balancer in it.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { makePeerCase, type PeerCase } from './peer-case.ts';
import { PeerField } from './peer-field.ts';
import { fail, type Target } from './target.ts';

export type HostJob = PeerField['addresses'];

export type FromHost =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'bug'; readonly what: string }
  /** Requests that have no end yet. */
  | { readonly type: 'open'; readonly requests: number };

const LANES = 16;
const START_MS = 20_000;
/** For the end of what clients have left. */
const QUIET_MS = 3000;

export async function openEmbed(): Promise<Target<PeerCase>> {
  const field = await PeerField.start();
  const host = new Host(field.addresses);
  await field.open({ host: '127.0.0.1', port: await host.port() }, LANES, false);
  return {
    lanes: LANES,
    make: makePeerCase,
    run: (input, lane) => field.run(input, lane),
    check() {
      field.check();
      host.check();
    },
    processes: () => ({ application: host.pid }),
    async close() {
      field.close();
      await host.close();
    },
  };
}

class Host {
  readonly #child: ChildProcess;
  readonly #bugs: string[] = [];
  #port = 0;
  #open = 0;

  constructor(job: HostJob) {
    this.#child = fork(join(import.meta.dirname, 'embed-host.ts'), [JSON.stringify(job)], {
      stdio: 'inherit',
    });
    this.#child.on('message', (message: FromHost) => {
      if (message.type === 'ready') this.#port = message.port;
      else if (message.type === 'open') this.#open = message.requests;
      else this.#bugs.push(message.what);
    });
    process.on('exit', () => this.#child.kill('SIGKILL'));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  async port(): Promise<number> {
    await this.#until(() => this.#port !== 0, START_MS);
    return this.#port;
  }

  check(): void {
    if (this.#child.exitCode !== null) fail(`the application ended with code ${this.#child.exitCode}`);
    const [bug, ...others] = this.#bugs.splice(0);
    if (bug !== undefined) fail(`nobody caught it (and ${others.length} more): ${bug}`);
  }

  /** Every request must have had its end. */
  async close(): Promise<void> {
    const ask = setInterval(() => this.#child.send(''), 100);
    this.#open = -1;
    const isQuiet = await this.#until(() => this.#open === 0, QUIET_MS);
    clearInterval(ask);
    this.#child.kill('SIGKILL');
    if (!isQuiet) fail(`${this.#open} requests have no end ${QUIET_MS} ms after their clients have gone`);
  }

  async #until(test: () => boolean, ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    while (!test() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    return test();
  }
}
