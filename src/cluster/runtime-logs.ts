// The error logs of one configuration: the main one, and what an exchange's failures are written as.
import type { RuntimeLog } from '../compile.ts';
import type { Model } from '../config/model.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import type { NoteLevel } from '../features/feature.ts';
import { createLog, type Log } from '../observe/error-log.ts';
import type { LogFiles } from '../observe/log-files.ts';
import { CAUSE_OF } from '../shared/failure.ts';

export class RuntimeLogs implements RuntimeLog {
  readonly main: Log;
  readonly #files: LogFiles;

  /** Throws LogFileError when a log cannot be opened. */
  constructor(model: Model, files: LogFiles) {
    this.main = createLog(model.settings.errorLog, files);
    this.#files = files;
  }

  /** From now on problems of the log files themselves are written here. */
  use(): void {
    this.#files.report = (message) => this.main.error(message);
  }

  attemptFailed(exchange: Exchange, attempt: Attempt, detail: string): void {
    const next = attempt.noRetry === '' ? 'trying the next peer' : `not tried again (${attempt.noRetry})`;
    const own = attempt.outcome === 'local_exhausted' || attempt.outcome === 'internal_error';
    const what = own ? `peer ${attempt.peer} could not be asked` : `peer ${attempt.peer} failed`;
    this.main[own ? 'crit' : 'error'](`${what}: ${detail}; ${next}`, {
      cause: attempt.outcome,
      upstream: exchange.proxyHost,
      request: `${exchange.request.method} ${exchange.request.target}`,
      client: exchange.client.remoteAddress,
    });
  }

  refused(exchange: Exchange, status: number, detail: string): void {
    // What happened on peers was told of each attempt.
    const { failure } = exchange;
    if (failure !== null && failure in CAUSE_OF && exchange.attempts.length > 0) return;
    this.main[status < 500 ? 'info' : 'error'](`answered ${status}: ${detail}`, {
      request: `${exchange.request.method || '-'} ${exchange.request.target}`,
      client: exchange.client.remoteAddress,
    });
  }

  note(exchange: Exchange, level: NoteLevel, message: string): void {
    this.main[level](message, {
      request: `${exchange.request.method || '-'} ${exchange.request.target}`,
      client: exchange.client.remoteAddress,
    });
  }

  noRoom(message: string): void {
    this.main.crit(message);
  }

  handshake(message: string): void {
    this.main.error(message);
  }

  fileProblem(exchange: Exchange, message: string): void {
    this.note(exchange, 'error', message);
  }
}
