// Lines that somebody types, or that a pipe brings, one at a time: only while one is asked for is the terminal read key by key, so that
// Ctrl-C ends a command as everywhere.
import { createInterface, type Interface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { CtlIo } from './session.ts';

export type CompleteLine = (line: string) => Promise<readonly [matches: string[], word: string]>;

const MOST_HISTORY = 1000;

export class Lines {
  readonly #io: CtlIo;
  readonly #complete: CompleteLine;
  readonly #terminal: ReadStream | null;
  #reader: Interface | null = null;
  #hidden = false;
  /** Lines that came together with one that was asked for. */
  readonly #queue: string[] = [];
  #waiting: ((line: string | null) => void) | null = null;
  #ended = false;
  /** The latest first. */
  history: string[] = [];

  constructor(io: CtlIo, complete: CompleteLine) {
    this.#io = io;
    this.#complete = complete;
    this.#terminal =
      isTerminal(io.stdin) && 'isTTY' in io.stdout && io.stdout.isTTY === true ? io.stdin : null;
  }

  /** Asks for a line; null at the end of the input, or when it is interrupted. */
  async ask(prompt: string, hidden: boolean): Promise<string | null> {
    if (this.#reader !== null && this.#hidden !== hidden && this.#terminal !== null) this.#close();
    const queued = this.#queue.shift();
    if (this.#terminal === null) this.#io.stdout.write(prompt);
    if (queued !== undefined) return queued;
    if (this.#ended) return null;
    const line = new Promise<string | null>((resolve) => {
      this.#waiting = resolve;
    });
    this.#open(hidden);
    if (this.#terminal !== null) {
      this.#reader?.setPrompt(hidden ? '' : prompt);
      this.#terminal.setRawMode(true);
      // Not before: the terminal itself would show what is typed.
      if (hidden) this.#io.stdout.write(prompt);
      this.#reader?.prompt();
    } else this.#reader?.resume();
    return await line;
  }

  /** Whoever waits for a line gets none. */
  interrupt(): void {
    this.#give(null);
  }

  close(): void {
    this.#close();
    this.#io.stdin.pause();
  }

  #open(hidden: boolean): void {
    if (this.#reader !== null) return;
    this.#hidden = hidden;
    const reader = this.#terminal === null ? this.#ofPipe() : this.#ofTerminal(hidden);
    this.#reader = reader;
    reader.on('line', (line) => {
      if (this.#waiting === null) this.#queue.push(line);
      else this.#give(line);
    });
    reader.on('SIGINT', () => this.#give(null));
    reader.on('close', () => {
      if (this.#reader !== reader) return;
      this.#reader = null;
      // A terminal can be read on after Ctrl-D.
      this.#ended = this.#terminal === null;
      this.#give(null);
    });
  }

  #ofPipe(): Interface {
    return createInterface({ input: this.#io.stdin, terminal: false, crlfDelay: Number.POSITIVE_INFINITY });
  }

  #ofTerminal(hidden: boolean): Interface {
    const completer = (line: string, callback: Done): void => {
      this.#complete(line).then(
        ([matches, word]) => callback(null, [matches, word]),
        () => callback(null, [[], line]),
      );
    };
    const reader = createInterface({
      input: this.#io.stdin,
      output: hidden ? NOWHERE() : this.#io.stdout,
      terminal: true,
      historySize: hidden ? 0 : MOST_HISTORY,
      history: hidden ? [] : [...this.history],
      completer: hidden ? undefined : completer,
    });
    if (!hidden) {
      reader.on('history', (history) => {
        this.history = [...history];
      });
    }
    return reader;
  }

  #give(line: string | null): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    this.#terminal?.setRawMode(false);
    this.#reader?.pause();
    if (this.#hidden) this.#io.stdout.write('\n');
    waiting(line);
  }

  #close(): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.close();
  }
}

type Done = (error: Error | null, result: [string[], string]) => void;

/** What a password is echoed to. */
const NOWHERE = (): Writable => new Writable({ write: (_piece, _encoding, done) => done() });

function isTerminal(stream: Readable): stream is ReadStream {
  return stream instanceof ReadStream && stream.isTTY;
}
