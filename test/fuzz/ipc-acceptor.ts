// The acceptor's side: a real acceptor, and a primary that is played.
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';
import type { FromAcceptor, SharedState } from '../../src/cluster/messages.ts';
import { GENERATION, type IpcCase } from './ipc-case.ts';
import { fail } from './target.ts';

const MAIN = fileURLToPath(new URL('../../src/cluster/acceptor-main.ts', import.meta.url));
const START_MS = 20_000;
/** Only what hangs needs longer, on a busy machine too. */
const ANSWER_MS = 15_000;

export class AcceptorSide {
  readonly #dir = mkdtempSync(join(tmpdir(), 'lbproxy-fuzz-ipc-'));
  readonly #prepare: readonly unknown[];
  readonly #state: SharedState;
  readonly #waiting = new Map<string, () => void>();
  #child: ChildProcess;
  #asked = 1000;

  private constructor(prepare: readonly unknown[], state: SharedState) {
    this.#prepare = prepare;
    this.#state = state;
    this.#child = this.#fork();
    process.on('exit', () => this.#child.kill('SIGKILL'));
  }

  static async start(prepare: readonly unknown[], state: SharedState): Promise<AcceptorSide> {
    const side = new AcceptorSide(prepare, state);
    if (!(await side.#serves(START_MS))) fail('the acceptor did not start');
    return side;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  #fork(): ChildProcess {
    const files = [openMemoryFile('wx+'), openMemoryFile('ax+'), openMemoryFile('ax+')];
    const child = fork(MAIN, [], {
      cwd: this.#dir,
      // What it does not expect it tells of on stderr, and goes on.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc', ...files.map((fd) => fd ?? fail('no file in memory'))],
    });
    child.on('message', (message: FromAcceptor) => {
      // It gives back what it was told, which need not be a number.
      if (message.type === 'reopened') this.#waiting.get(JSON.stringify(message.generation))?.();
    });
    return child;
  }

  async run({ during, messages }: IpcCase): Promise<void> {
    const child = this.#child;
    if (during !== 'reopen') this.#sendPrepare();
    for (const message of messages) child.send(message as object);
    // What was spoilt is never served.
    child.send({ type: 'discard', generation: GENERATION });
    if (during === 'commit') {
      this.#sendPrepare();
      child.send({ type: 'commit', generation: GENERATION, state: this.#state });
    }
    if (await this.#serves(ANSWER_MS)) return;
    const how = child.exitCode ?? child.signalCode ?? 'hangs';
    child.kill('SIGKILL');
    this.#child = this.#fork();
    await this.#serves(START_MS);
    fail(`the acceptor did not answer (${how})`);
  }

  #sendPrepare(): void {
    for (const message of this.#prepare) this.#child.send(message as object);
  }

  /** It understands what it is told. */
  async #serves(ms: number): Promise<boolean> {
    const generation = this.#asked++;
    const key = String(generation);
    const answer = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#waiting.set(key, () => {
        clearTimeout(timer);
        resolve(true);
      });
      this.#child.once('exit', () => resolve(false));
    });
    this.#child.send({ type: 'reopen', generation });
    const serves = await answer;
    this.#waiting.delete(key);
    this.#child.removeAllListeners('exit');
    return serves;
  }

  close(): void {
    this.#child.kill('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
