// Sends spans to a collector, batch by batch, one request at a time. What it does not take in time is dropped and counted: memory has its
// bound in batches, and nobody who serves clients waits.
import type { ClientRequest, Agent as HttpAgent, IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { nodeHttp, nodeHttps } from '../../shared/node-parts.ts';
import { Timer } from '../../shared/timer.ts';

export interface ExporterOptions {
  readonly endpoint: string;
  /** PEM; null = the authorities of Node. */
  readonly trusted: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly intervalMs: number;
  readonly batchSize: number;
  readonly batchCount: number;
  /** What stands around the spans of a request. */
  readonly frame: readonly [head: string, tail: string];
  /** The collector cannot be reached, or is again. */
  readonly report: (message: string) => void;
}

/** Of this process, over all its configurations. */
export const spanCounts: { sent: number; dropped: number } = { sent: 0, dropped: 0 };

/** A collector that takes longer is as good as none. */
const SEND_MS = 10_000;
/** Failures in a row are told of so often. */
const REPORT_MS = 60_000;
/** An answer of a collector has a few bytes; of more only its status counts. */
const MAX_ANSWER_BYTES = 65_536;

export class SpanExporter {
  readonly #options: ExporterOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  /** Spans as text. */
  #batch: string[] = [];
  readonly #waiting: string[][] = [];
  #underWay = 0;
  #timer: Timer | null = null;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #onIdle: (() => void)[] = [];

  constructor(options: ExporterOptions) {
    this.#options = options;
    const pool = { keepAlive: true, maxSockets: 1 };
    this.#agent = options.endpoint.startsWith('https:')
      ? new (nodeHttps().Agent)({ ...pool, ca: options.trusted ?? undefined })
      : new (nodeHttp().Agent)(pool);
  }

  /** False: it was dropped. `make` is called only where there is room. */
  add(make: () => string): boolean {
    const { batchSize, batchCount, intervalMs } = this.#options;
    if (this.#batch.length === 0 && this.#waiting.length + this.#underWay >= batchCount) {
      spanCounts.dropped++;
      return false;
    }
    this.#batch.push(make());
    if (this.#batch.length >= batchSize) this.#close();
    else this.#timer ??= new Timer(() => this.#close(), intervalMs).unref();
    return true;
  }

  /** Sends what there is; resolves when it is out, or lost. */
  flush(): Promise<void> {
    this.#close();
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #close(): void {
    this.#timer?.stop();
    this.#timer = null;
    if (this.#batch.length === 0) return;
    this.#waiting.push(this.#batch);
    this.#batch = [];
    this.#next();
  }

  #next(): void {
    if (this.#underWay > 0) return;
    const batch = this.#waiting.shift();
    if (batch === undefined) {
      for (const done of this.#onIdle.splice(0)) done();
      return;
    }
    this.#underWay = 1;
    this.#send(batch, (problem) => {
      this.#underWay = 0;
      if (problem === null) spanCounts.sent += batch.length;
      else {
        spanCounts.dropped += batch.length;
        this.#tell(problem, batch.length);
      }
      this.#next();
    });
  }

  #send(batch: readonly string[], done: (problem: string | null) => void): void {
    const { endpoint, headers, frame } = this.#options;
    const body = Buffer.from(frame[0] + batch.join(',') + frame[1]);
    let isDone = false;
    const end = (problem: string | null): void => {
      if (isDone) return;
      isDone = true;
      limit.stop();
      done(problem);
    };
    const limit = new Timer(() => {
      end(`it did not answer within ${SEND_MS / 1000} s`);
      sent?.destroy();
    }, SEND_MS).unref();
    let sent: ClientRequest | null = null;
    try {
      const send = endpoint.startsWith('https:') ? nodeHttps().request : nodeHttp().request;
      sent = send(endpoint, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'Content-Type': 'application/json',
          'Content-Length': body.length,
          ...Object.fromEntries(headers),
        },
      });
      sent.on('response', (answer) => takeAnswer(answer, end));
      sent.on('error', (error: NodeJS.ErrnoException) => end(error.message || String(error.code)));
      sent.end(body);
    } catch (error) {
      end(error instanceof Error ? error.message : String(error));
    }
  }

  #tell(problem: string, lost: number): void {
    const now = performance.now();
    if (now - this.#reportedAt < REPORT_MS) return;
    this.#reportedAt = now;
    this.#options.report(
      `the collector of traces (${this.#options.endpoint}) did not take ${lost} spans: ${problem}; they are dropped, as are others ` +
        'until it does (this is told once a minute)',
    );
  }
}

/** The status says whether it took the spans; of some that it did not (partialSuccess) its own log tells. */
function takeAnswer(answer: IncomingMessage, end: (problem: string | null) => void): void {
  const { statusCode = 0 } = answer;
  let bytes = 0;
  answer.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) answer.destroy();
  });
  const done = (): void => end(statusCode >= 200 && statusCode < 300 ? null : `it answered ${statusCode}`);
  answer.on('end', done);
  answer.on('error', done);
  answer.on('close', done);
}
