// What a SIGHUP means: the closing of the terminal that lbproxy was started on, or, as ever, a wish to read the configuration again.
import { closeSync, constants, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type Clock, systemClock } from '../shared/clock.ts';

/** How often the terminal is looked at: a signal that comes long after it went was sent by somebody. */
const LOOK_MS = 1000;
/** The shell, which heard of the closing first, may be late in passing the signal on. */
const LATE_MS = 5000;

export interface TerminalTools {
  /** Whether the process has a terminal that is there. */
  readonly present: () => boolean;
  /** Whether it reads from it or prints to it; with nohup, or its streams in files, it does not. */
  readonly used: boolean;
  readonly clock: Clock;
}

const REAL: TerminalTools = {
  present: hasTerminal,
  used: [0, 1, 2].some((fd) => isatty(fd)),
  clock: systemClock,
};

/** `end`: the terminal was closed. `stay`: it was, and lbproxy was started so that this does not concern it. */
export type Meaning = 'reload' | 'end' | 'stay';

export class Terminal {
  readonly #tools: TerminalTools;
  /** It was there when last looked at. */
  #present: boolean;
  #goneAt: number | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(tools: TerminalTools = REAL) {
    this.#tools = tools;
    this.#present = tools.present();
    if (this.#present) this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** To be called when SIGHUP comes. */
  meaning(): Meaning {
    this.look();
    if (this.#goneAt === null || this.#tools.clock.now() - this.#goneAt > LATE_MS) return 'reload';
    return this.#tools.used ? 'end' : 'stay';
  }

  look(): void {
    if (!this.#present || this.#tools.present()) return;
    this.#present = false;
    this.#goneAt = this.#tools.clock.now();
    clearInterval(this.#timer);
  }
}

/** tty(4): opening /dev/tty fails (ENXIO, EIO) in a process whose terminal was hung up, or that never had one. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}
