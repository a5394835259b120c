// The primary's side: its own slot and its copy of the groups; the acceptor is played.
import cluster, { type Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { AcceptorSlot } from '../../src/cluster/acceptor-slot.ts';
import { drainText } from '../../src/cluster/ending.ts';
import { GroupHub } from '../../src/cluster/group-hub.ts';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';
import type { FromAcceptor } from '../../src/cluster/messages.ts';
import { problemText } from '../../src/cluster/refusal.ts';
import type { Model } from '../../src/config/model.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { checkShape, GENERATION, type IpcCase } from './ipc-case.ts';
import { fail } from './target.ts';

/** For so long the primary waits for an answer. Whoever plays the acceptor has answered at once, or never will. */
const ANSWER_MS = 10_000;
const PLAYED_MS = 300;

type LogMessage = Extract<FromAcceptor, { segment: number }>;

const isText = (value: unknown): boolean => typeof value === 'string';

/** What node:cluster gives for a process, without one. */
class PlayedWorker extends EventEmitter {
  readonly id = 1;
  readonly process = {
    pid: process.pid,
    send: (): boolean => true,
    kill: (): boolean => {
      setImmediate(() => this.emit('exit', null, 'SIGKILL'));
      return true;
    },
  };

  isConnected(): boolean {
    return true;
  }
}

export class PrimarySide {
  readonly #hub: GroupHub;
  #slot: AcceptorSlot;

  constructor(model: Model) {
    cluster.fork = () => new PlayedWorker() as unknown as Worker;
    const { setTimeout: later } = globalThis;
    globalThis.setTimeout = ((work: () => void, ms?: number) =>
      later(work, ms === ANSWER_MS ? PLAYED_MS : ms)) as typeof setTimeout;
    const log = [openMemoryFile('ax+'), openMemoryFile('ax+')].map((fd) => fd ?? fail('no file in memory'));
    this.#hub = new GroupHub([log[0], log[1]], { joined: () => [1], onSealed: () => {} });
    this.#hub.use(model, NOTHING_DISCOVERED, true);
    this.#slot = this.#fork();
  }

  #fork(): AcceptorSlot {
    const events = {
      onReady: () => {},
      // As the primary does.
      onLog: (from: AcceptorSlot, message: LogMessage) => {
        if (message.type === 'log-full') this.#hub.seal(message.segment);
        else this.#hub.left(from.id, message.segment);
      },
      onLeafWish: () => {},
      onTraffic: () => {},
      onOffence: () => {},
      onExit: (gone: AcceptorSlot) => this.#hub.forget(gone.id),
    };
    const slot = new AcceptorSlot(events);
    this.#hear(slot, { type: 'ready' });
    this.#hear(slot, { type: 'log-switched', segment: 0 });
    slot.serving = true;
    return slot;
  }

  #hear(slot: AcceptorSlot, message: unknown): void {
    slot.worker.emit('message', message);
  }

  async run({ during, messages }: IpcCase): Promise<void> {
    if (this.#slot.exited) this.#slot = this.#fork();
    const slot = this.#slot;
    const outcome = this.#ask(slot, during).then(
      () => null,
      (error: unknown) => error,
    );
    for (const message of messages) this.#hear(slot, message);
    await turn();
    for (const message of GOOD) this.#hear(slot, message);
    const error = await outcome;
    if (error !== null) throw error;
    drainText([slot.waits], null);
    this.#hub.state();
    // One that was told to go, for what it said, is one that goes.
    if (slot.exited) return;
    const again = this.#ask(slot, during);
    for (const message of GOOD) this.#hear(slot, message);
    await again;
  }

  async #ask(slot: AcceptorSlot, what: IpcCase['during']): Promise<void> {
    if (what === 'prepare') {
      const problem = await slot.prepare({ type: 'prepare', generation: GENERATION } as never, ['{}']);
      checkShape('prepare', problem, problem === null || (isText(problem.at) && isText(problem.message)));
      if (problem !== null) problemText(problem);
    } else if (what === 'commit') {
      const problem = await slot.commit({ type: 'commit', generation: GENERATION } as never);
      checkShape('commit', problem, problem === null || isText(problem));
    } else {
      const problems = await slot.reopen(GENERATION);
      checkShape('reopen', problems, Array.isArray(problems) && problems.every(isText));
    }
  }
}

const GOOD: readonly unknown[] = [
  { type: 'prepared', generation: GENERATION, problem: null },
  { type: 'committed', generation: GENERATION, problem: null },
  { type: 'reopened', generation: GENERATION, problems: [] },
];
