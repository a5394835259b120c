// `lbproxy top` on a terminal, until somebody quits: readings, keys and the screen together.
import type { ReadStream, WriteStream } from 'node:tty';
import { mayColour } from '../../shared/terminal-colours.ts';
import { Desk, type Wish } from './desk.ts';
import { Refused } from './live-client.ts';
import type { Reading } from './readings.ts';
import { Screen } from './screen.ts';
import type { Source } from './source.ts';

const EVERY_MS = 1000;
const AGAIN = 'trying again: ';

export class Show {
  readonly #source: Source;
  readonly #output: WriteStream;
  readonly #desk: Desk;
  readonly #screen: Screen;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #isReading = false;
  /** What is being read is of an earlier wish. */
  #readAgain = false;
  #ended: (status: number) => void = () => {};

  constructor(input: ReadStream, output: WriteStream, source: Source) {
    this.#source = source;
    this.#output = output;
    this.#desk = new Desk({
      quit: () => this.#end(0),
      read: () => this.#read(),
      suspend: () => this.#screen.suspend(),
      wish: (wish) => void this.#act(wish),
    });
    this.#desk.filter = source.filter;
    this.#screen = new Screen(input, output, {
      key: (name) => {
        this.#desk.key(name);
        this.#draw();
      },
      redraw: () => this.#draw(),
      end: (status) => this.#end(status),
    });
  }

  /** Resolves with the exit status, the terminal being as it was. */
  run(first: Reading): Promise<number> {
    this.#desk.reading = first;
    return new Promise((resolve) => {
      this.#ended = resolve;
      this.#screen.open();
      this.#draw();
      this.#timer = setInterval(() => {
        if (!this.#desk.paused && !this.#isReading) this.#read();
      }, EVERY_MS);
    });
  }

  #end(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#screen.close();
    this.#ended(status);
  }

  #draw(): void {
    if (this.#isOver) return;
    const { columns, rows } = this.#output;
    this.#screen.draw(
      this.#desk.lines({ columns: columns || 80, rows: rows || 24, colours: mayColour(true) }),
    );
  }

  #read(): void {
    if (this.#isReading) {
      this.#readAgain = true;
      return;
    }
    this.#isReading = true;
    this.#readAgain = false;
    void this.#readOnce().finally(() => {
      this.#isReading = false;
      this.#draw();
      if (this.#readAgain && !this.#isOver) this.#read();
    });
  }

  async #readOnce(): Promise<void> {
    const desk = this.#desk;
    this.#source.filter = desk.filter;
    try {
      const reading = await this.#source.read();
      // What was paused meanwhile stays as it was seen.
      if (!desk.paused) desk.reading = reading;
      if (desk.note?.text.startsWith(AGAIN) === true) desk.note = null;
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  async #act({ what, body, text }: Wish): Promise<void> {
    const desk = this.#desk;
    desk.note = { text, isBad: false };
    try {
      const client = await this.#source.client();
      const { ok, text: outcome } = await client.change(what, body);
      desk.note = { text: outcome, isBad: !ok };
    } catch (error) {
      this.#fail(error as Error);
    }
    this.#read();
    this.#draw();
  }

  #fail(error: Error): void {
    const text = error.message.replace(/\n[\s\S]*/, '');
    this.#desk.note = { text: error instanceof Refused ? text : AGAIN + text, isBad: true };
  }
}
