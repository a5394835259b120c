// Bytes of several logs → whole lines on one output, each with the name of its log in front.
import { StringDecoder } from 'node:string_decoder';
import { styleText } from 'node:util';
import { terminalLine } from '../../observe/terminal-line.ts';
import { padEnd } from '../../observe/text-width.ts';
import type { WantedLog } from './wanted-logs.ts';

export interface PrinterLook {
  readonly colours: boolean;
  /** Programs print what strangers send: a terminal shows it and does not obey. */
  readonly isTerminal: boolean;
  /** Columns of the longest name. */
  readonly width: number;
}

/** Of a line that does not end so much is kept, then it is printed in pieces. */
const MOST_LENGTH = 64 * 1024;
const COLOURS = ['cyan', 'yellow', 'green', 'magenta', 'blue'] as const;

export class LinePrinter {
  readonly #front: string;
  readonly #isTerminal: boolean;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** `place`: the how manieth log it is, for its colour. */
  constructor({ label, channel }: WantedLog, place: number, { colours, isTerminal, width }: PrinterLook) {
    const name = `${padEnd(label, width)} ${channel === 'stderr' ? '!' : '|'}`;
    const colour = channel === 'stderr' ? 'red' : COLOURS[place % COLOURS.length];
    this.#front = colours ? styleText(colour, name, { validateStream: false }) : name;
    this.#isTerminal = isTerminal;
  }

  /** The lines that these bytes end. */
  take(bytes: Buffer): string {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MOST_LENGTH) {
      lines.push(this.#rest);
      this.#rest = '';
    }
    return lines.map((line) => this.#print(line)).join('');
  }

  /** What has no end yet. */
  end(): string {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    return rest === '' ? '' : this.#print(rest);
  }

  #print(line: string): string {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    return `${this.#front} ${this.#isTerminal ? terminalLine(text) : text}\n`;
  }
}
