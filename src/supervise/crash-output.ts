// What a process prints when it crashes again and again: the first time in full, then one line with the count. One object a slot.
import type { OutputLine, OutputSink } from './output.ts';

/** A process that lives this long and has not said anything new is let speak. */
const HOLD_MS = 5000;
/** What is longer than this is printed each time. */
const MAX_LINES = 500;
const MAX_CHARACTERS = 64 * 1024;

type Recorded = Readonly<Record<OutputLine['stream'], string[]>>;

export class CrashOutput {
  readonly #sink: OutputSink;
  /** What the run before this one printed before it crashed. */
  #last: Recorded | null = null;
  /** How many runs in a row ended with that. */
  #times = 0;

  constructor(sink: OutputSink) {
    this.#sink = sink;
  }

  /** For each launch. */
  begin(process: string): OutputRun {
    return new OutputRun(process, this.#sink, this.#last, (crashed) => {
      this.#times = crashed?.same ? this.#times + 1 : 1;
      this.#last = crashed?.recorded ?? null;
      return this.#times;
    });
  }
}

interface Crash {
  readonly same: boolean;
  /** null where it is too long to be compared with. */
  readonly recorded: Recorded | null;
}

/** Takes note of how a run ended, null for no crash; gives how many in a row ended so. */
type Note = (crash: Crash | null) => number;

/** The output of one launch, held as long as it repeats that of the run before. */
export class OutputRun {
  readonly #process: string;
  readonly #sink: OutputSink;
  readonly #note: Note;
  #recorded: Recorded | null = { stdout: [], stderr: [] };
  #characters = 0;
  #before: Recorded | null;
  readonly #held: OutputLine[] = [];
  readonly #timer: NodeJS.Timeout;
  #how: string | null = null;
  #outputEnded = false;
  #settled = false;

  constructor(process: string, sink: OutputSink, before: Recorded | null, note: Note) {
    this.#process = process;
    this.#sink = sink;
    this.#before = before;
    this.#note = note;
    this.#timer = setTimeout(() => this.#release(), HOLD_MS).unref();
  }

  take(line: OutputLine): ReturnType<OutputSink> {
    const text = comparable(line.text);
    const index = this.#record(line.stream, text);
    if (this.#before !== null && index >= 0 && this.#before[line.stream][index] === text) {
      this.#held.push(line);
      return undefined;
    }
    this.#release();
    return this.#sink(line);
  }

  /** It does its work: what it says from now on is news. */
  settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#release();
    this.#recorded = null;
    this.#note(null);
  }

  /** `how` says it; null when it was told to end. */
  exited(how: string | null): void {
    if (how === null) this.settle();
    this.#how = how;
    this.#finish();
  }

  outputEnded(): void {
    this.#outputEnded = true;
    this.#finish();
  }

  #finish(): void {
    if (this.#settled || this.#how === null || !this.#outputEnded) return;
    this.#settled = true;
    const { stdout, stderr } = this.#recorded ?? { stdout: [], stderr: [] };
    const before = this.#before;
    const same =
      before !== null && before.stdout.length === stdout.length && before.stderr.length === stderr.length;
    if (!same) this.#release();
    clearTimeout(this.#timer);
    const times = this.#note({ same, recorded: this.#recorded });
    if (!same || stdout.length + stderr.length === 0) return;
    const text = `${this.#how} for the ${ordinal(times)} time, same output`;
    void this.#sink({ process: this.#process, stream: 'stderr', text });
  }

  /** Where the line stands in its stream; -1 where too much has come to be kept. */
  #record(stream: OutputLine['stream'], text: string): number {
    if (this.#recorded === null) return -1;
    const lines = this.#recorded[stream];
    this.#characters += text.length;
    if (lines.length >= MAX_LINES || this.#characters > MAX_CHARACTERS) {
      this.#recorded = null;
      return -1;
    }
    return lines.push(text) - 1;
  }

  /** From now on everything is printed as it comes. */
  #release(): void {
    clearTimeout(this.#timer);
    this.#before = null;
    for (const line of this.#held.splice(0)) void this.#sink(line);
  }
}

/** Times, process ids and addresses differ from run to run, and say nothing new. */
function comparable(text: string): string {
  return text.replace(/0x[0-9a-f]+|\d+/gi, '#');
}

function ordinal(n: number): string {
  const teen = n % 100 >= 11 && n % 100 <= 13;
  return `${n}${teen ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')}`;
}
