// What is told of exchanges, in lbproxy's own words.
import type { RuntimeLog } from '../compile.ts';
import type { Attempt } from '../exchange/attempt.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { NoteLevel } from '../features/feature.ts';
import type { Log } from '../observe/error-log.ts';
import { toText } from '../route/template.ts';
import { CAUSE_OF } from '../shared/failure.ts';

export class RequestLog implements RuntimeLog {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  attemptFailed(exchange: Exchange, attempt: Attempt, detail: string): void {
    const next = attempt.noRetry === '' ? 'trying the next peer' : `not tried again (${attempt.noRetry})`;
    const own = attempt.outcome === 'local_exhausted' || attempt.outcome === 'internal_error';
    const what = own ? `peer ${attempt.peer} could not be asked` : `peer ${attempt.peer} failed`;
    this.#log[own ? 'crit' : 'error'](`${what}: ${detail}; ${next}`, {
      cause: attempt.outcome,
      upstream: toText(exchange.proxyHost),
      request: `${exchange.request.method} ${exchange.request.target}`,
      client: exchange.remoteAddress,
    });
  }

  refused(exchange: Exchange, status: number, detail: string): void {
    // What happened on peers was told of each attempt.
    const { failure } = exchange;
    if (failure !== null && failure in CAUSE_OF && exchange.attempts.length > 0) return;
    this.#log[status < 500 ? 'info' : 'error'](`answered ${status}: ${detail}`, {
      request: `${exchange.request.method || '-'} ${exchange.request.target}`,
      client: exchange.remoteAddress,
    });
  }

  note(exchange: Exchange, level: NoteLevel, message: string): void {
    this.#log[level](message, {
      request: `${exchange.request.method || '-'} ${exchange.request.target}`,
      client: exchange.remoteAddress,
    });
  }

  noRoom(message: string): void {
    this.#log.crit(message);
  }

  handshake(message: string): void {
    this.#log.error(message);
  }

  fileProblem(exchange: Exchange, message: string): void {
    this.note(exchange, 'error', message);
  }
}
