// Tells of a log that takes nothing: once when it begins, once when it is over, with what was lost; at most once a minute.
import { countLines } from '../../observe/lost-lines.ts';

const QUIET_MS = 60_000;

export class LogTrouble {
  readonly #tell: (message: string) => void;
  #isOn = false;
  /** This trouble, or the losses of one before, have been announced; their end will be told. */
  #announced = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #bytes = 0;

  constructor(tell: (message: string) => void) {
    this.#tell = tell;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** It goes wrong, for this reason; nothing is told while it goes on. */
  begin(reason: string): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#announce(`${reason}; what its programs print waits, and is lost if that goes on`);
  }

  lose(block: Buffer): void {
    this.#lines += countLines(block);
    this.#bytes += block.length;
    if (this.#isOn) return;
    this.#isOn = true;
    this.#announce('nothing is taken from it: what its programs print is being lost');
  }

  /** It takes bytes again. */
  end(): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    if (!this.#announced) return;
    this.#tell(`it takes output again; ${this.#takeLost()}`);
    this.#announced = false;
  }

  /** Nothing is written any more: what was lost and not told is told now. */
  close(): void {
    if (this.#bytes > 0) this.#tell(`it is closed; ${this.#takeLost()}`);
  }

  /** Something else than losses that is worth a message. */
  note(message: string): void {
    this.#announce(message, false);
  }

  #announce(message: string, awaitsEnd = true): void {
    const now = performance.now();
    if (now - this.#toldAt < QUIET_MS) return;
    this.#toldAt = now;
    if (awaitsEnd) this.#announced = true;
    this.#tell(message);
  }

  #takeLost(): string {
    const lost =
      this.#bytes === 0 ? 'nothing was lost' : `${this.#lines} lines (${this.#bytes} bytes) were lost`;
    this.#lines = this.#bytes = 0;
    return lost;
  }
}
