// Reads logs one after the other, or follows all of them side by side, also of processes that come later.
import type { WriteStream } from 'node:tty';
import { textWidth } from '../../observe/text-width.ts';
import { mayColour } from '../../shared/terminal-colours.ts';
import type { CtlProcess } from '../../supervise/control/ctl-protocol.ts';
import type { PoolClient } from '../ctl/pool-client.ts';
import { ask, type Limits, type Server } from '../ctl/transport.ts';
import { LinePrinter } from './line-printer.ts';
import { type Channel, logsOf, type WantedLog, wantedProcesses } from './wanted-logs.ts';

export interface ReaderWish {
  readonly server: Server;
  readonly pool: PoolClient;
  readonly limits: Limits;
  readonly output: WriteStream;
  readonly follow: boolean;
  readonly lines: number;
  readonly channels: readonly Channel[];
  readonly names: readonly string[];
}

const LOOK_MS = 2000;
/** The server takes 64 connections, and somebody else may want one. */
const MOST_FOLLOWED = 48;

export class Reader {
  readonly #wish: ReaderWish;
  /** Paths that are being read. */
  readonly #open = new Set<string>();
  /** Paths that were read before. */
  readonly #known = new Set<string>();
  #width = 0;
  #seen = 0;

  constructor(wish: ReaderWish) {
    this.#wish = wish;
  }

  /** Resolves with what went wrong, in a sentence; null for nothing. */
  async run(): Promise<string | null> {
    const { names, channels, follow, lines } = this.#wish;
    const processes = wantedProcesses(await this.#processes(), names);
    if (typeof processes === 'string') return processes;
    if (processes.length === 0) return 'this configuration has no programs';
    const logs = logsOf(processes, channels);
    if (logs.length === 0) return whyNone(processes, channels);
    this.#width = Math.max(...logs.map(({ label }) => textWidth(label)));
    if (follow && logs.length > MOST_FOLLOWED)
      return `${logs.length} logs are more than can be followed at once (${MOST_FOLLOWED}): name programs, or --stream stdout`;
    if (follow) return await this.#followAll(logs);
    for (const log of logs) await this.#copy(log, `${log.url}?lines=${lines}&once`);
    return null;
  }

  async #processes(): Promise<readonly CtlProcess[]> {
    const silent = { line: () => {}, result: () => {} };
    const { data } = await this.#wish.pool.request({ command: 'status', args: { names: [] } }, silent);
    return data?.kind === 'status' ? data.processes : [];
  }

  /** Until lbproxy ends, or the user. */
  async #followAll(first: readonly WantedLog[]): Promise<string | null> {
    const { names, channels, lines } = this.#wish;
    this.#follow(first, lines);
    for (;;) {
      await this.#pause();
      const processes = wantedProcesses(await this.#processes(), names);
      // Of one that came later all is new.
      if (typeof processes !== 'string') this.#follow(logsOf(processes, channels), WHOLE);
    }
  }

  #follow(logs: readonly WantedLog[], lines: number): void {
    for (const log of logs) {
      if (this.#open.has(log.path)) continue;
      this.#open.add(log.path);
      // What lbproxy says of its end is heard with the next look.
      void this.#copy(log, `${log.url}?lines=${this.#known.has(log.path) ? 0 : lines}`)
        .catch(() => {})
        .then(() => this.#open.delete(log.path));
    }
  }

  async #copy(log: WantedLog, path: string): Promise<void> {
    const { server, limits, output } = this.#wish;
    const isTerminal = output.isTTY === true;
    const look = { isTerminal, colours: mayColour(isTerminal), width: this.#width };
    const printer = new LinePrinter(log, this.#seen++, look);
    const response = await ask(server, { method: 'GET', path, limits });
    if (response.statusCode !== 200) {
      // A process that was never started has no log yet.
      response.destroy();
      return;
    }
    this.#known.add(log.path);
    for await (const piece of response as AsyncIterable<Buffer>) await this.#write(printer.take(piece));
    await this.#write(printer.end());
  }

  /** Whoever reads slowly is waited for. */
  #write(text: string): Promise<void> {
    const { output } = this.#wish;
    if (text === '' || output.destroyed || output.write(text)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        output.off('drain', done).off('close', done).off('error', done);
        resolve();
      };
      output.on('drain', done).on('close', done).on('error', done);
    });
  }

  #pause(): Promise<void> {
    const { signal } = this.#wish.limits;
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(new Error('the user does not wait any more'));
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, LOOK_MS);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  }
}

/** Of a log from its beginning. */
const WHOLE = 9_999_999;

function whyNone(processes: readonly CtlProcess[], channels: readonly Channel[]): string {
  const programs = [...new Set(processes.map(({ program }) => program))].join(', ');
  return (
    `${programs}: no log file of ${channels.join(' and ')}; what it prints goes where lbproxy's own output goes. ` +
    'Write e.g. "stdout_logfile logs/%(program_name)s.log;" in the program, and reload'
  );
}
