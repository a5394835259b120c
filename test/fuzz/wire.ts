// Connections of the fuzz clients: they say everything, keep what comes, and leave no port behind that nobody can use for a minute.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Lateness } from './busy.ts';
import { readAnswers, type SeenAnswer } from './read-answers.ts';
import { fail } from './target.ts';

/** An innocent request that waits longer was kept from its answer by others. */
const INNOCENT_MS = 1000;

export interface Door {
  readonly host: string;
  readonly port: number;
  readonly tls?: boolean;
}

export class Wire {
  readonly #socket: Socket;
  readonly #wire: Socket;
  #text = '';
  #ending = false;
  #pending: Promise<void> = Promise.resolve();
  #wake: (() => void) | null = null;
  /** The other side has closed, or was never there. */
  closed = false;

  constructor({ host, port, tls = false }: Door) {
    this.#wire = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#socket = tls ? connectTls({ socket: this.#wire, rejectUnauthorized: false }) : this.#wire;
    this.#socket.on('data', (bytes: Buffer) => {
      this.#text += bytes.latin1Slice();
      this.#wake?.();
    });
    const ended = (): void => {
      this.closed = true;
      this.#wake?.();
    };
    for (const event of ['end', 'close', 'error']) this.#socket.on(event, ended);
    if (tls) this.#wire.on('error', ended);
  }

  get text(): string {
    return this.#text;
  }

  write(bytes: string): void {
    this.#pending = new Promise((resolve) => this.#socket.write(bytes, 'latin1', () => resolve()));
  }

  /** All that was said is on its way, or never will be. */
  async sent(): Promise<void> {
    await this.#pending;
  }

  end(): void {
    this.#ending = true;
    this.#socket.end();
  }

  /** Until the test is true or the other side has closed; false when neither came in time. */
  async until(test: (text: string) => boolean, ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    while (!this.closed && !test(this.#text)) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    return true;
  }

  /** Ends the connection with a reset: its port is free at once. Node loses the descriptor of one that is reset as it ends. */
  reset(): void {
    if (!this.#ending) this.#wire.resetAndDestroy();
    this.#socket.destroy();
    this.#wire.destroy();
  }
}

export interface Ask {
  readonly request: string;
  /** How its answer must be. */
  readonly isRight: (answer: SeenAnswer) => boolean;
}

/** A client that does nothing wrong, on a connection that it keeps. */
export class Innocent {
  readonly #door: Door;
  readonly #lateness: Lateness;
  #wire: Wire | null = null;

  constructor(door: Door, lateness: Lateness) {
    this.#door = door;
    this.#lateness = lateness;
  }

  async ask({ request, isRight }: Ask): Promise<void> {
    if (this.#wire?.closed) this.#drop();
    this.#wire ??= new Wire(this.#door);
    const wire = this.#wire;
    const before = wire.text.length;
    const began = performance.now();
    wire.write(request);
    const isWhole = (text: string): boolean => readAnswers(text.slice(before), false)[0]?.whole ?? false;
    // More than the time: how late it is tells more than that it is late.
    await wire.until(isWhole, 20 * INNOCENT_MS);
    const ms = performance.now() - began;
    const text = wire.text.slice(before);
    const [answer] = readAnswers(text, false);
    if (answer === undefined || !answer.whole || !isRight(answer))
      fail(
        `an innocent request was answered with ${JSON.stringify(text.slice(0, 400))} after ${Math.round(ms)} ms`,
      );
    if (ms > INNOCENT_MS + this.#lateness.slackMs)
      fail(`an innocent request waited for ${Math.round(ms)} ms`);
    if (/\nconnection: close/i.test(answer.head) || wire.text.length > 100_000) this.#drop();
  }

  #drop(): void {
    this.#wire?.reset();
    this.#wire = null;
  }

  close(): void {
    this.#drop();
  }
}

/** Code that runs for the first time takes its time: nothing is measured of that. */
export async function warmUp(innocents: readonly Innocent[], asks: readonly Ask[]): Promise<void> {
  await Promise.all(
    innocents.map(async (innocent) => {
      for (const ask of asks) await innocent.ask(ask).catch(() => {});
    }),
  );
}
