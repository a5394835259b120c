// The terminal while `lbproxy top` has it: the alternate screen, keys one by one, and all as it was before at every end.
import { writeSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:tty';
import { keysOf } from './keys.ts';

/** The alternate screen, no cursor, and lines that are too long do not go on in the next. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';
const STDOUT = 1;

export interface ScreenUse {
  key(name: string): void;
  /** The whole is to be drawn again. */
  redraw(): void;
  /** A signal, or the terminal is gone: with this exit status. */
  end(status: number): void;
}

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGQUIT', 131],
] as const;

export class Screen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #use: ScreenUse;
  #drawn: readonly string[] = [];
  #isOn = false;
  readonly #undo: (() => void)[] = [];

  constructor(input: ReadStream, output: WriteStream, use: ScreenUse) {
    this.#input = input;
    this.#output = output;
    this.#use = use;
  }

  open(): void {
    this.#on();
    const typed = (text: string): void => {
      for (const key of keysOf(text)) this.#use.key(key);
    };
    const gone = (): void => this.#use.end(129);
    this.#input.setEncoding('utf8').on('data', typed).on('end', gone).on('error', gone);
    this.#output.on('resize', this.#resized).on('error', gone);
    this.#undo.push(() => {
      // An error that comes late has nobody to go to.
      this.#input.off('data', typed).pause();
      this.#output.off('resize', this.#resized);
    });
    for (const [signal, status] of SIGNALS) this.#listen(signal, () => this.#use.end(status));
    this.#listen('SIGTSTP', () => this.suspend());
    this.#listen('SIGCONT', () => {
      // Somebody else may have had the terminal meanwhile, whoever stopped us.
      this.#isOn = false;
      this.#on();
      this.#use.redraw();
    });
    // Also where an exception ends the process.
    const restore = (): void => this.#off();
    process.on('exit', restore);
    this.#undo.push(() => void process.off('exit', restore));
  }

  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.#off();
  }

  /** Ctrl-Z: the shell gets its terminal as it was. */
  suspend(): void {
    this.#off();
    process.kill(process.pid, 'SIGSTOP');
  }

  /** Only lines that changed are written. Each is emptied first: behind its last column there is nothing to empty. */
  draw(lines: readonly string[]): void {
    if (!this.#isOn) return;
    let text = '';
    for (let row = 0; row < Math.max(lines.length, this.#drawn.length); row++) {
      const line = lines[row] ?? '';
      if (line !== this.#drawn[row]) text += `\x1b[${row + 1};1H\x1b[2K${line}`;
    }
    this.#drawn = [...lines];
    if (text !== '') this.#output.write(text);
  }

  readonly #resized = (): void => {
    this.#drawn = [];
    this.#output.write('\x1b[2J');
    this.#use.redraw();
  };

  #listen(signal: NodeJS.Signals, act: () => void): void {
    process.on(signal, act);
    this.#undo.push(() => void process.off(signal, act));
  }

  #on(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#drawn = [];
    this.#input.setRawMode(true);
    this.#input.resume();
    this.#output.write(ENTER);
  }

  /** At once: the process may be about to end, or to stop. */
  #off(): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    try {
      this.#input.setRawMode(false);
      writeSync(STDOUT, LEAVE);
    } catch {
      // The terminal is gone: there is nothing to restore.
    }
  }
}
