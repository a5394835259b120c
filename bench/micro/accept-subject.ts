// One cluster under measurement: starts it, asks it for its counts, stops it. For accept.ts.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Counts, Mode, Question, Reply } from './accept-processes.ts';

export type CountsReply = Extract<Reply, { type: 'counts' }>;

const program = fileURLToPath(new URL('./accept-processes.ts', import.meta.url));
const running = new Set<ChildProcess>();

export class Subject {
  readonly port: number;
  readonly #primary: ChildProcess;

  constructor(primary: ChildProcess, port: number) {
    this.#primary = primary;
    this.port = port;
  }

  static async start(mode: Mode, acceptors: number): Promise<Subject> {
    const primary = spawn(process.execPath, [program, mode, String(acceptors)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    running.add(primary);
    primary.once('exit', () => running.delete(primary));
    const [ready] = (await once(primary, 'message')) as [Extract<Reply, { type: 'ready' }>];
    return new Subject(primary, ready.port);
  }

  /** Ends whatever runs; the clusters end when their channel does. */
  static abandonAll(): void {
    for (const primary of running) primary.disconnect();
  }

  async ask(question: Question): Promise<Reply> {
    const answered = once(this.#primary, 'message');
    this.#primary.send(question);
    const [reply] = (await answered) as [Reply];
    return reply;
  }

  counts(): Promise<CountsReply> {
    return this.ask('counts') as Promise<CountsReply>;
  }

  async pids(): Promise<readonly number[]> {
    return (await this.counts()).acceptors.map((one) => one.pid);
  }

  async stop(): Promise<void> {
    const gone = once(this.#primary, 'exit');
    this.#primary.send('stop' satisfies Question);
    await gone;
  }
}

/** What each acceptor did between two counts. */
export function between(before: CountsReply, after: CountsReply): readonly Counts[] {
  return after.acceptors.map((one, i) => ({
    pid: one.pid,
    connections: one.connections - before.acceptors[i].connections,
    requests: one.requests - before.acceptors[i].requests,
    cpuUs: one.cpuUs - before.acceptors[i].cpuUs,
  }));
}
